// Takes what changed of the board without touching the rest of the page or a form that somebody is filling.
import { keepCurrent, requireSignedIn } from "./live.js";

const board = document.getElementById("board");
const seen = new Map();
for (const region of board.querySelectorAll("[data-region]")) seen.set(region.dataset.region, region.outerHTML);
let pending = 0;

async function refresh() {
  const answer = await fetch(board.dataset.url, { credentials: "same-origin" });
  requireSignedIn(answer);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const region of fresh.querySelectorAll("[data-region]")) replace(region);
}

function replace(region) {
  const name = region.dataset.region;
  const old = board.querySelector(`[data-region="${CSS.escape(name)}"]`);
  if (!old || seen.get(name) === region.outerHTML) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  if (focused && focused.matches("input, select, textarea")) return;
  seen.set(name, region.outerHTML);
  for (const details of region.querySelectorAll("details[data-keep]")) {
    const before = old.querySelector(`details[data-keep="${CSS.escape(details.dataset.keep)}"]`);
    if (before) details.open = before.open;
  }
  const address = focused && focused.getAttribute("href");
  const scrolled = [...old.querySelectorAll(".scroll")].map((box) => [box.scrollLeft, box.scrollTop]);
  old.replaceWith(region);
  region.querySelectorAll(".scroll").forEach((box, index) => {
    if (scrolled[index]) [box.scrollLeft, box.scrollTop] = scrolled[index];
  });
  if (address) region.querySelector(`a[href="${CSS.escape(address)}"]`)?.focus({ preventScroll: true });
}

function frame(event) {
  // Places alone change nothing on the board: it would be read once a second for nothing.
  if (event.type !== "board_changed" || pending) return;
  pending = setTimeout(() => {
    pending = 0;
    refresh().catch(() => {});
  }, 500);
}

keepCurrent({ refresh, frame });
