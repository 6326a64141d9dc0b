// The map on the page of one trip or request: its places, its line, and who drives, live. The page's list says the same.
import { addBackground } from "./background.js";
import { arrow, element, Markers, shortHops } from "./markers.js";

const L = window.L;
const page = document.getElementById("live-page");
const box = document.getElementById("map");
const age = document.getElementById("mover-age");
const RANK = { stop: 1, request: 1, dropoff: 2, vehicle: 0, assistant: 0 };
let state = null;
let line = null;
let isFitted = false;

const map = L.map(box, { worldCopyJump: true, zoomControl: false, minZoom: 2, attributionControl: false });
map.setView([36.75, 3.06], 6);
L.control.zoom({ position: document.dir === "rtl" ? "topright" : "topleft", zoomInTitle: box.dataset.tZoomIn, zoomOutTitle: box.dataset.tZoomOut }).addTo(map);
L.control.scale({ imperial: false }).addTo(map);
const streets = addBackground(map, box);
const markers = new Markers(map, box.dataset.tTogether);

const secondsSince = (at) => Math.max(0, Math.round((Date.now() - Date.parse(at)) / 1000));

function ageText(at) {
  const seconds = secondsSince(at);
  if (seconds < 60) return `${seconds} ${box.dataset.tSeconds}`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} ${box.dataset.tMinutes}` : `${Math.round(seconds / 3600)} ${box.dataset.tHours}`;
}

function tip(lines) {
  const made = element("div", "tip");
  lines.filter(Boolean).forEach((text, index) => {
    const part = element(index ? "div" : "strong");
    part.append(element("bdi", "", text));
    made.append(part);
  });
  return made;
}

function drawPlace(place) {
  const { body } = markers.put(place.key, place.kind, { ...place, rank: RANK[place.kind], tip: () => tip([place.title, place.detail, place.done && box.dataset.tDone]) });
  body.textContent = place.label;
  body.classList.toggle("is-done", place.done);
}

function drawMover() {
  const mover = state.mover;
  if (!mover) {
    age.textContent = box.dataset.tNobody;
    return;
  }
  const isVehicle = mover.kind === "vehicle";
  const told = mover.at ? box.dataset.tAge.replace("{name}", isVehicle ? `\u2066${mover.name}\u2069` : `\u2068${mover.name}\u2069`).replace("{age}", `\u2068${ageText(mover.at)}\u2069`) : mover.name;
  const { body } = markers.put("mover", mover.kind, { ...mover, title: mover.name, plate: mover.name, isAlone: true, rank: RANK[mover.kind], tip: () => tip([mover.name, mover.at && ageText(mover.at), isVehicle && `${mover.speed} ${box.dataset.tKmh}`]) });
  if (isVehicle && !body.firstChild) body.append(arrow());
  if (isVehicle) body.firstChild.style.transform = `rotate(${Number(mover.heading) || 0}deg)`;
  body.classList.toggle("is-stale", Boolean(mover.at) && secondsSince(mover.at) > state.stale_after);
  age.textContent = told;
}

function draw() {
  state = JSON.parse(page.querySelector('[data-region="map-data"]').dataset.map);
  state.places.forEach(drawPlace);
  drawMover();
  markers.keepOnly(new Set([...state.places.map((place) => place.key), ...(state.mover ? ["mover"] : [])]));
  if (line) line.remove();
  const points = state.by_road ? state.line : shortHops(state.line.map(([lat, lng]) => ({ lat, lng }))).map((point) => [point.lat, point.lng]);
  line = points.length > 1 ? L.polyline(points, { weight: 4, opacity: 0.8, className: state.by_road ? "trip-line" : "trip-line gap-line", interactive: false }).addTo(map) : null;
  document.getElementById("line-straight").hidden = state.by_road || points.length < 2;
  if (!isFitted) fit();
}

function fit() {
  const points = [...markers.places(), ...(line ? line.getLatLngs() : [])];
  if (points.length) map.fitBounds(L.latLngBounds(points).pad(0.15), { maxZoom: streets ? 16 : 14, animate: false });
  else if (streets) map.fitBounds(streets, { animate: false });
  isFitted = points.length > 0;
}

/** Move who drives, without reading the page again. */
function moved(event) {
  const mover = state.mover;
  if (event.type === "position" && mover?.kind === "vehicle" && event.vehicle_id === mover.id && Date.parse(event.position.timestamp) >= Date.parse(mover.at)) {
    const { latitude, longitude, speed, heading, timestamp } = event.position;
    Object.assign(mover, { lat: Number(latitude), lng: Number(longitude), speed: Math.round(Number(speed)), heading: Math.round(Number(heading)), at: timestamp });
  } else if (event.type === "assistance_location" && mover?.kind === "assistant" && event.user_id === mover.id) {
    Object.assign(mover, { lat: event.lat, lng: event.lng, at: event.at || new Date().toISOString() });
  } else return;
  drawMover();
}

page.addEventListener("renewed", draw);
page.addEventListener("heard", (event) => moved(event.detail));
setInterval(() => { if (!document.hidden) drawMover(); }, 5000);
draw();
