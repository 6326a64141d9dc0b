// Choosing where an order goes by buttons and keys.
import { nameOf } from "./lanes_board.js";
import { filled } from "./lanes_view.js";
import { act, nameOfItem, put, refOf, step, takeOut } from "./lanes_changes.js";
import { written } from "./writing.js";
import { dialog, page, root, view, words } from "./lanes_page.js";

function choose(item) {
  const ref = refOf(item);
  const holder = ref[0] === "stop" ? null : page.board.holder(ref[1]);
  dialog.querySelector("h2").textContent = filled(words.whereTo, { name: nameOfItem(ref) });
  const atStart = dialog.querySelector("#at-start");
  const options = [];
  if (holder !== "waiting") options.push(option("", words.backToWaiting, () => takeOut(ref)));
  for (const vehicle of page.board.vehicles.values()) {
    const runs = page.board.runsOf(vehicle.id);
    for (const run of runs) {
      const free = run.timing?.ends ? `${words.nextFree} ${run.timing.ends}` : "";
      const load = `${written(view.load(page.board, run, "kilograms"))} / ${written(vehicle.kilograms)} ${words.kg}`;
      const name = run.trip ? run.trip.name : words.aNewTrip;
      options.push(option(vehicle.plate, [name, load, free].filter(Boolean).join(" · "), () => put(ref, run.key, atStart.checked ? 0 : run.stops.length)));
    }
    const hours = vehicle.shift ? vehicle.shift.join("–") : "";
    options.push(option(vehicle.plate, [words.newTripOf, `${vehicle.kilograms} ${words.kg}`, hours, vehicle.driver].filter(Boolean).join(" · "), () => put(ref, `new-${vehicle.id}`, 0)));
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
    act(() => page.board.reset(reset), "");
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
