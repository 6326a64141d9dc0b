// Changes of what is arranged, one after the other: each is checked by the server, and brought together with what others save.
import { nameOf } from "./lanes_board.js";
import { filled } from "./lanes_view.js";
import { alarm, dialog, draw, drawAll, page, root, status, urls, words } from "./lanes_page.js";
import { requireSignedIn, SignedOut } from "./live.js";
import { listed } from "./writing.js";

const EVALUATED_TOGETHER = 8;
const MOST_UNDONE = 20;
let turn = Promise.resolve();

/** Do something after all that was begun before, whatever became of it. */
export function inTurn(task) {
  turn = turn.catch(() => {}).then(task);
  return turn;
}

/** The server's refusal, in words. */
export class Refused extends Error {}

export async function post(url, body) {
  const answer = await fetch(url, {
    method: "POST", credentials: "same-origin",
    headers: { "X-CSRFToken": urls.csrf, "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const isJson = answer.headers.get("Content-Type")?.startsWith("application/json");
  if (!answer.ok && !answer.redirected && isJson) throw new Refused((await answer.json()).error);
  requireSignedIn(answer);
  return answer.json();
}

/** Ask what runs are; tells why the rules refuse one. */
async function evaluate(keys) {
  const runs = keys.map((key) => page.board.runs.get(key)).filter((run) => run && (run.trip || run.stops.length));
  for (const run of runs) if (!run.stops.length) run.timing = null;
  if (!runs.length) return "";
  const answer = await post(urls.evaluate, { runs: runs.map((run) => page.board.asJson(run)) });
  for (const timing of answer.runs) {
    const run = page.board.runs.get(timing.key);
    if (timing.refusal) return timing.refusal;
    if (run && run.stops.length) run.timing = timing;
  }
  return "";
}

/** Say why something could not be asked: the server's own words where it gave some, else these. */
export function problem(error, otherwise) {
  if (error instanceof SignedOut) return words.signedOut;
  return error instanceof Refused ? error.message : otherwise;
}

/** Do a change after those before it; what the rules refuse is taken back, and said. */
export function act(change, told) {
  return inTurn(async () => {
    alarm.textContent = "";
    const was = page.board.snapshot();
    const keys = change();
    if (!keys || !keys.length) return;
    page.before = [...page.before.slice(1 - MOST_UNDONE), was];
    draw(keys);
    try {
      const refusal = await evaluate(keys);
      if (refusal) {
        page.board.restore(page.before.pop());
        page.board.tidy();
        draw(keys);
        alarm.textContent = filled(words.refused, { why: refusal });
        return;
      }
    } catch (error) {
      alarm.textContent = problem(error, words.notChecked);
    }
    page.board.tidy();
    draw(keys);
    const broken = keys.flatMap((key) => page.board.runs.get(key)?.timing?.broken || []);
    status.textContent = [told, ...broken].filter(Boolean).join(" ");
  });
}

export function refOf(item) {
  const [kind, id] = item.dataset.ref.split(":");
  return [kind, Number(id)];
}

export function nameOfItem(ref) {
  return ref[0] === "stop" ? page.board.own.get(ref[1]).name : page.board.orders[ref[1]].number;
}

function startOf(vehicle) {
  const now = new Date();
  const { day } = page.board.state;
  const last = page.board.runsOf(vehicle.id).map((run) => run.timing).filter(Boolean).map((timing) => timing.ends).sort().pop();
  const free = last && !last.includes("+") ? last : "";
  const today = `${now.getFullYear()}-${String(now.getMonth() + 1).padStart(2, "0")}-${String(now.getDate()).padStart(2, "0")}`;
  const soon = day === today ? `${String(now.getHours()).padStart(2, "0")}:${String(Math.floor(now.getMinutes() / 15) * 15).padStart(2, "0")}` : "";
  const time = [vehicle.shift ? vehicle.shift[0] : "08:00", free, soon].sort().pop();
  return `${day}T${time}`;
}

function goalKey(key) {
  if (!key.startsWith("new-")) return key;
  const vehicle = page.board.vehicles.get(Number(key.slice(4)));
  return page.board.addRun(vehicle.id, startOf(vehicle)).key;
}

export function put(ref, key, index) {
  const name = nameOfItem(ref);
  return act(() => {
    const own = [...page.board.runs.values()].find((run) => run.stops.some((one) => nameOf(one) === nameOf(ref)));
    if (ref[0] === "stop" && own?.key !== key) {
      alarm.textContent = words.ownStays;
      return [];
    }
    const goal = goalKey(key);
    return page.board.put(ref, goal, Math.min(index, page.board.runs.get(goal).stops.length));
  }, filled(words.moved, { name }));
}

export function takeOut(ref) {
  if (ref[0] === "stop") return alarm.replaceChildren(words.ownStays);
  return act(() => page.board.takeOut(ref[1]), filled(words.takenOut, { name: nameOfItem(ref) }));
}

export function step(item, by) {
  const ref = refOf(item);
  const run = [...page.board.runs.values()].find((one) => one.stops.some((stop) => nameOf(stop) === item.dataset.ref));
  if (!run) return;
  const at = run.stops.findIndex((stop) => nameOf(stop) === item.dataset.ref);
  const goal = by < 0 ? at - 1 : at + 2;
  if (goal < 0 || goal > run.stops.length) return;
  put(ref, run.key, goal);
}

export function undo() {
  inTurn(async () => {
    const was = page.before.pop();
    if (!was) return;
    page.board.restore(was);
    alarm.textContent = "";
    status.textContent = words.undone;
    drawAll();
    timeAll();
  });
}

// --- What others do --------------------------------------------------------------------------------------------------
export async function refresh() {
  const answer = await fetch(urls.state, { credentials: "same-origin" });
  requireSignedIn(answer);
  const state = await answer.json();
  const { next, lost } = page.board.renewed(state);
  const isNews = JSON.stringify(state) !== JSON.stringify(page.board.state);
  if (!isNews && !lost.length && next.changed().length === page.board.changed().length) return;
  // What can be undone is brought together with the news as well.
  if (isNews) page.before = page.before.map((was) => page.board.at(was).renewed(state).next.snapshot());
  page.board = next;
  if (lost.length) alarm.textContent = filled(words.lost, { names: listed(lost) });
  drawAll();
  timeAll();
}

/** Put on the clock what has no times yet, some lanes at once. */
export async function timeAll() {
  const mine = page.board;
  const keys = [...page.board.runs.values()].filter((run) => !run.timing && run.stops.length).map((run) => run.key);
  for (let from = 0; from < keys.length && mine === page.board; from += EVALUATED_TOGETHER) {
    const some = keys.slice(from, from + EVALUATED_TOGETHER);
    await inTurn(async () => {
      if (mine !== page.board || dialog.open || root.dataset.dragged) return;
      try {
        await evaluate(some);
        draw(some);
      } catch { /* the times of before stay */ }
    });
  }
}

/** Take what others have done between two changes of one's own. */
export function later() {
  return inTurn(async () => {
    if (!root.dataset.dragged) return refresh();
    setTimeout(() => later().catch(() => {}), 1000);
  });
}
