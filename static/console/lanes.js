// The planning page: what is arranged is checked by the server at once, kept until it is saved, and brought together with
// what others save meanwhile.
import { Board, nameOf } from "./lanes_board.js";
import { View, filled } from "./lanes_view.js";
import { dragging } from "./lanes_drag.js";
import { keepCurrent, requireSignedIn, SignedOut } from "./live.js";

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const root = document.getElementById("lanes-page");
const words = read("lanes-words");
const urls = root.dataset;
const view = new View(words, { trip: urls.trip });
const lanes = root.querySelector(".lanes");
const list = root.querySelector(".waiting-list");
const find = document.getElementById("find-waiting");
const only = document.getElementById("only-waiting");
const status = document.getElementById("lanes-status");
const alarm = document.getElementById("lanes-alarm");
const saveButton = document.getElementById("lanes-save");
const undoButton = document.getElementById("lanes-undo");
const results = document.getElementById("lanes-results");
const dialog = document.getElementById("lanes-choose");
const EVALUATED_TOGETHER = 8;
const MOST_UNDONE = 20;

let board = new Board(read("lanes-state"));
let before = [];
let turn = Promise.resolve();
let isSaving = false;
let shown = [];

// --- Drawing ---------------------------------------------------------------------------------------------------------
function drawLane(id) {
  const vehicle = board.vehicles.get(id);
  const index = [...board.vehicles.keys()].indexOf(id);
  const old = lanes.querySelector(`.lane[data-vehicle="${id}"]`);
  const made = view.lane(board, vehicle, index);
  if (old) old.replaceWith(made);
  else lanes.append(made);
}

function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

function isWanted(order) {
  if (only.value === "day" && order.wanted !== board.state.day) return false;
  if (only.value === "hours" && !order.pickup.hours && !order.delivery.hours) return false;
  if (only.value === "unlocated" && order.pickup.at && order.delivery.at) return false;
  const text = plain([order.number, order.customer, order.pickup.name, order.delivery.name, ...order.skills].join(" "));
  return plain(find.value).split(/\s+/).every((word) => text.includes(word));
}

function drawWaiting() {
  shown = board.waiting.filter((id) => isWanted(board.orders[id]));
  list.replaceChildren(...shown.map((id, index) => view.card(board, id, index === 0)));
  const count = document.getElementById("waiting-count");
  count.textContent = filled(words.waitingCount, { n: shown.length, total: board.waiting.length });
  document.getElementById("waiting-none").hidden = shown.length > 0;
}

function drawState() {
  const changed = board.changed().length;
  saveButton.disabled = !changed || isSaving;
  saveButton.querySelector(".count").textContent = changed ? ` (${changed})` : "";
  undoButton.disabled = !before.length;
  document.dispatchEvent(new CustomEvent("lanes:drawn", { detail: { board, shown } }));
}

function draw(keys) {
  const focus = focused();
  const vehicles = new Set(keys.map((key) => board.runs.get(key)?.vehicle ?? Number(key.slice(1).split("-")[0])));
  for (const id of vehicles) if (board.vehicles.has(id)) drawLane(id);
  drawWaiting();
  drawState();
  refocus(focus);
}

