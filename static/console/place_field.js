// A field for a place: suggestions for what is typed, by keys or pointer; the point of the chosen one goes beside it.
import { element } from "./markers.js";
import { listed } from "./writing.js";

const WAIT = 250;

/** Attach suggestions to `input`; `changed(point)` is called with `[lat, lng]`, or null when the text names no point yet. */
export function placeField(input, { url, near, changed, tell }) {
  const at = input.parentElement.querySelector("input[type=hidden]");
  const list = document.getElementById(input.getAttribute("aria-controls"));
  let timer = 0;
  let asked = 0;
  let active = -1;

  function close() {
    list.hidden = true;
    list.replaceChildren();
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function set(point, text) {
    at.value = point ? point.map((degrees) => degrees.toFixed(6)).join(",") : "";
    if (text !== undefined) input.value = text;
    changed(point);
  }

  function choose(place) {
    set([place.lat, place.lng], listed([place.name, place.context].filter(Boolean)));
    close();
  }

  function show(places, notice) {
    close();
    tell(notice);
    list.replaceChildren(...places.map((place, index) => {
      const option = element("li");
      option.id = `${list.id}-${index}`;
      option.setAttribute("role", "option");
      option.append(element("bdi", "", place.name));
      if (place.context) option.append(" ", element("bdi", "quiet", place.context));
      option.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
      option.addEventListener("click", () => choose(place));
      option.place = place;
      return option;
    }));
    list.hidden = !places.length;
    input.setAttribute("aria-expanded", String(places.length > 0));
  }

  function move(step) {
    const options = [...list.children];
    if (!options.length) return;
    active = (active + step + options.length) % options.length;
    options.forEach((option, index) => option.setAttribute("aria-selected", String(index === active)));
    options[active].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", options[active].id);
  }

  async function search() {
    const mine = ++asked;
    const text = input.value.trim();
    if (text.length < 2) return close();
    const query = new URLSearchParams({ q: text, lang: document.documentElement.lang.slice(0, 2) });
    const point = near();
    if (point) query.set("near", point.map((degrees) => degrees.toFixed(5)).join(","));
    const answer = await fetch(`${url}?${query}`, { credentials: "same-origin" });
    if (mine !== asked || !answer.ok || answer.redirected) return undefined;
    const { results, notice } = await answer.json();
    if (mine !== asked) return undefined;
    if (results.length === 1 && results[0].kind === "pin") return set([results[0].lat, results[0].lng]);
    return show(results, notice || (results.length ? "" : input.form.dataset.tNone));
  }

  input.addEventListener("input", () => {
    set(null);
    clearTimeout(timer);
    timer = setTimeout(() => search().catch(() => tell(input.form.dataset.tLost)), WAIT);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") move(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Enter" && !list.hidden) choose(list.children[Math.max(active, 0)].place);
    else if (event.key === "Escape" && !list.hidden) close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  input.addEventListener("blur", close);
  return { set, point: () => (at.value ? at.value.split(",").map(Number) : null) };
}
