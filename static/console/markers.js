// The things on the map: one marker each, or one for several that would cover each other. Texts are text nodes.
import { grouped } from "./clusters.js";
import { listed } from "./writing.js";

const L = window.L;
const SVG = "http://www.w3.org/2000/svg";
const PLATE = { letter: 7, sides: 10, top: 14, bottom: 31 }; // pixels around a marker's middle
const APART = 34; // pixels between two markers
const MOST_TOLD = 8; // things in one popup
const NEAREST = 17; // zoom from which what still lies together is listed instead of zoomed to

export function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** The arrow inside of a vehicle's marker, to be turned into its direction. */
export function arrow() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", "M12 2 19 21 12 17 5 21Z");
  svg.append(path);
  return svg;
}

// Each stop within half a turn of the one before, beyond 180° where need be: the line then takes the short way round.
export function shortHops(stops) {
  let last = null;
  return stops.map((stop) => {
    const lng = last === null ? stop.lng : stop.lng - 360 * Math.round((stop.lng - last) / 360);
    last = lng;
    return { ...stop, lng };
  });
}

/** Draws what `put` was given; things of a lower `rank` lead their group and lie on top. */
export class Markers {
  constructor(map, together) {
    this.map = map;
    this.together = together;
    this.things = new Map();
    this.shown = new Map();
    this.popup = null;
    this.opened = [];
    this.planned = 0;
    map.on("zoomend moveend", () => this.layout());
    map.on("popupclose", () => { this.opened = []; });
  }

  /** Add or move a thing and give it back; its `body` is the element inside the marker, `tip()` what is told of it. What `isAlone` joins no group. */
  put(key, kind, { lat, lng, title, rank, tip, plate, isAlone = false }) {
    let thing = this.things.get(key);
    if (!thing) {
      thing = { key, kind, body: element("span", "pin") };
      this.things.set(key, thing);
    }
    Object.assign(thing, { place: L.latLng(lat, lng), title, rank, tip, plate, isAlone });
    this.shown.get(key)?.marker.setLatLng(thing.place);
    this.plan();
    return thing;
  }

  /** Forget what is not in `keys`. */
  keepOnly(keys) {
    for (const key of this.things.keys()) if (!keys.has(key)) this.things.delete(key);
    this.plan();
  }

  places() {
    return [...this.things.values()].map((thing) => thing.place);
  }

  /** Show a thing's popup in the middle of the map. */
  show(key) {
    const thing = this.things.get(key);
    if (!thing) return;
    this.map.setView(thing.place, Math.max(this.map.getZoom(), 13), { animate: false });
    this.tell([thing]);
  }

  /** Draw anew soon: many things may move at once. */
  plan() {
    if (this.planned) return;
    this.planned = setTimeout(() => this.layout(), 200);
  }

  layout() {
    clearTimeout(this.planned);
    this.planned = 0;
    const inside = this.map.getBounds().pad(0.2);
    const zoom = this.map.getZoom();
    const points = [...this.things.values()].filter((thing) => inside.contains(thing.place)).sort((a, b) => a.rank - b.rank)
      .map((thing) => ({ thing, ...this.map.project(thing.place, zoom) }));
    const focused = [...this.shown.values()].find((one) => one.marker.getElement() === document.activeElement);
    const wanted = new Map();
    const groups = grouped(points.filter((point) => !point.thing.isAlone), APART);
    for (const group of [...groups, ...points.filter((point) => point.thing.isAlone).map((point) => [point])]) {
      const things = group.map((point) => point.thing);
      wanted.set(things.length > 1 ? `group-${things[0].key}` : things[0].key, things);
    }
    for (const [key, one] of this.shown) if (!wanted.has(key)) { one.marker.remove(); this.shown.delete(key); }
    for (const [key, things] of wanted) this.draw(key, things);
    this.writePlates();
    if (focused && !document.contains(focused.marker.getElement())) {
      [...this.shown.values()].find((one) => one.things.includes(focused.things[0]))?.marker.getElement().focus({ preventScroll: true });
    }
    if (this.opened.length && this.popup) this.popup.setLatLng(this.opened[0].place).setContent(this.story(this.opened));
  }

