// The page of a call: places by search or map, and what follows from the fields so far.
import { addBackground } from "./background.js";
import { element } from "./markers.js";
import { placeField } from "./place_field.js";

const L = window.L;
const form = document.getElementById("call");
const box = document.getElementById("map");
const told = document.getElementById("call-told");
const tell = (text) => { told.textContent = text || ""; };
const field = (name) => form.elements.namedItem(name);
const SIGNS = { pickup: "!", dropoff: "⚑" };
const WAIT = 300;

const map = L.map(box, { worldCopyJump: true, zoomControl: false, minZoom: 2, attributionControl: false });
map.setView([36.75, 3.06], 6);
L.control.zoom({ position: document.dir === "rtl" ? "topright" : "topleft", zoomInTitle: box.dataset.tZoomIn, zoomOutTitle: box.dataset.tZoomOut }).addTo(map);
const streets = addBackground(map, box);
if (streets) map.fitBounds(streets);

// --- Both places -----------------------------------------------------------------------------------------------------
const markers = {};
const placed = {};

function mark(name, point) {
  if (markers[name]) markers[name].remove();
  markers[name] = null;
  if (!point) return;
  const pin = element("span", `pin${name === "pickup" ? " is-waiting" : ""}`, SIGNS[name]);
  markers[name] = L.marker(point, {
    keyboard: false, title: form.querySelector(`label[for=${name}]`).textContent,
    icon: L.divIcon({ className: `marker marker-${name === "pickup" ? "request" : "stop"}`, html: pin, iconSize: [26, 26] }),
  }).addTo(map);
  const points = Object.values(markers).filter(Boolean).map((marker) => marker.getLatLng());
  if (points.length > 1 && !points.every((one) => map.getBounds().contains(one))) map.fitBounds(points, { padding: [40, 40], maxZoom: 13 });
  else if (!map.getBounds().contains(point) || map.getZoom() < 11) map.setView(point, Math.max(map.getZoom(), 13));
}

for (const name of ["pickup", "dropoff"]) {
  placed[name] = placeField(field(name), {
    url: form.dataset.places, tell,
    near: () => (placed.pickup && placed.pickup.point()) || (map.getZoom() > 8 ? [map.getCenter().lat, map.getCenter().lng] : null),
    changed: (point) => { mark(name, point); soon(); },
  });
  field(name).addEventListener("focus", () => { form.querySelector(`[name=map_sets][value=${name}]`).checked = true; });
  mark(name, placed[name].point());
}

map.on("click", async ({ latlng }) => {
  const name = form.querySelector("[name=map_sets]:checked").value;
  const { lat, lng } = latlng.wrap();
  const typed = `${lat.toFixed(5)}, ${lng.toFixed(5)}`;
  placed[name].set([lat, lng], typed);
  const query = new URLSearchParams({ lat: lat.toFixed(6), lng: lng.toFixed(6), lang: document.documentElement.lang.slice(0, 2) });
  const answer = await fetch(`${form.dataset.placeName}?${query}`, { credentials: "same-origin" }).catch(() => null);
  if (!answer || !answer.ok || answer.redirected) return;
  const known = (await answer.json()).name;
  if (known && field(name).value === typed) field(name).value = known;
});

// --- What follows from the fields ------------------------------------------------------------------------------------
let timer = 0;
let asked = 0;
let filledIn = "";

function soon() {
  clearTimeout(timer);
  timer = setTimeout(() => look().catch(() => tell(form.dataset.tLost)), WAIT);
}

async function look() {
  const mine = ++asked;
  const answer = await fetch(form.dataset.preview, { method: "POST", body: new URLSearchParams(new FormData(form)), credentials: "same-origin" });
  if (mine !== asked) return;
  if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (mine !== asked) return;
  for (const region of fresh.querySelectorAll("[data-region]")) {
    const old = form.querySelector(`[data-region=${region.dataset.region}]`);
    if (old.innerHTML !== region.innerHTML) old.innerHTML = region.innerHTML;
    if (region.dataset.region === "caller") fillIn(region.dataset.name || "");
  }
}

// A known caller's name, unless somebody typed another one.
function fillIn(known) {
  const name = field("name");
  if (name.value && name.value !== filledIn) return;
  name.value = known;
  filledIn = known;
}

for (const name of ["phone", "assistance_type", "vehicle_type"]) field(name).addEventListener("input", soon);
form.querySelector("[name=look]").addEventListener("click", (event) => {
  event.preventDefault();
  soon();
});

// --- Sent once -------------------------------------------------------------------------------------------------------
let isSent = false;
form.addEventListener("submit", (event) => {
  if (isSent) event.preventDefault();
  isSent = true;
});
window.addEventListener("pageshow", () => { isSent = false; });
