// The live map and the tables that hold the same. All texts go in as text nodes, never as HTML.
import { addBackground } from "./background.js";
import { matching } from "./finding.js";
import { keepCurrent, requireSignedIn } from "./live.js";
import { arrow, element, Markers, shortHops } from "./markers.js";
import { listed } from "./writing.js";

const L = window.L;
const box = document.getElementById("map");
const say = (name) => box.dataset[`t${name[0].toUpperCase()}${name.slice(1)}`] || "";
const vehicles = new Map();
let state = { vehicles: [], assistants: [], requests: [], trip: null, stale_after: 900 };
let clockSkew = 0;
let isFitted = false;
let tripLine = null;
let pending = 0;

// --- The map ---------------------------------------------------------------------------------------------------------
const map = L.map(box, { worldCopyJump: true, zoomControl: false, minZoom: 2, attributionControl: false });
map.setView([36.75, 3.06], 6);
L.control.zoom({ position: document.dir === "rtl" ? "topright" : "topleft", zoomInTitle: say("zoomIn"), zoomOutTitle: say("zoomOut") }).addTo(map);
L.control.scale({ imperial: false }).addTo(map);
const streets = addBackground(map, box);

const now = () => Date.now() + clockSkew;
const secondsSince = (at) => Math.max(0, Math.round((now() - Date.parse(at)) / 1000));

function ageText(at) {
  if (!at) return "–";
  const seconds = secondsSince(at);
  if (seconds < 60) return `${seconds} ${say("seconds")}`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} ${say("minutes")}`;
  return `${Math.round(seconds / 3600)} ${say("hours")}`;
}

function tipOf(lines, url) {
  const tip = element("div", "tip");
  lines.filter(Boolean).forEach((line, index) => {
    const part = element(index ? "div" : "strong");
    part.append(element("bdi", "", line));
    tip.append(part);
  });
  if (url) {
    const link = element("a", "", say("open"));
    link.href = url;
    tip.append(link);
  }
  return tip;
}

// --- What moves -----------------------------------------------------------------------------------------------------
const markers = new Markers(map, say("together"));
const RANK = { stop: 0, waiting: 1, request: 2, chosen: 3, assistant: 4, vehicle: 5 };

function drawVehicle(vehicle) {
  const isStale = secondsSince(vehicle.at) > state.stale_after;
  const { body } = markers.put(`vehicle-${vehicle.id}`, "vehicle", {
    ...vehicle, title: vehicle.name, plate: vehicle.name, rank: state.trip && state.trip.vehicle_id === vehicle.id ? RANK.chosen : RANK.vehicle,
    tip: () => tipOf([vehicle.name, vehicle.detail, vehicle.driver, vehicle.company, vehicle.trip && vehicle.trip.name, `${vehicle.speed} ${say("kmh")} · ${ageText(vehicle.at)}${isStale ? ` · ${say("stale")}` : ""}`]),
  });
  if (!body.firstChild) body.append(arrow());
  body.classList.toggle("is-stale", isStale);
  body.classList.toggle("is-standing", vehicle.speed < 1);
  body.firstChild.style.transform = `rotate(${Number(vehicle.heading) || 0}deg)`;
  return isStale;
}

function drawAssistant(assistant) {
  const { body } = markers.put(`assistant-${assistant.id}`, "assistant", {
    ...assistant, title: assistant.name, rank: RANK.assistant,
    tip: () => tipOf([assistant.name, assistant.detail, assistant.job ? `${say("busy")} #${assistant.job}` : say("free"), ageText(assistant.at)]),
  });
  body.classList.toggle("is-stale", assistant.stale);
  body.classList.toggle("is-busy", Boolean(assistant.job));
}

function drawRequest(request) {
  const isWaiting = request.status === "requested";
  const { body } = markers.put(`request-${request.id}`, "request", {
    ...request, title: listed([request.name, request.status_label]), rank: isWaiting ? RANK.waiting : RANK.request,
    tip: () => tipOf([request.name, request.status_label, request.detail, request.assistant, ageText(request.at)], request.url),
  });
  body.classList.toggle("is-waiting", isWaiting);
  body.textContent = isWaiting ? "!" : "✓";
}

function drawTrip(trip) {
  if (tripLine) tripLine.remove();
  tripLine = null;
  if (!trip) return;
  const placed = shortHops(trip.stops.filter((stop) => stop.lat !== null && stop.lng !== null));
  for (const stop of placed) {
    const { body } = markers.put(`stop-${stop.sequence}`, "stop", {
      ...stop, title: `${stop.sequence}. ${stop.name}`, rank: RANK.stop,
      tip: () => tipOf([`${stop.sequence}. ${stop.name}`, stop.address, say(stop.kind), stop.done ? say("done") : ""]),
    });
    body.textContent = String(stop.sequence);
    body.classList.toggle("is-done", stop.done);
  }
  tripLine = L.polyline(trip.line || placed.map((stop) => [stop.lat, stop.lng]), { weight: 4, opacity: 0.8, className: "trip-line", interactive: false }).addTo(map);
}

