// Takes what changed of a page's `data-region` parts without touching the rest, or a form that somebody is filling.
import { answerInTime } from "./time_limit.js";

const seen = new Map();

/** Remember the regions as the server sent them, so that only what differs is replaced. */
export function remember(root) {
  for (const region of root.querySelectorAll("[data-region]")) seen.set(region.dataset.region, written(region));
}

/** Read a page again and take its regions. Returns the fresh `root`; null where another page answers. Throws without reception. */
export async function renew(root) {
  const how = { credentials: "same-origin", cache: "no-store", redirect: "manual" };
  const answer = await fetch(root.dataset.url, { headers: { "X-Renew": "yes" }, signal: answerInTime(), ...how });
  if (!answer.headers.has("X-Offline")) throw new Error("not our page");
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(root.id);
  if (!fresh) return null;
  for (const region of fresh.querySelectorAll("[data-region]")) {
    if (seen.get(region.dataset.region) !== written(region)) replace(root, region);
  }
  return fresh;
}

function replace(root, region) {
  const name = region.dataset.region;
  const old = root.querySelector(`[data-region="${CSS.escape(name)}"]`);
  if (!old) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const chosen = [];
  for (const field of old.querySelectorAll("input:not([type=hidden]), textarea")) {
    if (field.type === "file") chosen.push(field);
    else if (field.value !== field.defaultValue) keepTyped(region, field);
  }
  seen.set(name, written(region));
  for (const details of region.querySelectorAll("details[data-keep]")) {
    const before = old.querySelector(`details[data-keep="${CSS.escape(details.dataset.keep)}"]`);
    if (before) details.open = before.open;
  }
  const same = focused && sameAs(focused);
  old.replaceWith(region);
  for (const field of chosen) keepChosen(region, field);
  if (same) region.querySelector(same)?.focus({ preventScroll: true });
}

/** Carry over what somebody has typed. */
function keepTyped(region, field) {
  const successor = region.querySelector(sameAs(field) ?? "never");
  if (successor) successor.value = field.value;
}

/** Carry over chosen files, which a field takes once it is part of the page. */
function keepChosen(region, field) {
  const successor = field.files.length && region.querySelector(sameAs(field) ?? "never");
  if (!successor) return;
  successor.files = field.files;
  successor.dispatchEvent(new Event("change", { bubbles: true })); // a photo that was just being made small is so again
}

/** A selector that finds the successor of a focused link, button or field. */
function sameAs(element) {
  const attributes = ["name", "value", "href"].filter((name) => element.hasAttribute(name) && !(name === "value" && element.localName === "input"));
  const form = element.closest("form[data-tap], form[data-label]");
  const inside = form ? `form[data-label="${CSS.escape(form.dataset.label)}"] ` : "";
  return attributes.length ? inside + element.localName + attributes.map((name) => `[${name}="${CSS.escape(element.getAttribute(name))}"]`).join("") : null;
}

/** A region as it was written, without what each answer writes anew. */
function written(region) {
  return region.outerHTML.replace(/name="(csrfmiddlewaretoken|key)" value="[^"]*"/g, "");
}
