// Drags a stop or an order by mouse, pen or finger. A finger drags by the grip, so that the page still scrolls.
const START_AFTER = 5; // pixels
const EDGE = 48; // pixels from the edge of what scrolls

/** `drop(item, { run, index } | { isOut })` is called at the end, `null` where it was let go elsewhere. */
export function dragging(root, drop) {
  let item = null;
  let ghost = null;
  let start = null;
  let goal = null;
  let scroller = 0;
  let at = null;
  const line = document.createElement("li");
  line.className = "drop-line";
  line.setAttribute("aria-hidden", "true");

  root.addEventListener("pointerdown", (event) => {
    const found = event.target.closest("[data-ref]");
    if (!found || event.button !== 0 || event.target.closest("button:not(.handle), a, input, select")) return;
    if (event.pointerType === "touch" && !event.target.closest(".grip")) return;
    item = found;
    start = { x: event.clientX, y: event.clientY };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", cancel);
    addEventListener("keydown", escape, true);
  });
  // A handle is a button: what was dragged is not pressed as well.
  root.addEventListener("click", (event) => {
    if (root.dataset.dragged) {
      event.preventDefault();
      event.stopPropagation();
    }
  }, true);

  function begin() {
    const box = item.getBoundingClientRect();
    ghost = item.cloneNode(true);
    ghost.className = `${item.className} ghost`;
    ghost.style.width = `${box.width}px`;
    ghost.setAttribute("aria-hidden", "true");
    document.body.append(ghost);
    item.classList.add("is-dragged");
    root.dataset.dragged = "yes";
    scroller = requestAnimationFrame(scroll);
  }

  function move(event) {
    at = { x: event.clientX, y: event.clientY };
    if (!ghost) {
      if (Math.hypot(at.x - start.x, at.y - start.y) < START_AFTER) return;
      begin();
    }
    event.preventDefault();
    ghost.style.transform = `translate(${at.x - 20}px, ${at.y - 16}px)`;
    aim();
  }

  function aim() {
    const under = document.elementFromPoint(at.x, at.y);
    const run = under?.closest("[data-run]") || under?.closest(".lane")?.querySelector("[data-run]");
    const isOut = Boolean(under?.closest("[data-out]"));
    root.querySelectorAll(".is-aim").forEach((one) => one.classList.remove("is-aim"));
    line.remove();
    goal = null;
    if (isOut) {
      under.closest("[data-out]").classList.add("is-aim");
      goal = { isOut };
    } else if (run) {
      run.classList.add("is-aim");
      const rows = [...run.querySelectorAll(".lane-stop")];
      const index = rows.findIndex((row) => {
        const box = row.getBoundingClientRect();
        return at.y < box.top + box.height / 2;
      });
      goal = { run: run.dataset.run, index: index < 0 ? rows.length : index };
      const list = run.querySelector(".lane-stops");
      if (list) list.insertBefore(line, index < 0 ? null : rows[index]);
    }
  }

  function scroll() {
    if (!ghost) return;
    const box = document.elementFromPoint(at.x, at.y)?.closest(".lanes, .waiting-list");
    if (box) {
      const { top, bottom } = box.getBoundingClientRect();
      if (at.y < top + EDGE) box.scrollTop -= 12;
      else if (at.y > bottom - EDGE) box.scrollTop += 12;
    }
    if (at.y < EDGE) scrollBy(0, -12);
    else if (at.y > innerHeight - EDGE) scrollBy(0, 12);
    scroller = requestAnimationFrame(scroll);
  }

  function finish() {
    removeEventListener("pointermove", move);
    removeEventListener("pointerup", end);
    removeEventListener("pointercancel", cancel);
    removeEventListener("keydown", escape, true);
    cancelAnimationFrame(scroller);
    ghost?.remove();
    line.remove();
    item?.classList.remove("is-dragged");
    root.querySelectorAll(".is-aim").forEach((one) => one.classList.remove("is-aim"));
    const was = { item, goal, isDrag: Boolean(ghost) };
    item = ghost = goal = null;
    setTimeout(() => delete root.dataset.dragged);
    return was;
  }

  function end() {
    const was = finish();
    if (was.isDrag) drop(was.item, was.goal);
  }

  function cancel() {
    finish();
  }

  function escape(event) {
    if (event.key !== "Escape" || !ghost) return;
    event.preventDefault();
    event.stopPropagation();
    finish();
  }
}
