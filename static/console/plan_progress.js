// Shows how far a plan is that is being made, by the socket or by looking, and the plan once it is there.
import { keepCurrent, requireSignedIn } from "./live.js";

const box = document.getElementById("plan-progress");
const bar = box.querySelector("progress");
const words = box.querySelector(".words");
const badge = document.getElementById("plan-status");
let heard = 0;

function show(status, text) {
  badge.className = status.className;
  badge.textContent = status.textContent;
  words.textContent = text;
}

async function refresh() {
  const before = heard;
  const answer = await fetch(location.href, { credentials: "same-origin" });
  requireSignedIn(answer);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = page.getElementById("plan-progress");
  if (!now) return location.reload();
  if (heard !== before) return; // the socket was faster, and is right
  bar.value = now.querySelector("progress").value;
  show(page.getElementById("plan-status"), now.querySelector(".words").textContent);
}

function frame(event) {
  if (event.id !== Number(box.dataset.plan)) return;
  if (event.type === "plan_done") location.reload();
  if (event.type !== "plan_progress") return;
  heard += 1;
  bar.value = Math.min(event.seconds / (event.of + 1), 0.99);
  const status = event.phase === "queued" ? "status-queued" : "status-solving";
  show(document.getElementById(status).content.firstElementChild, (box.dataset[event.phase] || "").replace("{n}", event.seconds));
}

keepCurrent({ refresh, frame });
