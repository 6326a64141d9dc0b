// Keeps the customer's page up to date, and shows the map while the vehicle comes. Words are the server's.
import { listen } from "./link_socket.js";
import { followPage, isFollowed, offerPush } from "./push.js";
import { answerInTime } from "./time_limit.js";

const EVERY = 10_000;
const LATER = 30_000; // while nothing is to be seen on a map
const box = document.getElementById("order");
const mapBox = document.getElementById("map");
const offline = document.getElementById("offline");
let state = JSON.parse(box.dataset.state);
let tag = "";
let view = null;
let loading = null;
let timer = 0;
let isLooking = false;
let isDue = false; // something happened while the answer was under way

const isComing = () => state.state === "en_route" || state.state === "arrived";

async function look() {
  clearTimeout(timer);
  if (isLooking) {
    isDue = true;
    return;
  }
  isLooking = true;
  isDue = false;
  if (!document.hidden) await ask();
  isLooking = false;
  hearing.want(!state.is_over);
  if (isDue) look();
  else if (!state.is_over) timer = setTimeout(look, hearing.wait(isComing() ? EVERY : LATER));
}

async function ask() {
  try {
    const answer = await fetch(box.dataset.url, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store", signal: answerInTime() });
    if (answer.status === 404) window.location.reload();
    else if (answer.ok) {
      tag = answer.headers.get("ETag") || "";
      show(await answer.json());
    }
    offline.hidden = answer.ok || answer.status === 304 || answer.status === 404;
  } catch {
    offline.hidden = false;
  }
}

function show(next) {
  const isNew = next.state !== state.state;
  state = next;
  for (const [name, html] of Object.entries(next.html)) {
    document.querySelector(`[data-region="${name}"]`).innerHTML = html; // made by our templates, which escape what people wrote
  }
  if (isNew) document.getElementById("said").textContent = box.querySelector("h2").textContent;
  drawMap();
}

async function drawMap() {
  mapBox.hidden = !(isComing() && (state.position || state.place));
  if (mapBox.hidden) return;
  loading ||= loadMap();
  await loading;
  view.put("place", state.place);
  view.put("vehicle", state.position);
  view.fit();
}

function script(src) {
  return new Promise((resolve, reject) => {
    const made = document.createElement("script");
    Object.assign(made, { src, onload: resolve, onerror: reject });
    document.head.append(made);
  });
}

/** The map costs more than the rest of the page: it comes when there is something to see. */
async function loadMap() {
  const css = document.createElement("link");
  Object.assign(css, { rel: "stylesheet", href: box.dataset.leafletCss });
  document.head.append(css);
  await script(box.dataset.leaflet);
  if (mapBox.dataset.streetsUrl) await script(box.dataset.streets);
  const { addBackground } = await import("../console/background.js");
  const L = window.L;
  const map = L.map(mapBox, { zoomControl: false, attributionControl: false, minZoom: 2 }).setView([36.75, 3.06], 6);
  L.control.zoom({ position: document.dir === "rtl" ? "topright" : "topleft", zoomInTitle: mapBox.dataset.tZoomIn, zoomOutTitle: mapBox.dataset.tZoomOut }).addTo(map);
  addBackground(map, mapBox);
  const names = { place: mapBox.dataset.tPlace, vehicle: mapBox.dataset.tHere };
  const markers = {};
  let shown = "";
  view = {
    put(kind, at) {
      if (!at) markers[kind]?.remove();
      else if (markers[kind]) markers[kind].setLatLng(at).addTo(map);
      else {
        const icon = L.divIcon({ className: `pin-${kind}`, iconSize: [28, 28] });
        markers[kind] = L.marker(at, { icon, interactive: false, keyboard: false }).addTo(map);
        // Named in words: a pin alone at one's own place would be taken for the vehicle. One above, one below, as they meet.
        const [direction, below] = kind === "place" ? ["bottom", 14] : ["top", -14];
        markers[kind].bindTooltip(names[kind], { permanent: true, direction, offset: [0, below], className: "pin-name" });
      }
    },
    fit() {
      const points = Object.values(markers).filter((one) => map.hasLayer(one)).map((one) => one.getLatLng());
      // Only when another thing is shown, so that nobody's zooming is undone.
      const now = Object.keys(markers).filter((kind) => map.hasLayer(markers[kind])).join();
      if (points.length && now !== shown) map.fitBounds(L.latLngBounds(points).pad(0.3), { maxZoom: 15, animate: false });
      shown = now;
    },
  };
}

const hearing = listen({ path: "/ws/o/", ticketUrl: box.dataset.ticket, changed: look });
hearing.want(!state.is_over);
drawMap();
timer = setTimeout(look, EVERY);
document.addEventListener("visibilitychange", () => { if (!document.hidden && !state.is_over) look(); });

// Notifications while the page is closed need a service worker; it keeps no copy of this page.
if (box.dataset.pushKey && "serviceWorker" in navigator && !state.is_over) {
  navigator.serviceWorker.register(box.dataset.worker, { scope: "/o/", updateViaCache: "none" }).then(() => offerPush({
    button: document.getElementById("push"),
    key: box.dataset.pushKey,
    isAgain: () => isFollowed(box.dataset.order),
    async save({ endpoint, keys }) {
      const answer = await fetch(box.dataset.pushUrl, { method: "POST", body: new URLSearchParams({ endpoint, ...keys }), headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      await followPage(box.dataset.order, box.dataset.page);
    },
  })).catch(() => {}); // at the next visit
}