function drawAll() {
  const focus = focused();
  lanes.replaceChildren(...[...board.vehicles.values()].map((vehicle, index) => view.lane(board, vehicle, index)));
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

// --- Changes ---------------------------------------------------------------------------------------------------------
async function post(url, body) {
  const answer = await fetch(url, {
    method: "POST", credentials: "same-origin",
    headers: { "X-CSRFToken": urls.csrf, "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  if ([400, 409, 503].includes(answer.status)) throw new Error((await answer.json()).error);
  requireSignedIn(answer);
  return answer.json();
}

/** Ask what runs are; tells why the rules refuse one. */
async function evaluate(keys) {
  const runs = keys.map((key) => board.runs.get(key)).filter((run) => run && (run.trip || run.stops.length));
  for (const run of runs) if (!run.stops.length) run.timing = null;
  if (!runs.length) return "";
  const answer = await post(urls.evaluate, { runs: runs.map((run) => board.asJson(run)) });
  for (const timing of answer.runs) {
    const run = board.runs.get(timing.key);
    if (timing.refusal) return timing.refusal;
    if (run && run.stops.length) run.timing = timing;
  }
  return "";
}

function problem(error) {
  return error instanceof SignedOut ? words.signedOut : words.notChecked;
}

/** Do a change after those before it; what the rules refuse is taken back, and said. */
function act(change, told) {
  turn = turn.then(async () => {
    alarm.textContent = "";
    const was = board.snapshot();
    const keys = change();
    if (!keys || !keys.length) return;
    before = [...before.slice(1 - MOST_UNDONE), was];
    draw(keys);
    try {
      const refusal = await evaluate(keys);
      if (refusal) {
        board.restore(before.pop());
        board.tidy();
        draw(keys);
        alarm.textContent = filled(words.refused, { why: refusal });
        return;
      }
    } catch (error) {
      alarm.textContent = problem(error);
    }
    board.tidy();
    draw(keys);
    const broken = keys.flatMap((key) => board.runs.get(key)?.timing?.broken || []);
    status.textContent = [told, ...broken].filter(Boolean).join(" ");
  });
  return turn;
}

function refOf(item) {
  const [kind, id] = item.dataset.ref.split(":");
  return [kind, Number(id)];
}

function nameOfItem(ref) {
  return ref[0] === "stop" ? board.own.get(ref[1]).name : board.orders[ref[1]].number;
}

function startOf(vehicle) {
  const now = new Date();
  const { day } = board.state;
  const last = board.runsOf(vehicle.id).map((run) => run.timing).filter(Boolean).map((timing) => timing.ends).sort().pop();
  const free = last && !last.includes("+") ? last : "";
  const today = `${now.getFullYear()}-${String(now.getMonth() + 1).padStart(2, "0")}-${String(now.getDate()).padStart(2, "0")}`;
  const soon = day === today ? `${String(now.getHours()).padStart(2, "0")}:${String(Math.floor(now.getMinutes() / 15) * 15).padStart(2, "0")}` : "";
  const time = [vehicle.shift ? vehicle.shift[0] : "08:00", free, soon].sort().pop();
  return `${day}T${time}`;
}

function goalKey(key) {
  if (!key.startsWith("new-")) return key;
  const vehicle = board.vehicles.get(Number(key.slice(4)));
  return board.addRun(vehicle.id, startOf(vehicle)).key;
}

function put(ref, key, index) {
  const name = nameOfItem(ref);
  return act(() => {
    const own = [...board.runs.values()].find((run) => run.stops.some((one) => nameOf(one) === nameOf(ref)));
    if (ref[0] === "stop" && own?.key !== key) {
      alarm.textContent = words.ownStays;
      return [];
    }
    const goal = goalKey(key);
    return board.put(ref, goal, Math.min(index, board.runs.get(goal).stops.length));
  }, filled(words.moved, { name }));
}

function takeOut(ref) {
  if (ref[0] === "stop") return alarm.replaceChildren(words.ownStays);
  return act(() => board.takeOut(ref[1]), filled(words.takenOut, { name: nameOfItem(ref) }));
}

function step(item, by) {
  const ref = refOf(item);
  const run = [...board.runs.values()].find((one) => one.stops.some((stop) => nameOf(stop) === item.dataset.ref));
  if (!run) return;
  const at = run.stops.findIndex((stop) => nameOf(stop) === item.dataset.ref);
  const goal = by < 0 ? at - 1 : at + 2;
  if (goal < 0 || goal > run.stops.length) return;
  put(ref, run.key, goal);
}

function undo() {
  turn = turn.then(async () => {
    const was = before.pop();
    if (!was) return;
    board.restore(was);
    alarm.textContent = "";
    status.textContent = words.undone;
    drawAll();
    timeAll();
  });
}

// --- Choosing by buttons and keys --------------------------------------------------------------------------------------
function choose(item) {
  const ref = refOf(item);
  const holder = ref[0] === "stop" ? null : board.holder(ref[1]);
  dialog.querySelector("h2").textContent = filled(words.whereTo, { name: nameOfItem(ref) });
  const atStart = dialog.querySelector("#at-start");
  const options = [];
  if (holder !== "waiting") options.push(option("", words.backToWaiting, () => takeOut(ref)));
  for (const vehicle of board.vehicles.values()) {
    const runs = board.runsOf(vehicle.id);
    for (const run of runs) {
      const free = run.timing?.ends ? `${words.nextFree} ${run.timing.ends}` : "";
      const load = `${Math.round(view.load(board, run, "kilograms"))} / ${vehicle.kilograms} kg`;
      const name = run.trip ? run.trip.name : words.aNewTrip;
      options.push(option(vehicle.plate, [name, load, free].filter(Boolean).join(" · "), () => put(ref, run.key, atStart.checked ? 0 : run.stops.length)));
    }
    const hours = vehicle.shift ? vehicle.shift.join("–") : "";
    options.push(option(vehicle.plate, [words.newTripOf, `${vehicle.kilograms} kg`, hours, vehicle.driver].filter(Boolean).join(" · "), () => put(ref, `new-${vehicle.id}`, 0)));
  }
  dialog.querySelector(".options").replaceChildren(...options);
  dialog.returnValue = "";
  dialog.showModal();
  options[0]?.focus();
  dialog.onclose = () => root.querySelector(`[data-ref="${item.dataset.ref}"] .handle`)?.focus({ preventScroll: true });
}

function option(plate, text, chosen) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "option";
  if (plate) {
    const name = document.createElement("strong");
    const inner = document.createElement("bdi");
    inner.dir = "ltr";
    inner.textContent = plate;
    name.append(inner);
    made.append(name, " ");
  }
  made.append(Object.assign(document.createElement("bdi"), { textContent: text }));
  made.addEventListener("click", () => {
    dialog.close();
    chosen();
  });
  return made;
}

dialog.addEventListener("keydown", (event) => {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const options = [...dialog.querySelectorAll(".option")];
  const at = options.indexOf(document.activeElement);
  if (!by || at < 0) return;
  event.preventDefault();
  options[Math.max(0, Math.min(options.length - 1, at + by))].focus();
});

root.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.reset) {
    const { reset } = button.dataset;
    act(() => board.reset(reset), "");
  }
  const item = button.closest("[data-ref]");
  if (!item) return;
  if (button.dataset.move === "up") step(item, -1);
  else if (button.dataset.move === "down") step(item, 1);
  else if (button.dataset.move === "choose" || button.matches(".card .handle")) choose(item);
  document.dispatchEvent(new CustomEvent("lanes:look", { detail: { ref: refOf(item) } }));
});

