// What is arranged on the planning page: orders that wait, and the stops of each trip. Plain values; nothing is drawn or sent here.
export const nameOf = (ref) => `${ref[0]}:${ref[1]}`;
const isOfOrder = (ref) => ref[0] !== "stop";
const same = (one, other) => one.length === other.length && one.every((ref, index) => nameOf(ref) === nameOf(other[index]));

export class Board {
  constructor(state) {
    this.state = state;
    this.orders = state.orders;
    this.waiting = [...state.waiting];
    this.vehicles = new Map(state.vehicles.map((row) => [row.id, row]));
    this.own = new Map();
    this.runs = new Map();
    for (const trip of state.trips) this.runs.set(`t${trip.id}`, this.runOf(trip));
    this.made = 0;
  }

  runOf(trip) {
    const isClosed = (stop) => stop.state === "done" || stop.state === "failed";
    for (const stop of trip.stops) if (!isOfOrder(stop.ref)) this.own.set(stop.ref[1], stop);
    const open = trip.stops.filter((stop) => !isClosed(stop)).map((stop) => stop.ref);
    return {
      key: `t${trip.id}`, trip, vehicle: trip.vehicle, starts: `${trip.day}T${trip.starts}`, version: trip.version,
      done: trip.stops.filter(isClosed), base: open, stops: [...open], timing: null, notice: "",
      due: new Map(trip.stops.map((stop) => [nameOf(stop.ref), stop.due])),
      arrived: new Set(trip.stops.filter((stop) => stop.state === "arrived").map((stop) => nameOf(stop.ref))),
    };
  }

  /** The place of a stop: its name, hours and point. */
  place(ref) {
    return isOfOrder(ref) ? this.orders[ref[1]][ref[0]] : this.own.get(ref[1]);
  }

  kindOf(ref) {
    return isOfOrder(ref) ? ref[0] : this.own.get(ref[1]).kind;
  }

  runsOf(vehicle) {
    return [...this.runs.values()].filter((run) => run.vehicle === vehicle);
  }

  /** Add a trip that nobody has made yet; it goes when it stays empty. */
  addRun(vehicle, starts, key = `n${vehicle}-${this.made += 1}`) {
    const run = { key, trip: null, vehicle, starts, version: "", done: [], base: [], stops: [], timing: null, notice: "", due: new Map(), arrived: new Set() };
    this.runs.set(key, run);
    return run;
  }

  isChanged(run) {
    return run.trip ? !same(run.base, run.stops) : run.stops.length > 0;
  }

  changed() {
    return [...this.runs.values()].filter((run) => this.isChanged(run));
  }

  holder(orderId) {
    for (const run of this.runs.values()) if (run.stops.some((ref) => isOfOrder(ref) && ref[1] === orderId)) return run.key;
    return this.waiting.includes(orderId) ? "waiting" : null;
  }

  /** Who holds an order on the server, as far as this page knows. */
  holderBefore(orderId) {
    for (const run of this.runs.values()) if (run.base.some((ref) => isOfOrder(ref) && ref[1] === orderId)) return run.key;
    return this.state.waiting.includes(orderId) ? "waiting" : null;
  }

  /** Put a stop, or the order that it is of where it comes from elsewhere, before the open stop `index`. Tells which runs changed. */
  put(ref, key, index) {
    const run = this.runs.get(key);
    const from = isOfOrder(ref) ? this.holder(ref[1]) : key;
    if (from === key) {
      const at = run.stops.findIndex((one) => nameOf(one) === nameOf(ref));
      if (at < 0) return [];
      const goal = index > at ? index - 1 : index;
      if (goal === at) return [];
      run.stops.splice(goal, 0, run.stops.splice(at, 1)[0]);
      return [key];
    }
    this.leave(ref[1]);
    run.stops.splice(index, 0, ["pickup", ref[1]], ["delivery", ref[1]]);
    return [key, ...(this.runs.has(from) ? [from] : [])];
  }

  /** Take stops of runs as they are suggested: `[{ key, stops }]`. Tells which runs changed. */
  arrange(rows) {
    const changed = rows.filter(({ key, stops }) => this.runs.has(key) && !same(this.runs.get(key).stops, stops));
    for (const { key, stops } of changed) this.runs.get(key).stops = stops;
    return changed.map(({ key }) => key);
  }

  /** Let an order wait again. */
  takeOut(orderId) {
    const from = this.holder(orderId);
    if (!this.runs.has(from)) return [];
    this.leave(orderId);
    this.waiting.unshift(orderId);
    return [from];
  }

