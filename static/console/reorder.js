// The stops of a trip: by drag, or by the up and down buttons; nothing is stored before the form is sent.
// The list is looked up anew each time, as the page may have replaced it.
const form = document.getElementById("reorder");
if (form) {
  const save = form.querySelector("button[data-save]");
  const status = document.getElementById("reorder-status");
  const list = () => form.querySelector(".stops");
  let dragged = null;
  let cameFrom = null;

  // The two stops of one order: the pickup stays before its delivery.
  const isPair = (one, other) => Boolean(one.dataset.order) && one.dataset.order === other.dataset.order;
  const deliversFirst = (item) => {
    const rows = [...list().children];
    const other = rows.find((row) => row !== item && isPair(row, item));
    return other && (item.dataset.kind === "delivery") === (rows.indexOf(item) < rows.indexOf(other));
  };

  const changed = (item) => {
    [...list().children].forEach((row, index) => { row.querySelector(".number").textContent = index + 1; });
    save.disabled = false;
    form.dataset.unsaved = "";
    const place = [...list().children].indexOf(item) + 1;
    status.textContent = status.dataset.moved.replace("{name}", item.dataset.name).replace("{place}", place);
  };

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-move]");
    if (!button) return;
    const item = button.closest("li");
    const up = button.dataset.move === "up";
    const other = up ? item.previousElementSibling : item.nextElementSibling;
    if (!other) return;
    if (isPair(item, other)) {
      status.textContent = status.dataset.pair;
      return;
    }
    if (up) other.before(item);
    else other.after(item);
    button.focus();
    changed(item);
  });

  form.addEventListener("input", () => {
    save.disabled = false;
    form.dataset.unsaved = "";
    status.textContent = status.dataset.unsaved;
  });

  const suggest = form.querySelector("button[data-suggest]");
  if (suggest) suggest.disabled = false;
  suggest?.addEventListener("click", async () => {
    const stops = [...form.querySelectorAll("input[name=stop]")].map((input) => ["stop", input.value]);
    try {
      const answer = await fetch(`${suggest.dataset.suggest}?${new URLSearchParams(stops)}`, { credentials: "same-origin" });
      const { due } = await answer.json();
      fillIn(due);
    } catch {
      status.textContent = status.dataset.failed;
    }
  });

  function fillIn(due) {
    let filled = 0;
    for (const item of list().children) {
      const time = due[item.querySelector("input[name=stop]").value];
      const field = item.querySelector("input[type=time]");
      if (!time || !field) continue;
      field.value = time;
      filled += 1;
    }
    if (filled) {
      save.disabled = false;
      form.dataset.unsaved = "";
    }
    status.textContent = filled ? status.dataset.suggested.replace("{n}", filled) : status.dataset.nothing;
  }

  form.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("li");
    if (!dragged) return;
    cameFrom = dragged.nextElementSibling;
    dragged.classList.add("is-dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", "");
  });
  form.addEventListener("dragover", (event) => {
    if (!dragged) return;
    event.preventDefault();
    const over = event.target.closest("li");
    if (!over || over === dragged) return;
    const box = over.getBoundingClientRect();
    if (event.clientY < box.top + box.height / 2) over.before(dragged);
    else over.after(dragged);
  });
  form.addEventListener("drop", (event) => event.preventDefault());
  form.addEventListener("dragend", () => {
    if (!dragged) return;
    dragged.classList.remove("is-dragged");
    if (deliversFirst(dragged)) {
      list().insertBefore(dragged, cameFrom);
      status.textContent = status.dataset.pair;
    } else changed(dragged);
    dragged = null;
  });

  let isSending = false;
  form.addEventListener("submit", (event) => { isSending = event.submitter === save; });
  addEventListener("beforeunload", (event) => {
    if (!save.disabled && !isSending) event.preventDefault();
  });
}