  draw(key, things) {
    const one = this.shown.get(key) || this.make(key, things);
    one.things = things;
    one.marker.setLatLng(things[0].place);
    one.marker.setZIndexOffset(1000 * (9 - things[0].rank));
    if (things.length > 1) {
      const stops = things.filter((thing) => thing.kind === "stop").map((thing) => thing.body.textContent);
      one.body.textContent = stops.length ? `${stops.slice(0, 3).join("·")}${stops.length > 3 ? "…" : ""}` : String(things.length);
      one.body.classList.toggle("is-waiting", things.some((thing) => thing.body.classList.contains("is-waiting")));
      one.body.classList.toggle("is-stops", stops.length > 0);
    }
    one.marker.getElement().setAttribute("aria-label", this.label(things));
  }

  /** Write the plate under each marker that stands alone, where it covers neither another plate nor another marker. */
  writePlates() {
    const spots = [...this.shown.values()].map((one) => ({ one, ...this.map.latLngToContainerPoint(one.things[0].place) }));
    const taken = [];
    spots.sort((a, b) => a.one.things[0].rank - b.one.things[0].rank);
    for (const { one, x, y } of spots) {
      const [thing] = one.things;
      const plate = one.things.length === 1 && thing.plate ? String(thing.plate) : "";
      const half = (plate.length * PLATE.letter + PLATE.sides) / 2;
      const box = { left: x - half, right: x + half, top: y + PLATE.top, bottom: y + PLATE.bottom };
      const isFree = plate && !taken.some((other) => box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top)
        && !spots.some((spot) => spot.one !== one && spot.x + 13 > box.left && spot.x - 13 < box.right && spot.y + 13 > box.top && spot.y - 13 < box.bottom);
      if (isFree) taken.push(box);
      const holder = one.marker.getElement();
      let shown = holder.querySelector(":scope > .plate");
      if (!isFree) shown?.remove();
      else {
        if (!shown) holder.append(shown = element("bdi", "plate"));
        if (shown.textContent !== plate) shown.textContent = plate;
      }
    }
  }

  make(key, things) {
    const isGroup = things.length > 1;
    const body = isGroup ? element("span", "pin") : things[0].body;
    const icon = L.divIcon({ className: `marker marker-${isGroup ? "group" : things[0].kind}`, html: body, iconSize: isGroup ? [32, 32] : [26, 26] });
    const marker = L.marker(things[0].place, { icon, keyboard: true });
    const one = { marker, body, things };
    this.shown.set(key, one);
    marker.bindTooltip(() => this.story(one.things), { direction: "top", offset: [0, -12] });
    marker.on("click", () => this.choose(one));
    marker.on("keypress", (event) => { if (event.originalEvent.key === "Enter") this.choose(one); });
    marker.addTo(this.map);
    marker.getElement().dataset.key = key;
    return one;
  }

  /** Zoom in to what lies together as long as that helps, else tell about it. */
  choose({ things, marker }) {
    const bounds = L.latLngBounds(things.map((thing) => thing.place)).pad(0.3);
    const zoom = Math.min(this.map.getBoundsZoom(bounds), NEAREST);
    const [first, ...others] = things.map((thing) => this.map.project(thing.place, NEAREST));
    const parts = others.some((other) => other.distanceTo(first) >= APART);
    marker.closeTooltip();
    if (parts && zoom > this.map.getZoom()) this.map.setView(bounds.getCenter(), zoom);
    else this.tell(things);
  }

  tell(things) {
    this.map.closePopup();
    this.popup = L.popup({ offset: [0, -8], maxHeight: 260 }).setLatLng(things[0].place).setContent(this.story(things));
    this.popup.openOn(this.map);
    this.popup.options.autoPan = false; // a vehicle that drives on does not take the map with it
    this.opened = things;
  }

  story(things) {
    const story = element("div", "tips");
    story.append(...things.slice(0, MOST_TOLD).map((thing) => thing.tip()));
    if (things.length > MOST_TOLD) story.append(element("div", "tip", `+ ${things.length - MOST_TOLD}`));
    return story;
  }

  label(things) {
    if (things.length === 1) return things[0].title;
    const names = listed(things.slice(0, MOST_TOLD).map((thing) => thing.title));
    return this.together.replace("{n}", things.length).replace("{names}", things.length > MOST_TOLD ? `${names} …` : names);
  }
}