  leave(orderId) {
    this.waiting = this.waiting.filter((id) => id !== orderId);
    for (const run of this.runs.values()) run.stops = run.stops.filter((ref) => !(isOfOrder(ref) && ref[1] === orderId));
  }

  /** Forget trips that were only arranged and are empty again. */
  tidy() {
    for (const run of this.runs.values()) if (!run.trip && !run.stops.length) this.runs.delete(run.key);
  }

  snapshot() {
    return {
      waiting: [...this.waiting],
      runs: [...this.runs.values()].map((run) => [run.key, run.vehicle, run.starts, [...run.stops], run.timing]),
    };
  }

  /** Go back to a snapshot; trips that were only arranged since are gone. */
  restore({ waiting, runs }) {
    const kept = new Set(runs.map(([key]) => key));
    for (const key of [...this.runs.keys()]) if (!kept.has(key)) this.runs.delete(key);
    for (const [key, vehicle, starts, stops, timing] of runs) {
      const run = this.runs.get(key) || this.addRun(vehicle, starts, key);
      Object.assign(run, { starts, stops: [...stops], timing });
    }
    this.waiting = [...waiting];
  }

  /** A board of the same state with what a snapshot had arranged. */
  at(snapshot) {
    const past = new Board(this.state);
    past.made = this.made;
    past.restore(snapshot);
    return past;
  }

  /** Forget what was arranged for a run: it is as the server has it, and orders that it had taken wait again. */
  reset(key) {
    const run = this.runs.get(key);
    const taken = run.stops.filter((ref) => ref[0] === "pickup" && !run.base.some((one) => nameOf(one) === nameOf(ref)));
    for (const [, orderId] of taken) this.takeOut(orderId);
    const touched = [key];
    for (const ref of run.base) {
      const holder = isOfOrder(ref) ? this.holder(ref[1]) : key;
      if (holder !== key) touched.push(holder);
      if (isOfOrder(ref) && holder !== key) this.leave(ref[1]);
    }
    run.stops = [...run.base];
    run.notice = "";
    if (!run.trip) this.runs.delete(key);
    return touched.filter((one) => this.runs.has(one));
  }

  /** What is sent of a run. */
  asJson(run) {
    return { key: run.key, trip: run.trip && run.trip.id, vehicle: run.vehicle, version: run.version, starts: run.starts, stops: run.stops };
  }

  /** What was saved is no change any more. */
  settle(keys) {
    for (const key of keys) {
      const run = this.runs.get(key);
      if (!run) continue;
      if (run.trip) run.base = [...run.stops];
      else this.runs.delete(key);
    }
  }

  /** The board on a fresh state, with what is arranged here on top. `lost` lists orders that somebody else has moved or closed. */
  renewed(state) {
    const next = new Board(state);
    next.made = this.made;
    const lost = [];
    for (const run of this.changed()) this.carryOver(run, next, lost);
    for (const run of next.runs.values()) {
      const before = this.runs.get(run.key);
      if (before && before.version === run.version && same(before.stops, run.stops) && same(before.base, run.base)) run.timing = before.timing;
    }
    return { next, lost };
  }

  carryOver(run, next, lost) {
    const goal = run.trip ? next.runs.get(run.key) : next.addRun(run.vehicle, run.starts, run.key);
    if (!goal || !next.vehicles.has(run.vehicle)) {
      lost.push(run.trip ? run.trip.name : this.vehicles.get(run.vehicle).plate);
      return;
    }
    const known = new Set(run.base.map(nameOf));
    const theirs = new Map(goal.base.map((ref) => [nameOf(ref), ref]));
    const wanted = [];
    for (const ref of run.stops) {
      if (theirs.has(nameOf(ref))) wanted.push(ref);
      else if (isOfOrder(ref) && !known.has(nameOf(ref))) {
        const holder = next.holderBefore(ref[1]);
        if (holder && holder === this.holderBefore(ref[1])) wanted.push(ref);
        else if (ref[0] === "pickup") lost.push(this.orders[ref[1]].number);
      }
    }
    const mine = new Set(wanted.map(nameOf));
    const added = goal.base.filter((ref) => !mine.has(nameOf(ref)) && !known.has(nameOf(ref)));
    for (const ref of wanted) if (isOfOrder(ref)) next.leave(ref[1]);
    const removed = goal.base.filter((ref) => ref[0] !== "stop" && !mine.has(nameOf(ref)) && known.has(nameOf(ref)));
    goal.stops = [...wanted, ...added];
    for (const [, orderId] of removed) if (next.holder(orderId) === null && this.waiting.includes(orderId)) next.waiting.unshift(orderId);
    if (run.trip && goal.version !== run.version) goal.notice = "changed";
    else goal.notice = run.notice;
  }
}
