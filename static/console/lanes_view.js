// Draws lanes and the list of orders that wait. Texts are text nodes; one lane at a time is drawn anew.
import { nameOf } from "./lanes_board.js";
import { listed, written } from "./writing.js";

export const COLOURS = ["#1b6ec2", "#c2410c", "#15803d", "#7e22ce", "#b91c1c", "#0f766e", "#a16207", "#be185d"];

export function element(tag, className, ...parts) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...parts);
  return made;
}

const named = (text) => element("bdi", "", text);
const ltr = (text) => {
  const made = element("bdi", "nowrap", text);
  made.dir = "ltr";
  return made;
};
const filled = (words, values) => words.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const round = (number) => written(number);
const cubic = (litres) => written(litres / 1000, 1, 0);

export class View {
  constructor(words, urls) {
    this.words = words;
    this.urls = urls;
  }

  /** The lane of a vehicle, with its trips. */
  lane(board, vehicle, index, current) {
    const made = element("section", "lane");
    made.dataset.vehicle = vehicle.id;
    made.style.setProperty("--lane", COLOURS[index % COLOURS.length]);
    const title = element("h3", "", element("span", "lane-colour"), ltr(vehicle.plate));
    title.id = `lane-${vehicle.id}`;
    made.setAttribute("aria-labelledby", title.id);
    const runs = board.runsOf(vehicle.id);
    made.append(element("header", "lane-head", title, " ", this.driver(vehicle), this.facts(board, vehicle, runs)));
    for (const run of runs) made.append(this.run(board, run, current));
    const add = element("p", "drop-here", runs.length ? this.words.newTrip : this.words.dropHere);
    add.dataset.run = `new-${vehicle.id}`;
    made.append(add);
    return made;
  }

  driver(vehicle) {
    const told = element("span", "quiet", named(vehicle.driver));
    if (!vehicle.is_reached) told.append(" ", element("span", "badge", this.words.unreachable));
    if (!vehicle.is_active) told.append(" ", element("span", "badge is-late", this.words.inactive));
    return told;
  }

  facts(board, vehicle, runs) {
    const kilograms = Math.max(0, ...runs.map((run) => this.load(board, run, "kilograms")));
    const litres = Math.max(0, ...runs.map((run) => this.load(board, run, "litres")));
    const made = element("p", "lane-facts");
    made.append(this.meter(this.words.load, kilograms, vehicle.kilograms, `${round(kilograms)} / ${round(vehicle.kilograms)} ${this.words.kg}`));
    if (vehicle.litres !== null || litres) {
      const most = vehicle.litres === null ? "" : ` / ${cubic(vehicle.litres)}`;
      made.append(this.meter(this.words.volume, litres, vehicle.litres ?? Infinity, `${cubic(litres)}${most} ${this.words.cubicMetres}`));
    }
    if (vehicle.shift) made.append(element("span", "nowrap", `${this.words.hours} `, ltr(vehicle.shift.join("–"))));
    const last = runs.filter((run) => run.timing && run.stops.length).map((run) => run.timing).sort((a, b) => a.ends_seconds - b.ends_seconds).pop();
    if (last) made.append(element("span", "nowrap", `${this.words.nextFree} `, ltr(last.ends)));
    if (vehicle.skills.length) made.append(element("span", "quiet", named(listed(vehicle.skills))));
    return made;
  }

  /** The heaviest load of a run: as the server reckoned it, else the sum along the stops. */
  load(board, run, what) {
    if (run.timing && what in run.timing) return run.timing[what];
    const picked = new Set(run.stops.filter((ref) => ref[0] === "pickup").map((ref) => ref[1]));
    let now = run.stops.filter((ref) => ref[0] === "delivery" && !picked.has(ref[1])).reduce((sum, ref) => sum + board.orders[ref[1]][what], 0);
    let most = now;
    for (const [kind, id] of run.stops) {
      if (kind === "stop") continue;
      now += (kind === "pickup" ? 1 : -1) * board.orders[id][what];
      most = Math.max(most, now);
    }
    return most;
  }

  meter(label, value, most, text) {
    const bar = element("progress");
    bar.max = Number.isFinite(most) && most ? most : 1;
    bar.value = Number.isFinite(most) ? Math.min(value, bar.max) : 0;
    bar.setAttribute("aria-label", `${label} ${text}`);
    return element("span", `progress${value > most ? " is-over" : ""}`, bar, named(text));
  }

  run(board, run, current) {
    const made = element("div", `run${board.isChanged(run) ? " is-changed" : ""}`);
    made.dataset.run = run.key;
    made.append(this.runHead(board, run));
    if (run.notice === "changed") {
      const drop = element("button", "button small quiet-button", this.words.takeTheirs);
      drop.type = "button";
      drop.dataset.reset = run.key;
      made.append(element("p", "notice", this.words.changedByOther, " ", drop));
    }
    if (run.done.length) made.append(element("p", "quiet done", filled(this.words.doneStops, { n: run.done.length })));
    const list = element("ol", "lane-stops");
    list.setAttribute("aria-label", filled(this.words.stopsOf, { name: run.trip ? run.trip.name : this.words.aNewTrip }));
    run.stops.forEach((ref, index) => list.append(this.stop(board, run, ref, index, current)));
    made.append(list);
    const broken = run.timing?.broken || [];
    if (broken.length) made.append(element("ul", "broken", ...broken.map((text) => element("li", "", text))));
    return made;
  }

