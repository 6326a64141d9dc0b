// Keeps the page of one trip or request current; stops that somebody has moved are left alone until they are saved.
import { keepCurrent } from "./live.js";
import { remember, renew } from "./regions.js";

const page = document.getElementById("live-page");
const changedNote = document.getElementById("live-page-changed");
const topics = page.dataset.what.split(" ");
let pending = 0;
remember(page);

const isUnsaved = () => Boolean(page.querySelector("form[data-unsaved]"));

async function refresh() {
  const all = await renew(page, (name) => name !== "stops" || !isUnsaved());
  if (changedNote) changedNote.hidden = all;
  page.dispatchEvent(new CustomEvent("renewed"));
}

function frame(event) {
  page.dispatchEvent(new CustomEvent("heard", { detail: event }));
  if (event.type !== "board_changed" || !topics.includes(event.what) || pending) return;
  pending = setTimeout(() => {
    pending = 0;
    refresh().catch(() => {});
  }, 300);
}

keepCurrent({ refresh, frame });
