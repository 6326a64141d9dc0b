// The planning page: what is arranged is checked by the server at once, kept until it is saved, and brought together with
// what others save meanwhile.
import { dragging } from "./lanes_drag.js";
import { act, later, put, refOf, takeOut, timeAll, undo } from "./lanes_changes.js";
import { drawAll, drawState, drawWaiting, find, lanes, only, page, root, undoButton } from "./lanes_page.js";
import "./lanes_choosing.js";
import "./lanes_saving.js";
import { keepCurrent } from "./live.js";

lanes.addEventListener("change", (event) => {
  const key = event.target.dataset.starts;
  const time = event.target.value;
  if (!key || !/^\d\d:\d\d$/.test(time)) return;
  act(() => {
    page.board.runs.get(key).starts = `${page.board.state.day}T${time}`;
    return [key];
  }, "");
});

dragging(root, (item, goal) => {
  if (!goal) return;
  if (goal.isOut) takeOut(refOf(item));
  else put(refOf(item), goal.run, goal.index);
});

for (const field of [find, only]) field.addEventListener("input", () => { drawWaiting(); drawState(); });
undoButton.addEventListener("click", undo);
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !event.target.closest("input, select, textarea")) {
    event.preventDefault();
    undo();
  }
});
document.addEventListener("lanes:ask", drawState);
document.addEventListener("lanes:choose", (event) => {
  const item = root.querySelector(`[data-ref="${event.detail}"]`);
  item?.scrollIntoView({ block: "nearest" });
  item?.querySelector(".handle")?.focus({ preventScroll: true });
});

let pending = 0;
function frame(event) {
  if (event.type !== "board_changed" || !["vehicles", "orders", "trips"].includes(event.what) || pending) return;
  pending = setTimeout(() => {
    pending = 0;
    later().catch(() => {});
  }, 300);
}

drawAll();
performance.mark("lanes-drawn");
requestAnimationFrame(() => setTimeout(() => {
  timeAll();
  keepCurrent({ refresh: later, frame });
}));