  runHead(board, run) {
    const head = element("p", "run-head");
    if (run.trip) {
      const link = element("a", "", named(run.trip.name));
      link.href = this.urls.trip.replace("0", run.trip.id);
      head.append(link, " ", element("span", `badge is-${run.trip.status}`, this.words.statuses[run.trip.status]));
      if (!run.trip.is_told && run.base.length) head.append(" ", element("span", "badge", run.trip.was_told ? this.words.notToldAgain : this.words.notTold));
    } else head.append(element("strong", "", this.words.aNewTrip), " ", this.startField(run));
    const timing = run.timing;
    if (timing && timing.starts && run.stops.length) {
      head.append(" ", ltr([...new Set([timing.starts, timing.ends])].join("–")), " ", named(`${timing.is_estimate ? "~" : ""}${written(timing.kilometres)} ${this.words.km}`));
    }
    if (board.isChanged(run)) head.append(" ", element("span", "badge is-accepted", this.words.notSaved));
    return head;
  }

  startField(run) {
    const field = element("input");
    field.type = "time";
    field.value = run.starts.slice(11);
    field.dataset.starts = run.key;
    field.setAttribute("aria-label", this.words.start);
    return field;
  }

  stop(board, run, ref, index, current) {
    const made = element("li", "lane-stop");
    const place = board.place(ref);
    const kind = board.kindOf(ref);
    const order = ref[0] === "stop" ? null : board.orders[ref[1]];
    const timed = run.timing?.stops?.find((row) => nameOf(row.ref) === nameOf(ref));
    const time = timed ? timed.eta : run.due.get(nameOf(ref)) || "";
    made.dataset.ref = nameOf(ref);
    const grip = element("span", "grip", "⠿");
    grip.setAttribute("aria-hidden", "true");
    const handle = element("button", "handle", ltr(time || "–"), " ", element("span", `badge is-${kind}`, this.words[kind]), " ", named(place.name));
    handle.type = "button";
    handle.tabIndex = current ? -1 : index ? -1 : 0;
    handle.setAttribute("aria-describedby", "lanes-help");
    const detail = element("span", "quiet detail");
    if (order) detail.append(ltr(order.number), " ", named(order.customer));
    if (place.hours) detail.append(" ", ltr(place.hours));
    if (!place.at) detail.append(" ", element("span", "badge is-late", this.words.notOnMap));
    if (run.arrived.has(nameOf(ref))) detail.append(" ", element("span", "badge is-accepted", this.words.arrived));
    if (timed && timed.wait) detail.append(" ", filled(this.words.waits, { n: timed.wait }));
    const name = order ? order.number : place.name;
    const moves = element("span", "moves", this.button("up", "↑", filled(this.words.up, { name }), index === 0), this.button("down", "↓", filled(this.words.down, { name }), index === run.stops.length - 1));
    if (order) moves.append(this.button("choose", "⇄", filled(this.words.moveTo, { name }), false));
    made.append(grip, element("span", "lane-place", handle, detail), moves);
    return made;
  }

  button(move, sign, label, isOff) {
    const made = element("button", "", sign);
    made.type = "button";
    made.dataset.move = move;
    made.setAttribute("aria-label", label);
    made.disabled = isOff;
    return made;
  }

  /** An order that waits. */
  card(board, id, isFirst) {
    const order = board.orders[id];
    const made = element("li", "card");
    made.dataset.ref = `pickup:${id}`;
    const grip = element("span", "grip", "⠿");
    grip.setAttribute("aria-hidden", "true");
    const handle = element("button", "handle", ltr(order.number), " ", named(order.customer));
    handle.type = "button";
    handle.tabIndex = isFirst ? 0 : -1;
    handle.setAttribute("aria-describedby", "lanes-help");
    const detail = element("span", "quiet detail", named(order.pickup.name), " – ", named(order.delivery.name));
    const more = [order.kilograms ? `${round(order.kilograms)} ${this.words.kg}` : "", order.litres ? `${cubic(order.litres)} ${this.words.cubicMetres}` : ""];
    for (const text of more) if (text) detail.append(" · ", named(text));
    if (order.delivery.hours) detail.append(" · ", ltr(order.delivery.hours));
    if (order.skills.length) detail.append(" · ", named(listed(order.skills)));
    if (!order.pickup.at || !order.delivery.at) detail.append(" ", element("span", "badge is-late", this.words.notOnMap));
    const choose = element("button", "button small", this.words.putInto);
    choose.type = "button";
    choose.dataset.move = "choose";
    choose.append(element("span", "visually-hidden", ` ${order.number}`));
    made.append(grip, element("span", "lane-place", handle, detail), choose);
    return made;
  }
}

export { filled };
