// Keeps the desk of one trip or request current; stops that somebody has moved are left alone until they are saved.
import { keepCurrent } from "./live.js";
import { remember, renew } from "./regions.js";

const desk = document.getElementById("desk");
const told = document.getElementById("desk-changed");
const topics = desk.dataset.what.split(" ");
let pending = 0;
remember(desk);

const isUnsaved = () => Boolean(desk.querySelector("form[data-unsaved]"));

async function refresh() {
  const all = await renew(desk, (name) => name !== "stops" || !isUnsaved());
  if (told) told.hidden = all;
  desk.dispatchEvent(new CustomEvent("renewed"));
}

function frame(event) {
  desk.dispatchEvent(new CustomEvent("heard", { detail: event }));
  if (event.type !== "board_changed" || !topics.includes(event.what) || pending) return;
  pending = setTimeout(() => {
    pending = 0;
    refresh().catch(() => {});
  }, 300);
}

keepCurrent({ refresh, frame });