// --- The tables ------------------------------------------------------------------------------------------------------
function fill(kind, rows, none = say("none")) {
  const body = document.querySelector(`table[data-kind="${kind}"] tbody`);
  if (!body) return;
  const old = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  if (!rows.length) {
    const empty = element("tr");
    const cell = element("td", "quiet", none);
    cell.colSpan = 9;
    empty.append(cell);
    body.replaceChildren(empty);
    return;
  }
  const order = rows.map(({ key, cells, place, url, name, under }) => {
    const known = old.get(key);
    const row = known && known.dataset.url === (url || "") ? known : newRow(key, cells.length, place, url, name, under);
    cells.forEach((text, index) => rewrite(row.cells[index].firstChild, text));
    if (under !== undefined) rewrite(row.cells[0].lastChild.firstChild, under);
    return row;
  });
  if (order.length !== body.rows.length || order.some((row, index) => body.rows[index] !== row)) body.replaceChildren(...order);
}

function rewrite(holder, text) {
  if (holder.textContent !== String(text)) holder.textContent = text;
}

function newRow(key, count, place, url, name, under) {
  const row = element("tr");
  row.dataset.key = key;
  row.dataset.url = url || "";
  for (let index = 0; index < count; index += 1) {
    const cell = element(index ? "td" : "th");
    if (!index) cell.scope = "row";
    cell.append(element("bdi"));
    if (!index && under !== undefined) {
      cell.append(element("span", "under"));
      cell.lastChild.append(element("bdi"));
    }
    row.append(cell);
  }
  const actions = row.insertCell();
  if (place) {
    const button = element("button", "button small", say("show"));
    button.type = "button";
    button.setAttribute("aria-label", `${say("show")}: ${name}`);
    button.addEventListener("click", () => {
      markers.show(key);
      box.scrollIntoView({ block: "nearest" });
    });
    actions.append(button);
  }
  if (url) {
    const link = element("a", "button small", say("open"));
    link.href = url;
    link.setAttribute("aria-label", `${say("open")}: ${name}`);
    actions.append(" ", link);
  }
  return row;
}

const vehicleRow = (one) => ({
  key: `vehicle-${one.id}`, name: one.name, under: one.detail, place: [one.lat, one.lng],
  url: one.trip && box.dataset.tripUrl.replace("/0/", `/${one.trip.id}/`),
  cells: [one.name, one.driver || "–", one.trip ? one.trip.name : "–", `${one.speed} ${say("kmh")}`, ageText(one.at) + (secondsSince(one.at) > state.stale_after ? ` · ${say("stale")}` : "")],
});

// --- Finding a vehicle: the map goes on showing all ------------------------------------------------------------------------
const wantedVehicle = document.getElementById("find-vehicle");
const toldFound = document.getElementById("vehicles-found");
let telling = 0;

function foundVehicles() {
  const matches = matching(wantedVehicle.value);
  const found = [...vehicles.values()].filter((one) => matches(one.name, one.detail, one.driver, one.company, one.trip?.name));
  const told = wantedVehicle.value.trim() ? say("found").replace("{n}", found.length).replace("{total}", vehicles.size) : "";
  clearTimeout(telling);
  // Said once the typing rests, and again only when the count changes.
  telling = setTimeout(() => rewrite(toldFound, told), 400);
  return found;
}

wantedVehicle.addEventListener("input", drawTables);
wantedVehicle.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !wantedVehicle.value) return;
  wantedVehicle.value = "";
  drawTables();
});

function drawTables() {
  const found = foundVehicles();
  fill("vehicles", found.map(vehicleRow), vehicles.size ? say("noMatch") : say("none"));
  fill("requests", state.requests.map((one) => ({ key: `request-${one.id}`, name: one.name, place: [one.lat, one.lng], url: one.url, cells: [one.name, one.status_label, ageText(one.at)] })));
  fill("assistants", state.assistants.map((one) => ({ key: `assistant-${one.id}`, name: one.name, place: [one.lat, one.lng], cells: [one.name, one.detail, one.job ? `${say("busy")} #${one.job}` : say("free"), ageText(one.at)] })));
  if (state.trip) {
    fill("stops", state.trip.stops.map((one) => ({ key: `stop-${one.sequence}`, name: one.name, place: one.lat === null ? null : [one.lat, one.lng], cells: [one.sequence, one.name, one.done ? say("done") : say(one.kind)] })));
  }
}

