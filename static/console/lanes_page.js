// What the planning page shows: its elements, what is arranged, and the drawing of both.
import { Board } from "./lanes_board.js";
import { View, filled } from "./lanes_view.js";

const read = (id) => JSON.parse(document.getElementById(id).textContent);
export const root = document.getElementById("lanes-page");
export const words = read("lanes-words");
export const urls = root.dataset;
export const view = new View(words, { trip: urls.trip });
export const lanes = root.querySelector(".lanes");
export const find = document.getElementById("find-waiting");
export const only = document.getElementById("only-waiting");
export const status = document.getElementById("lanes-status");
export const alarm = document.getElementById("lanes-alarm");
export const saveButton = document.getElementById("lanes-save");
export const undoButton = document.getElementById("lanes-undo");
export const dialog = document.getElementById("lanes-choose");
const list = root.querySelector(".waiting-list");

/** What is arranged, what it was before each change, and whether it is being stored. */
export const page = { board: new Board(read("lanes-state")), before: [], isSaving: false };
let shown = [];

function drawLane(id) {
  const vehicle = page.board.vehicles.get(id);
  const index = [...page.board.vehicles.keys()].indexOf(id);
  const old = lanes.querySelector(`.lane[data-vehicle="${id}"]`);
  const made = view.lane(page.board, vehicle, index);
  if (old) old.replaceWith(made);
  else lanes.append(made);
}

function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

function isWanted(order) {
  if (only.value === "day" && order.wanted !== page.board.state.day) return false;
  if (only.value === "hours" && !order.pickup.hours && !order.delivery.hours) return false;
  if (only.value === "unlocated" && order.pickup.at && order.delivery.at) return false;
  const text = plain([order.number, order.customer, order.pickup.name, order.delivery.name, ...order.skills].join(" "));
  return plain(find.value).split(/\s+/).every((word) => text.includes(word));
}

export function drawWaiting() {
  shown = page.board.waiting.filter((id) => isWanted(page.board.orders[id]));
  list.replaceChildren(...shown.map((id, index) => view.card(page.board, id, index === 0)));
  const count = document.getElementById("waiting-count");
  count.textContent = filled(words.waitingCount, { n: shown.length, total: page.board.waiting.length });
  document.getElementById("waiting-none").hidden = shown.length > 0;
}

export function drawState() {
  const changed = page.board.changed().length;
  saveButton.disabled = !changed || page.isSaving;
  saveButton.querySelector(".count").textContent = changed ? ` (${changed})` : "";
  undoButton.disabled = !page.before.length;
  document.dispatchEvent(new CustomEvent("lanes:drawn", { detail: { board: page.board, shown } }));
}

export function draw(keys) {
  const focus = focused();
  const vehicles = new Set(keys.map((key) => page.board.runs.get(key)?.vehicle ?? Number(key.slice(1).split("-")[0])));
  for (const id of vehicles) if (page.board.vehicles.has(id)) drawLane(id);
  drawWaiting();
  drawState();
  refocus(focus);
}

export function drawAll() {
  const focus = focused();
  lanes.replaceChildren(...[...page.board.vehicles.values()].map((vehicle, index) => view.lane(page.board, vehicle, index)));
  drawWaiting();
  drawState();
  refocus(focus);
}

function focused() {
  const item = document.activeElement?.closest?.("[data-ref]");
  return item && root.contains(item) ? { ref: item.dataset.ref, move: document.activeElement.dataset.move } : null;
}

function refocus(focus) {
  if (!focus) return;
  const item = root.querySelector(`[data-ref="${focus.ref}"]`);
  const button = focus.move && item?.querySelector(`[data-move="${focus.move}"]:not(:disabled)`);
  (button || item?.querySelector(".handle"))?.focus({ preventScroll: true });
}
