// Takes what changed of a page's `data-region` parts without touching the rest or a form that somebody is filling.
import { requireSignedIn } from "./live.js";

const seen = new Map();

/** Remember the regions as the server sent them, so that only what differs is replaced. */
export function remember(root) {
  for (const region of root.querySelectorAll("[data-region]")) seen.set(region.dataset.region, region.outerHTML);
}

/** Read `root.dataset.url` again and take its regions; `mayReplace(name)` can hold one back. Tells whether all were taken. */
export async function renew(root, mayReplace = () => true) {
  const answer = await fetch(root.dataset.url, { credentials: "same-origin" });
  requireSignedIn(answer);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  let all = true;
  for (const region of fresh.querySelectorAll("[data-region]")) {
    if (seen.get(region.dataset.region) === region.outerHTML) continue;
    if (mayReplace(region.dataset.region)) replace(root, region);
    else all = false;
  }
  return all;
}

function replace(root, region) {
  const name = region.dataset.region;
  const old = root.querySelector(`[data-region="${CSS.escape(name)}"]`);
  if (!old) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  if (focused && focused.matches("input, select, textarea")) return;
  seen.set(name, region.outerHTML);
  for (const details of region.querySelectorAll("details[data-keep]")) {
    const before = old.querySelector(`details[data-keep="${CSS.escape(details.dataset.keep)}"]`);
    if (before) details.open = before.open;
  }
  const same = focused && sameAs(focused);
  const scrolled = [...old.querySelectorAll(".scroll")].map((box) => [box.scrollLeft, box.scrollTop]);
  old.replaceWith(region);
  region.querySelectorAll(".scroll").forEach((box, index) => {
    if (scrolled[index]) [box.scrollLeft, box.scrollTop] = scrolled[index];
  });
  if (same) region.querySelector(same)?.focus({ preventScroll: true });
}

/** A selector that finds the successor of a focused link or button. */
function sameAs(element) {
  const attribute = ["href", "formaction", "aria-label"].find((name) => element.hasAttribute(name));
  return attribute ? `${element.localName}[${attribute}="${CSS.escape(element.getAttribute(attribute))}"]` : null;
}