function drawAll() {
  vehicles.forEach(drawVehicle);
  state.assistants.forEach(drawAssistant);
  state.requests.forEach(drawRequest);
  const wanted = new Set([
    ...[...vehicles.keys()].map((id) => `vehicle-${id}`),
    ...state.assistants.map((one) => `assistant-${one.id}`),
    ...state.requests.map((one) => `request-${one.id}`),
  ]);
  drawTrip(state.trip);
  if (state.trip) state.trip.stops.forEach((stop) => wanted.add(`stop-${stop.sequence}`));
  markers.keepOnly(wanted);
  drawTables();
  const cut = document.getElementById("map-cut");
  cut.textContent = Object.entries(state.cut || {})
    .map(([kind, total]) => say(`cut${kind[0].toUpperCase()}${kind.slice(1)}`).replace("{n}", state[kind].length).replace("{total}", total))
    .join(" · ");
  cut.hidden = !cut.textContent;
  const empty = document.getElementById("map-empty");
  empty.hidden = vehicles.size > 0;
  empty.textContent = say("empty");
}

/** Of points on several ends of a continent keep those around the first: where somebody waits, else the newest fix. */
function nearFirst(points) {
  if (!points.length) return points;
  const waiting = state.requests.find((one) => one.status === "requested");
  const centre = waiting ? L.latLng(waiting.lat, waiting.lng) : points[0];
  return points.filter((point) => point.distanceTo(centre) < 80000);
}

/** Where a map opens: on those that our streets show, if there are any. */
function onStreets(points) {
  const there = streets ? markers.places().filter((point) => streets.contains(point)) : [];
  return there.length ? there : points;
}

function fit(isFirst) {
  const points = isFirst === true ? onStreets(nearFirst(markers.places())) : markers.places();
  const stops = state.trip ? state.trip.stops.filter((stop) => stop.lat !== null).map((stop) => L.latLng(stop.lat, stop.lng)) : [];
  const driving = state.trip && vehicles.get(state.trip.vehicle_id);
  const chosen = stops.length ? [...stops, ...(driving ? [L.latLng(driving.lat, driving.lng)] : [])] : points;
  if (chosen.length) map.fitBounds(L.latLngBounds(chosen).pad(0.15), { maxZoom: streets ? 16 : 14, animate: false });
  else if (streets) map.fitBounds(streets, { animate: false });
}

// --- News ------------------------------------------------------------------------------------------------------------
async function refresh() {
  const query = box.dataset.trip ? `?trip=${encodeURIComponent(box.dataset.trip)}` : "";
  const answer = await fetch(box.dataset.stateUrl + query, { credentials: "same-origin" });
  requireSignedIn(answer);
  state = await answer.json();
  clockSkew = Date.parse(state.at) - Date.now();
  if (Math.abs(clockSkew) < 2000) clockSkew = 0;
  const known = new Set(state.vehicles.map((one) => one.id));
  for (const id of vehicles.keys()) if (!known.has(id)) vehicles.delete(id);
  for (const one of state.vehicles) {
    const before = vehicles.get(one.id);
    vehicles.set(one.id, before && Date.parse(before.at) > Date.parse(one.at) ? before : one);
  }
  drawAll();
  if (isFitted) return;
  isFitted = true;
  fit(true);
  markers.show(box.dataset.show);
}

// Who is not on the map may be new, or switched off and reporting all the same: worth one look a minute.
const asked = new Map();
function isUnknown(id) {
  const now = Date.now();
  if (now - (asked.get(id) ?? -Infinity) < 60_000) return undefined;
  asked.set(id, now);
  return refreshSoon();
}

function moved(position) {
  const known = vehicles.get(position.vehicle_id);
  if (!known) return isUnknown(position.vehicle_id);
  if (Date.parse(position.timestamp) < Date.parse(known.at)) return undefined;
  Object.assign(known, {
    lat: Number(position.latitude), lng: Number(position.longitude), at: position.timestamp,
    speed: Math.round(Number(position.speed)), heading: Math.round(Number(position.heading)),
  });
  return drawVehicle(known);
}

function refreshSoon() {
  if (pending) return;
  pending = setTimeout(() => { pending = 0; refresh().catch(() => {}); }, 700);
}

function frame(event) {
  if (event.type === "position" && event.position) moved(event.position);
  else if (Array.isArray(event.positions)) event.positions.forEach((one) => moved(one.position || one));
  else if (event.type === "assistance_location") assistantMoved(event);
  else if (event.type === "board_changed" && concerns(event.what)) refreshSoon();
}

/** Orders are not on the map, and trips only where one is chosen. */
const concerns = (what) => what === "vehicles" || what === "assistance" || (what === "trips" && Boolean(box.dataset.trip));

function assistantMoved(event) {
  const known = state.assistants.find((one) => one.id === event.user_id);
  if (!known) return;
  Object.assign(known, { lat: event.lat, lng: event.lng, at: new Date(now()).toISOString(), stale: false });
  drawAssistant(known);
}

document.getElementById("fit").addEventListener("click", fit);
setInterval(() => { if (!document.hidden) { vehicles.forEach(drawVehicle); drawTables(); } }, 1000);
refresh().catch(() => {});
keepCurrent({ refresh, frame });
