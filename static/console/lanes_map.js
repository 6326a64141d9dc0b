// The map of the planning page: orders that wait, and the way of each lane. Drawn on canvas: there may be hundreds.
import { addBackground } from "./background.js";
import { COLOURS } from "./lanes_view.js";

const L = window.L;
const box = document.getElementById("map");
const map = L.map(box, { worldCopyJump: true, minZoom: 2, attributionControl: false, preferCanvas: true });
map.setView([36.75, 3.06], 6);
addBackground(map, box);
const drawn = L.featureGroup().addTo(map);
const looked = L.featureGroup().addTo(map);
let board = null;
let isFitted = false;
let planned = 0;

function tip(...texts) {
  const made = document.createElement("div");
  for (const text of texts) made.append(Object.assign(document.createElement("bdi"), { textContent: text }), document.createElement("br"));
  return made;
}

function marker(at, colour, options, ref, ...texts) {
  const made = L.circleMarker(at, { radius: 6, color: colour, weight: 2, fillColor: "#fff", fillOpacity: 1, ...options });
  made.bindTooltip(tip(...texts));
  made.on("click", () => document.dispatchEvent(new CustomEvent("lanes:choose", { detail: ref })));
  return made.addTo(drawn);
}

function draw(shown) {
  drawn.clearLayers();
  const vehicles = [...board.vehicles.keys()];
  for (const run of board.runs.values()) {
    const colour = COLOURS[vehicles.indexOf(run.vehicle) % COLOURS.length];
    const places = [...run.done, ...run.stops.map((ref) => ({ ref, ...board.place(ref) }))].filter((place) => place.at);
    const changed = board.isChanged(run);
    L.polyline(places.map((place) => place.at), { color: colour, weight: 3, dashArray: changed ? "6 6" : null }).addTo(drawn);
    const { plate } = board.vehicles.get(run.vehicle);
    for (const place of places) marker(place.at, colour, { radius: 4, fillColor: colour }, place.ref.join(":"), plate, place.name);
  }
  for (const id of shown) {
    const order = board.orders[id];
    if (order.pickup.at) marker(order.pickup.at, "#7a4a00", {}, `pickup:${id}`, order.number, order.customer, order.pickup.name);
  }
  if (!isFitted && drawn.getBounds().isValid()) {
    map.fitBounds(drawn.getBounds(), { padding: [24, 24], maxZoom: 14, animate: false });
    isFitted = true;
  }
}

document.addEventListener("lanes:drawn", (event) => {
  ({ board } = event.detail);
  clearTimeout(planned);
  planned = setTimeout(() => draw(event.detail.shown), 60);
});

document.addEventListener("lanes:look", (event) => {
  const [kind, id] = event.detail.ref;
  looked.clearLayers();
  if (!board) return;
  const ends = kind === "stop" ? [board.own.get(id)] : [board.orders[id]?.pickup, board.orders[id]?.delivery];
  const points = ends.filter((place) => place?.at).map((place) => place.at);
  for (const at of points) L.circleMarker(at, { radius: 10, color: "#c01c28", weight: 3, fill: false, interactive: false }).addTo(looked);
  if (points.length > 1) L.polyline(points, { color: "#c01c28", weight: 2, dashArray: "2 6", interactive: false }).addTo(looked);
});

document.dispatchEvent(new CustomEvent("lanes:ask"));
