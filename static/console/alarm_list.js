// Keeps the list of alarms current, and asks once whether this browser may ring.
import { keepCurrent } from "./live.js";
import { remember, renew } from "./regions.js";
import { mayRing, setRinging } from "./alarm_bell.js";

const list = document.getElementById("alarm-list");
const box = document.getElementById("ring-here");
const blocked = document.getElementById("ring-blocked");
let pending = 0;
remember(list);

function showSettings() {
  document.getElementById("ring-settings").hidden = false;
  box.checked = mayRing();
  blocked.hidden = !("Notification" in window) || Notification.permission !== "denied" || !box.checked;
}

box.addEventListener("change", async () => {
  await setRinging(box.checked);
  showSettings();
});
document.addEventListener("alarms:ringing", showSettings);
showSettings();

const refresh = () => renew(list);
keepCurrent({
  refresh,
  frame(event) {
    if (event.type !== "board_changed" || event.what !== "alarms" || pending) return;
    pending = setTimeout(() => {
      pending = 0;
      refresh().catch(() => {});
    }, 300);
  },
});
