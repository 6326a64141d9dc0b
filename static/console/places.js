// Address fields: suggestions while typing (a combobox as ARIA describes it), and a map with a pin under latitude and longitude.
import { addBackground } from "./background.js";
import { element } from "./markers.js";

const L = window.L;
const WAIT = 180; // ms after the last letter
const LANGUAGE = document.documentElement.lang.slice(0, 2);
let count = 0;

function enhance(field) {
  const data = field.dataset;
  const lat = document.getElementById(data.latitude);
  const lng = document.getElementById(data.longitude);
  if (!lat || !lng) return;
  const list = element("ul", "place-list");
  const told = element("div", "quiet place-told");
  list.id = `places-${(count += 1)}`;
  list.setAttribute("role", "listbox");
  list.hidden = true;
  told.setAttribute("role", "status");
  Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id }).forEach(([name, value]) => field.setAttribute(name, value));
  const holder = element("div", "place-holder");
  field.after(holder);
  holder.append(list, told);
  const box = element("div", "place-map");
  box.setAttribute("role", "region");
  const called = (field.labels[0]?.textContent ?? "").replace(/:\s*$/, "").trim();
  box.setAttribute("aria-label", [called, data.tMap].filter(Boolean).join(": "));
  (lng.closest(".form-row") || lng.parentElement).append(box);
  Object.assign(box.dataset, data);
  const pin = new Pin(box, lat, lng, (point) => describe(field, told, point));

  let rows = [];
  let active = -1;
  let asked = 0;
  let timer = 0;

  const close = () => {
    list.hidden = true;
    active = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };
  const mark = (next) => {
    active = (next + rows.length) % rows.length;
    [...list.children].forEach((row, index) => row.setAttribute("aria-selected", String(index === active)));
    field.setAttribute("aria-activedescendant", `${list.id}-${active}`);
    list.children[active].scrollIntoView({ block: "nearest" });
  };
  const choose = (index) => {
    const one = rows[index];
    if (one.address) field.value = one.address.slice(0, 500);
    pin.put([one.lat, one.lng]);
    told.textContent = "";
    close();
  };
  const show = (answer) => {
    rows = answer.results;
    list.replaceChildren(...rows.map((one, index) => {
      const row = element("li", `place is-${one.source}`);
      row.id = `${list.id}-${index}`;
      row.setAttribute("role", "option");
      row.append(element("bdi", "place-name", one.name), element("bdi", "quiet", one.context));
      row.addEventListener("pointerdown", (event) => { event.preventDefault(); choose(index); });
      return row;
    }));
    list.hidden = !rows.length;
    field.setAttribute("aria-expanded", String(rows.length > 0));
    told.textContent = answer.notice || (rows.length ? data.tFound.replace("{n}", rows.length) : data.tNone);
  };
  const ask = async () => {
    const typed = field.value.trim();
    if (typed.length < 2) return close();
    const number = (asked += 1);
    const query = new URLSearchParams({ q: typed, lang: LANGUAGE });
    const near = pin.near();
    if (near) query.set("near", `${near.lat.toFixed(4)},${near.lng.toFixed(4)}`);
    try {
      const answer = await (await fetch(`${data.searchUrl}?${query}`, { credentials: "same-origin" })).json();
      if (number === asked && document.activeElement === field) show(answer);
    } catch { /* signed out, or the server is away: the field stays a field */ }
    return undefined;
  };
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, WAIT); });
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && list.hidden) { ask(); return; }
    if (list.hidden || !rows.length) return;
    if (event.key === "ArrowDown") mark(active + 1);
    else if (event.key === "ArrowUp") mark(active < 0 ? rows.length - 1 : active - 1);
    else if (event.key === "Enter" && active >= 0) choose(active);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
}

/** Say what is where the pin was put, and offer it as the address. */
async function describe(field, told, point) {
  const query = new URLSearchParams({ lat: point.lat, lng: point.lng, lang: LANGUAGE });
  try {
    const { name } = await (await fetch(`${field.dataset.atUrl}?${query}`, { credentials: "same-origin" })).json();
    told.replaceChildren();
    if (!name) return;
    const take = element("button", "button small", field.dataset.tUse);
    take.type = "button";
    take.addEventListener("click", () => { field.value = name; told.replaceChildren(); });
    told.append(element("bdi", "", name), " ", take);
  } catch { /* as above */ }
}

class Pin {
  constructor(box, lat, lng, moved) {
    Object.assign(this, { lat, lng, moved });
    this.map = L.map(box, { attributionControl: false, scrollWheelZoom: false, minZoom: 2 });
    const streets = addBackground(this.map, box);
    this.marker = null;
    const here = this.typed();
    if (here) this.map.setView(here, 16);
    else if (streets) this.map.fitBounds(streets, { animate: false });
    else this.map.setView([36.75, 3.06], 6);
    if (here) this.draw(here);
    this.map.on("click", (event) => this.put(event.latlng, true));
    for (const field of [lat, lng]) {
      field.addEventListener("change", () => {
        const point = this.typed();
        if (!point) return this.remove();
        this.draw(point);
        return this.map.setView(point, Math.max(this.map.getZoom(), 15));
      });
    }
    new ResizeObserver(() => this.map.invalidateSize()).observe(box);
  }

  typed() {
    const point = [this.lat.value, this.lng.value].map((text) => Number(text.replace(",", ".")));
    return this.lat.value.trim() && this.lng.value.trim() && point.every(Number.isFinite) ? L.latLng(...point) : null;
  }

  near() {
    return this.typed() || (this.map.getZoom() > 9 ? this.map.getCenter() : null);
  }

  remove() {
    if (this.marker) this.marker.remove();
    this.marker = null;
  }

  draw(point) {
    if (this.marker) { this.marker.setLatLng(point); return; }
    const icon = L.divIcon({ className: "place-pin", html: element("span"), iconSize: [24, 24], iconAnchor: [12, 24] });
    this.marker = L.marker(point, { icon, draggable: true, keyboard: false }).addTo(this.map);
    this.marker.on("dragend", () => this.put(this.marker.getLatLng(), true));
  }

  put(where, isByHand = false) {
    const point = L.latLng(where).wrap();
    this.lat.value = point.lat.toFixed(6);
    this.lng.value = point.lng.toFixed(6);
    this.draw(point);
    if (isByHand) this.moved(point);
    else this.map.setView(point, Math.max(this.map.getZoom(), 16));
  }
}

for (const field of document.querySelectorAll("input.place-input")) enhance(field);
