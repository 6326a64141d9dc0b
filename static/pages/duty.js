// The assistant's page: kept current by its sockets, with the place shared while on duty, and taps that outlast dead spots.
import { clock } from "./clock.js";
import { forgetCopy, openOffline } from "./offline.js";
import { openOutbox } from "./outbox.js";
import { openPhotos } from "./photo.js";
import { shareHere } from "./place.js";
import { offerPush } from "./push.js";
import { remember, renew } from "./regions.js";
import { keepSocket } from "./sockets.js";
import { sound } from "./sound.js";

const root = document.getElementById("duty");
const line = document.getElementById("line");
const EVERY = 60000;
const WITHOUT_SOCKET = 8000;
const QUIET = new Set(["location", "eta"]);
const OFFSET = "duty.clock";

let offset = Number(localStorage.getItem(OFFSET)) || 0;
let lastRenewed = 0;
let pending = 0;
let isLeaving = false;
let room = null;
let outbox = null;
let said = null; // what is known of the place
const offered = new Set(offersShown());

// --- The page ------------------------------------------------------------------------------------------------------------
function show(state) {
  line.dataset.state = state;
  line.querySelector(".text").textContent = (line.dataset[state] ?? "").replace("{time}", root.dataset.time);
}

async function refresh() {
  pending = 0;
  if (isLeaving) return; // a copy made now would outlast the signing out
  lastRenewed = Date.now();
  let fresh;
  try {
    fresh = await renew(root);
  } catch {
    if (!offers.isOpen || !navigator.onLine) show(root.dataset.isFresh ? "lost" : "old");
    return;
  }
  if (fresh?.dataset.user !== root.dataset.user) return location.reload(); // signed out, or somebody else is signed in
  root.dataset.isFresh = "yes";
  root.dataset.time = fresh.dataset.time;
  offset = Date.parse(fresh.dataset.now) - Date.now();
  localStorage.setItem(OFFSET, offset);
  show(offers.isOpen ? "live" : "polling");
  arrange();
  outbox?.send();
}

function refreshSoon() {
  if (!pending) pending = setTimeout(refresh, 300);
}

/** What follows from the state that is shown: the room of the job, the place, the forms that wait. */
function arrange() {
  const { job, onDuty } = root.querySelector("[data-region=state]").dataset;
  if (room?.job !== job) {
    room?.socket.close();
    room = job ? { job, socket: keepSocket({ path: `/ws/assistance/${job}/`, token, frame: heard, state: () => {} }) } : null;
  }
  for (const id of offersShown()) {
    if (!offered.has(id)) sound();
    offered.add(id);
  }
  outbox?.mark();
  place.share(onDuty !== undefined || job !== undefined);
  showPlace();
  tick();
}

function offersShown() {
  return [...root.querySelectorAll(".offer h3")].map((title) => title.id);
}

/** Count down to the end of each offer, by the server's clock. */
function tick() {
  for (const count of root.querySelectorAll("[data-until]")) {
    const left = Math.ceil((Date.parse(count.dataset.until) - Date.now() - offset) / 1000);
    const shown = left > 0 ? `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` : count.dataset.over;
    if (count.textContent !== shown) count.textContent = shown;
  }
}

// --- Sockets -------------------------------------------------------------------------------------------------------------
async function token() {
  const answer = await send(root.dataset.tokenUrl, {});
  if (answer.status === 401) refreshSoon();
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()).token;
}

function send(url, fields) {
  const csrf = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? "";
  const headers = { Accept: "application/json", "X-CSRFToken": csrf };
  return fetch(url, { method: "POST", body: new URLSearchParams(fields), headers, credentials: "same-origin", redirect: "manual" });
}

function heard(frame) {
  if (!QUIET.has(frame.type)) refreshSoon();
}

function showPlace() {
  const text = document.getElementById("place");
  if (text && said) text.textContent = (text.dataset[said.what] ?? "").replace("{time}", clock(said.when, root.dataset.zone));
}

const place = shareHere({
  told: (what, when) => {
    said = { what, when };
    showPlace();
  },
  report: async (lat, lng) => {
    if (room?.socket.isOpen) return room.socket.send({ type: "location", lat, lng });
    const answer = await send(root.dataset.placeUrl, { lat, lng });
    if (!answer.ok) throw new Error(String(answer.status));
  },
  isDirect: () => Boolean(room?.socket.isOpen),
});

remember(root);
openPhotos(root);
const offers = keepSocket({
  path: `/ws/assistant/${root.dataset.user}/`,
  token,
  frame: heard,
  state: (isOpen, code) => {
    if (isOpen) refreshSoon();
    else if (code === 4401) refreshSoon();
    else show(navigator.onLine ? "polling" : "lost");
  },
});

setInterval(tick, 1000);
setInterval(() => {
  if (!document.hidden && Date.now() - lastRenewed >= (offers.isOpen ? EVERY : WITHOUT_SOCKET)) refresh();
}, 1000);
addEventListener("online", () => { offers.retry(); room?.socket.retry(); refresh(); });
addEventListener("offline", () => { show("lost"); refreshSoon(); });
document.addEventListener("visibilitychange", () => document.hidden || refresh());
addEventListener("pageshow", (event) => event.persisted && refresh());
document.getElementById("sign-out").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (outbox?.waiting && !confirm(event.target.dataset.warn)) return;
  isLeaving = true;
  await forgetCopy(root.dataset.scope);
  event.target.submit();
});

openOutbox({ owner: root.dataset.owner, box: document.getElementById("outbox"), answered: refreshSoon }).then((opened) => {
  outbox = opened;
  arrange();
});
refresh();
openOffline(root.dataset.worker, root.dataset.scope);
offerPush({
  button: document.getElementById("push"),
  key: root.dataset.pushKey,
  save: async ({ endpoint, keys }) => {
    const answer = await send(root.dataset.pushUrl, { endpoint, ...keys });
    if (!answer.ok) throw new Error(String(answer.status));
  },
}).catch(() => {}); // without reception: at the next visit
