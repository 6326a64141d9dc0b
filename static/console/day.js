// A vehicle's day: its line, and a slider that shows where it was when.
import { addBackground } from "./background.js";
import { element } from "./markers.js";
import { written } from "./writing.js";

const L = window.L;
const box = document.getElementById("map");
const told = document.getElementById("day-told");
const tools = document.querySelector(".day-tools");
const slider = document.getElementById("day-time");
const at = document.getElementById("day-at");
const play = document.getElementById("day-play");
const STEP_MS = 120;
const clock = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: box.dataset.zone, numberingSystem: "latn" });

const map = L.map(box, { attributionControl: false, minZoom: 2 });
map.setView([36.75, 3.06], 6);
const streets = addBackground(map, box);
if (streets) map.fitBounds(streets, { animate: false });

let fixes = [];
let marker = null;
let timer = 0;

function show(index) {
  const { place, time, speed } = fixes[index];
  const said = `${clock.format(time)} · ${Math.round(speed)} ${box.dataset.tKmh}`;
  at.textContent = said;
  slider.setAttribute("aria-valuetext", said);
  if (marker) marker.setLatLng(place);
  else marker = L.marker(place, { keyboard: false, interactive: false, icon: L.divIcon({ className: "place-pin", html: element("span"), iconSize: [24, 24], iconAnchor: [12, 24] }) }).addTo(map);
  if (!map.getBounds().pad(-0.05).contains(place)) map.panTo(place);
}

function stop() {
  clearInterval(timer);
  timer = 0;
  play.setAttribute("aria-pressed", "false");
}

play.addEventListener("click", () => {
  if (timer) return stop();
  if (Number(slider.value) >= fixes.length - 1) slider.value = "0";
  play.setAttribute("aria-pressed", "true");
  timer = setInterval(() => {
    const next = Number(slider.value) + 1;
    if (next >= fixes.length) return stop();
    slider.value = String(next);
    return show(next);
  }, STEP_MS);
  return undefined;
});
slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });

async function start() {
  const answer = await fetch(box.dataset.trackUrl, { credentials: "same-origin" });
  const { geometry, properties } = await answer.json();
  if (!geometry || !properties.timestamps.length) {
    told.textContent = box.dataset.tNone;
    return;
  }
  fixes = properties.fixes.map(([lng, lat], index) => ({ place: [lat, lng], time: new Date(properties.timestamps[index]), speed: properties.speeds[index] }));
  const lines = geometry.type === "MultiLineString" ? geometry.coordinates : geometry.type === "LineString" ? [geometry.coordinates] : [];
  const drawn = L.featureGroup(lines.map((line) => L.polyline(line.map(([lng, lat]) => [lat, lng]), { weight: 5, opacity: 0.8, className: "trip-line", interactive: false }))).addTo(map);
  map.fitBounds(L.latLngBounds(fixes.map((fix) => fix.place)).pad(0.15), { maxZoom: 17, animate: false });
  drawn.bringToFront();
  const words = box.dataset.tTold.replace("{km}", written(properties.distance_km, 1)).replace("{start}", clock.format(fixes[0].time)).replace("{end}", clock.format(fixes.at(-1).time));
  told.textContent = properties.matched ? words : `${words} ${box.dataset.tRaw}`;
  slider.max = String(fixes.length - 1);
  slider.value = slider.max;
  tools.hidden = false;
  show(fixes.length - 1);
}

start().catch(() => { told.textContent = box.dataset.tNone; });