root.addEventListener("keydown", (event) => {
  const handle = event.target.closest(".handle");
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!handle) return;
  const item = handle.closest("[data-ref]");
  if (event.key === "Delete") takeOut(refOf(item));
  else if (event.key === "Enter") choose(item);
  else if (by && event.altKey) step(item, by);
  else if (by && !event.ctrlKey && !event.metaKey) {
    const items = [...item.parentElement.querySelectorAll("[data-ref]")];
    const next = items[items.indexOf(item) + by];
    if (next) {
      handle.tabIndex = -1;
      const other = next.querySelector(".handle");
      other.tabIndex = 0;
      other.focus();
    }
  } else return;
  event.preventDefault();
});

root.addEventListener("focusin", (event) => {
  const item = event.target.closest("[data-ref]");
  if (item) document.dispatchEvent(new CustomEvent("lanes:look", { detail: { ref: refOf(item) } }));
});

lanes.addEventListener("change", (event) => {
  const key = event.target.dataset.starts;
  const time = event.target.value;
  if (!key || !/^\d\d:\d\d$/.test(time)) return;
  act(() => {
    board.runs.get(key).starts = `${board.state.day}T${time}`;
    return [key];
  }, "");
});

dragging(root, (item, goal) => {
  if (!goal) return;
  if (goal.isOut) takeOut(refOf(item));
  else put(refOf(item), goal.run, goal.index);
});

for (const field of [find, only]) field.addEventListener("input", () => { drawWaiting(); drawState(); });
undoButton.addEventListener("click", undo);
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !event.target.closest("input, select, textarea")) {
    event.preventDefault();
    undo();
  }
});
document.addEventListener("lanes:ask", drawState);
document.addEventListener("lanes:choose", (event) => {
  const item = root.querySelector(`[data-ref="${event.detail}"]`);
  item?.scrollIntoView({ block: "nearest" });
  item?.querySelector(".handle")?.focus({ preventScroll: true });
});

// --- Planning anew -----------------------------------------------------------------------------------------------------
document.getElementById("lanes-replan")?.addEventListener("click", async (event) => {
  const button = event.currentTarget;
  button.disabled = true;
  status.textContent = words.replanning;
  await turn;
  const mine = board.snapshot();
  const runs = [...board.runs.values()].filter((run) => run.trip || run.stops.length);
  try {
    const answer = await post(urls.replan, { runs: runs.map((run) => board.asJson(run)) });
    await act(() => {
      const isStill = JSON.stringify(board.snapshot().runs.map((run) => run[3])) === JSON.stringify(mine.runs.map((run) => run[3]));
      const changed = isStill ? board.arrange(answer.runs) : [];
      status.textContent = isStill ? words.nothingBetter : words.notChecked;
      return changed;
    }, answer.saved_minutes > 0 ? filled(words.replanned, { n: answer.saved_minutes }) : words.replannedPromises);
  } catch (error) {
    status.textContent = "";
    alarm.textContent = error instanceof SignedOut ? words.signedOut : error.message;
  }
  button.disabled = false;
});

