// What a dispatcher must not miss, said on whatever page is open: a trip that runs late, with the way to it.
import { element } from "./markers.js";

const MOST = 4;

/** Show that stops of a trip run late; a newer alarm of the same trip takes the place of the one before. */
export function runsLate(event) {
  const box = document.getElementById("alarms");
  if (!box) return;
  box.querySelector(`[data-trip="${Number(event.trip_id)}"]`)?.remove();
  const [first, ...others] = [...event.stops].sort((a, b) => b.late_min - a.late_min || a.sequence - b.sequence);
  const name = others.length ? `${first.name} (+${others.length})` : first.name;
  const alarm = element("div", "alarm");
  alarm.dataset.trip = event.trip_id;
  const link = element("a");
  link.href = box.dataset.tripUrl.replace("/0/", `/${Number(event.trip_id)}/`);
  link.append(element("bdi", "", event.trip_name));
  const close = element("button", "", "×");
  close.type = "button";
  close.setAttribute("aria-label", `${box.dataset.close}: ${event.trip_name}`);
  close.addEventListener("click", () => alarm.remove());
  alarm.append(link, element("span", "", box.dataset.late.replace("{stop}", `\u2068${name}\u2069`).replace("{n}", first.late_min)), close);
  box.append(alarm);
  while (box.children.length > MOST) box.firstElementChild.remove();
}
