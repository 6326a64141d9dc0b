// The page of one request, live: asks for what has changed, keeps the last state without reception and says how old it is.
import { listen } from "./link_socket.js";
import { forgetCopy, openOffline } from "./offline.js";
import { openPhotos } from "./photo.js";
import { followPage, isFollowed, offerPush } from "./push.js";
import { newKey } from "./random_key.js";
import { answerInTime } from "./time_limit.js";

const page = document.getElementById("motorist");
const lost = document.getElementById("lost");
const refused = document.getElementById("refused");
const write = document.getElementById("write");
const addPhotos = document.getElementById("add-photos");
const mapBox = document.getElementById("map-box");
const box = document.getElementById("map");
const EVERY = 5000;
const SLOWEST = 60000;
const AHEAD = 15000;
const DAY = 86400000;
const COPY_EVERY = 20000;
const KEPT = "depannini.request";
let tag = "";
let wait = EVERY;
let timer = 0;
let isOver = false;
let isOpen = true;
let isLooking = false;
let isDue = false; // something changed while the page looked
let clock = Number(kept("depannini.clock") ?? Date.parse(page.dataset.serverTime) - Date.now()); // the server's clock minus this phone's
let heard = Date.parse(page.dataset.serverTime); // of a copy: when it was made
let renewed = Date.now();
let isCopyOld = false;
let renewing = 0;
let view = null;
let live = null; // the place of who comes that the socket told last
let points = JSON.parse(document.getElementById("map-points").textContent);
const ago = new Intl.RelativeTimeFormat(`${document.documentElement.lang}-u-nu-latn`, { numeric: "auto" });

function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // A browser that keeps nothing shows no reminder.
  }
}

function now() {
  return Date.now() + clock;
}

function ageOf(at) {
  const seconds = Math.min(0, Math.round((at - now()) / 1000));
  if (seconds > -90) return ago.format(seconds, "second");
  return seconds > -5400 ? ago.format(Math.round(seconds / 60), "minute") : ago.format(Math.round(seconds / 3600), "hour");
}

function showAges() {
  for (const time of page.querySelectorAll("time[data-age]")) time.textContent = ageOf(Date.parse(time.dateTime));
  if (!lost.hidden && !isOver) lost.textContent = page.dataset.tLost.replace("{age}", ageOf(heard));
}

// --- What has changed ------------------------------------------------------------------------------------------------
function exchange(regions) {
  for (const [name, html] of Object.entries(regions)) {
    const region = page.querySelector(`[data-region=${name}]`);
    if (region.source === undefined) region.source = region.innerHTML;
    if (region.source.trim() === html.trim()) continue;
    const isOpened = Boolean(region.querySelector("details[open]"));
    region.source = html;
    region.innerHTML = html;
    if (isOpened) region.querySelector("details")?.setAttribute("open", "");
  }
}

