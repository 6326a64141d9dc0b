// The map of one request: where help is needed, where to, and who comes. Leaflet is there when this is loaded.
import { addBackground } from "../console/background.js";

const L = window.L;
const SIGNS = { pickup: "●", dropoff: "⚑", mover: "▲" };
const WORDS = { pickup: "tYou", dropoff: "tGoal", mover: "tHelper" };

export class MotoristMap {
  constructor(box) {
    this.box = box;
    this.map = L.map(box, { zoomControl: false, minZoom: 2, attributionControl: false });
    this.map.setView([36.75, 3.06], 6);
    addBackground(this.map, box);
    this.markers = {};
    this.isFitted = false;
  }

  show(points) {
    for (const name of Object.keys(SIGNS)) this.put(name, points[name]);
    const all = Object.values(this.markers).map((marker) => marker.getLatLng());
    if (!this.isFitted || !all.every((place) => this.map.getBounds().contains(place))) {
      this.map.invalidateSize();
      this.map.fitBounds(L.latLngBounds(all).pad(0.25), { maxZoom: 15, animate: false });
      this.isFitted = true;
    }
  }

  put(name, point) {
    if (!point) {
      if (this.markers[name]) this.markers[name].remove();
      delete this.markers[name];
      return;
    }
    if (this.markers[name]) {
      this.markers[name].setLatLng(point);
      return;
    }
    const body = document.createElement("span");
    body.textContent = SIGNS[name];
    const icon = L.divIcon({ className: `pin-${name}`, html: body, iconSize: [32, 32] });
    this.markers[name] = L.marker(point, { icon, keyboard: false, title: this.box.dataset[WORDS[name]] }).addTo(this.map);
  }
}
