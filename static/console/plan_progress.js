// Shows how far a plan is that is being made, by the socket or by looking, and the plan once it is there.
import { keepCurrent, requireSignedIn } from "./live.js";

const box = document.getElementById("plan-progress");
const bar = box.querySelector("progress");
const words = box.querySelector(".words");

async function refresh() {
  const answer = await fetch(location.href, { credentials: "same-origin" });
  requireSignedIn(answer);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = page.getElementById("plan-progress");
  if (!now) return location.reload();
  bar.value = now.querySelector("progress").value;
  words.textContent = now.querySelector(".words").textContent;
}

function frame(event) {
  if (event.id !== Number(box.dataset.plan)) return;
  if (event.type === "plan_done") location.reload();
  if (event.type !== "plan_progress") return;
  bar.value = Math.min(event.seconds / (event.of + 1), 0.99);
  words.textContent = (box.dataset[event.phase] || "").replace("{n}", event.seconds);
}

keepCurrent({ refresh, frame });