async function look() {
  const answer = await fetch(page.dataset.state, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store", signal: answerInTime() });
  if (answer.status === 404) return end();
  if (answer.status !== 304 && !answer.ok) throw new Error(String(answer.status));
  const date = Date.parse(answer.headers.get("Date") || "");
  if (date && Math.abs(date - now()) > 5000) clock = date - Date.now();
  keep("depannini.clock", clock); // a copy that opens later has no other way to know its age
  heard = now();
  wait = EVERY;
  lost.hidden = true;
  if (answer.status === 304) return renewCopy();
  const state = await answer.json();
  tag = answer.headers.get("ETag") || "";
  exchange(state.regions);
  isCopyOld = true;
  renewCopy();
  write.hidden = !state.can_write;
  addPhotos.hidden = !state.can_add_photos;
  isOpen = state.is_open;
  hearing.want(isOpen);
  points = state.map;
  // The socket is some seconds ahead of what is stored.
  if (points.mover && live && live.at > points.mover.at && Date.parse(live.at) - Date.parse(points.mover.at) < AHEAD) points.mover = live;
  return drawMap();
}

// The copy that opens without reception.
function renewCopy() {
  clearTimeout(renewing);
  if (!isCopyOld || !navigator.serviceWorker?.controller) return;
  const early = renewed + COPY_EVERY - Date.now();
  if (early > 0) {
    renewing = setTimeout(renewCopy, early); // while the socket lives, the next look may be a minute away
    return;
  }
  renewed = Date.now();
  isCopyOld = false;
  fetch(page.dataset.page, { headers: { "X-Renew": "yes" } }).catch(() => { isCopyOld = true; });
}

function end() {
  isOver = true;
  hearing.want(false);
  lost.textContent = page.dataset.tOver;
  lost.hidden = false;
  keep(KEPT, "null");
  forgetCopy(page.dataset.page);
}

async function go() {
  clearTimeout(timer);
  if (document.hidden || isOver) return;
  if (isLooking) {
    isDue = true;
    return;
  }
  isLooking = true;
  isDue = false;
  try {
    await look();
  } catch {
    wait = Math.min(SLOWEST, wait * 2);
    lost.hidden = false;
  }
  isLooking = false;
  showAges();
  if (!isOver) timer = setTimeout(go, isDue && wait === EVERY ? 0 : hearing.wait(isOpen ? wait : SLOWEST));
}

function move({ lat, lng, at }) {
  live = { lat, lng, at };
  if (!points.mover) return;
  points.mover = live;
  const seen = page.querySelector("[data-region=who] time[data-age]");
  if (seen) seen.dateTime = at;
  showAges();
  drawMap();
}

const hearing = listen({ path: "/ws/h/", ticketUrl: page.dataset.ticket, changed: go, place: move });
document.addEventListener("visibilitychange", go);
window.addEventListener("online", () => {
  if (!navigator.serviceWorker?.controller) keepOffline();
});
window.addEventListener("offline", () => { lost.hidden = false; showAges(); });
setInterval(showAges, 10000);

// --- Sending without leaving the page --------------------------------------------------------------------------------
// Without reception what is typed stays, and its key: sent again it is the same message.
openPhotos(page);
page.addEventListener("submit", async (event) => {
  const form = event.target;
  event.preventDefault();
  if (form.dataset.isSent) return;
  form.dataset.isSent = "yes";
  const fields = new FormData(form);
  const body = form.enctype === "multipart/form-data" ? fields : new URLSearchParams(fields);
  if (event.submitter?.name) body.append(event.submitter.name, event.submitter.value);
  try {
    const answer = await fetch(page.dataset.page, { method: "POST", body, headers: { Accept: "application/json" } });
    if (answer.status === 404) return end();
    const told = await answer.json();
    refused.textContent = told.text ?? told.error ?? "";
    refused.hidden = told.outcome === "done";
    if (told.outcome === "done") {
      form.reset();
      if (form.elements.key) form.elements.key.value = newKey();
    }
    go();
  } catch {
    lost.hidden = false;
    showAges();
  } finally {
    delete form.dataset.isSent;
  }
  return undefined;
});

// --- The map, once somebody comes ------------------------------------------------------------------------------------
function load(url) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
}

async function drawMap() {
  mapBox.hidden = !points.mover;
  if (!points.mover) return;
  if (!view) {
    view = "loading";
    try {
      await load(box.dataset.leaflet);
      if (box.dataset.streetsUrl) await load(box.dataset.protomaps);
      const { MotoristMap } = await import("./motorist_map.js");
      view = new MotoristMap(box);
    } catch {
      view = null;
      mapBox.hidden = true; // without reception there is nothing to draw it with
      return;
    }
  }
  if (view !== "loading") view.show(points);
}

keep(KEPT, JSON.stringify({ path: page.dataset.page, until: Date.now() + DAY }));
function keepOffline() {
  openOffline(page.dataset.worker, page.dataset.scope, page.dataset.page);
}

offerPush({
  button: document.getElementById("push"),
  key: page.dataset.pushKey,
  isAgain: () => isFollowed(page.dataset.request),
  async save({ endpoint, keys }) {
    const answer = await fetch(page.dataset.pushUrl, { method: "POST", body: new URLSearchParams({ endpoint, ...keys }), headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    await followPage(page.dataset.request, page.dataset.page);
  },
}).catch(() => {}); // without reception: at the next visit

drawMap();
go();
keepOffline();