// --- Saving ----------------------------------------------------------------------------------------------------------
function line(name) {
  const row = document.createElement("li");
  const label = document.createElement("bdi");
  label.textContent = name;
  const said = document.createElement("span");
  row.append(label, ": ", said);
  results.append(row);
  return (text, isDone) => {
    said.textContent = [said.textContent, text].filter(Boolean).join(", ");
    row.className = isDone ? "is-done" : "is-refused";
  };
}

/** Store what is arranged; tells which trips are saved and how to say more of each. */
async function store() {
  const runs = board.changed();
  if (!runs.length) return [];
  results.replaceChildren();
  results.hidden = false;
  status.textContent = words.saving;
  alarm.textContent = "";
  const rows = new Map(runs.map((run) => {
    const { plate } = board.vehicles.get(run.vehicle);
    return [run.key, { say: line(run.trip ? `${plate} · ${run.trip.name}` : plate), hasToKnow: run.stops.length > 0 || run.trip?.was_told }];
  }));
  const answer = await post(urls.save, { runs: runs.map((run) => board.asJson(run)) });
  for (const row of answer.runs) rows.get(row.key).say(row.message, row.is_done);
  const done = answer.runs.filter((row) => row.is_done);
  if (done.length < answer.runs.length) alarm.textContent = words.someNotSaved;
  board.settle(done.map((row) => row.key));
  before = [];
  await refresh().catch(() => {}); // the page reads the day again by itself
  return done.filter((row) => row.is_changed && rows.get(row.key).hasToKnow).map((row) => ({ trip: row.trip, say: rows.get(row.key).say }));
}

async function tell({ trip, say }) {
  try {
    say((await post(urls.tell.replace("0", trip), {})).message, true);
  } catch (error) {
    say(error instanceof SignedOut ? words.signedOut : error.message, false);
  }
}

async function save() {
  if (isSaving) return;
  isSaving = true;
  drawState();
  let saved = [];
  turn = turn.then(async () => {
    try {
      saved = await store();
    } catch (error) {
      alarm.textContent = error instanceof SignedOut ? words.signedOut : words.notSavedYet;
    }
  });
  await turn;
  for (const one of saved) await tell(one);
  isSaving = false;
  status.textContent = "";
  drawState();
  later();
}

saveButton.addEventListener("click", save);
addEventListener("beforeunload", (event) => {
  if (board.changed().length || isSaving) event.preventDefault();
});

// --- What others do ----------------------------------------------------------------------------------------------------
async function refresh() {
  const answer = await fetch(urls.state, { credentials: "same-origin" });
  requireSignedIn(answer);
  const state = await answer.json();
  const { next, lost } = board.renewed(state);
  const isNews = JSON.stringify(state) !== JSON.stringify(board.state);
  if (!isNews && !lost.length && next.changed().length === board.changed().length) return;
  // What can be undone is brought together with the news as well.
  if (isNews) before = before.map((was) => board.at(was).renewed(state).next.snapshot());
  board = next;
  if (lost.length) alarm.textContent = filled(words.lost, { names: lost.join(", ") });
  drawAll();
  timeAll();
}

/** Put on the clock what has no times yet, some lanes at once. */
async function timeAll() {
  const mine = board;
  const keys = [...board.runs.values()].filter((run) => !run.timing && run.stops.length).map((run) => run.key);
  for (let from = 0; from < keys.length && mine === board; from += EVALUATED_TOGETHER) {
    const some = keys.slice(from, from + EVALUATED_TOGETHER);
    turn = turn.then(async () => {
      if (mine !== board || dialog.open || root.dataset.dragged) return;
      try {
        await evaluate(some);
        draw(some);
      } catch { /* the times of before stay */ }
    });
    await turn;
  }
}

let pending = 0;
function frame(event) {
  if (event.type !== "board_changed" || event.what === "chat" || event.what === "assistance" || pending) return;
  pending = setTimeout(() => {
    pending = 0;
    later();
  }, 300);
}

/** Take what others have done between two changes of one's own. */
function later() {
  turn = turn.then(async () => {
    if (root.dataset.dragged) {
      setTimeout(later, 1000);
      return;
    }
    await refresh().catch((error) => { if (error instanceof SignedOut) throw error; });
  }).catch(() => {});
  return turn;
}

drawAll();
performance.mark("lanes-drawn");
requestAnimationFrame(() => setTimeout(() => {
  timeAll();
  keepCurrent({ refresh: later, frame });
}));
