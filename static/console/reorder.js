// The stops of a trip: by drag, or by the up and down buttons; nothing is stored before the form is sent.
const form = document.getElementById("reorder");
const list = form && form.querySelector(".stops");
if (list) {
  const save = form.querySelector("button[type=submit]");
  const status = document.getElementById("reorder-status");
  let dragged = null;

  const changed = (item) => {
    [...list.children].forEach((row, index) => { row.querySelector(".number").textContent = index + 1; });
    save.disabled = false;
    const place = [...list.children].indexOf(item) + 1;
    status.textContent = status.dataset.moved.replace("{name}", item.dataset.name).replace("{place}", place);
  };

  list.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-move]");
    if (!button) return;
    const item = button.closest("li");
    const up = button.dataset.move === "up";
    const other = up ? item.previousElementSibling : item.nextElementSibling;
    if (!other) return;
    if (up) other.before(item);
    else other.after(item);
    button.focus();
    changed(item);
  });

  list.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("li");
    dragged.classList.add("is-dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", "");
  });
  list.addEventListener("dragover", (event) => {
    if (!dragged) return;
    event.preventDefault();
    const over = event.target.closest("li");
    if (!over || over === dragged) return;
    const box = over.getBoundingClientRect();
    if (event.clientY < box.top + box.height / 2) over.before(dragged);
    else over.after(dragged);
  });
  list.addEventListener("drop", (event) => event.preventDefault());
  list.addEventListener("dragend", () => {
    if (!dragged) return;
    dragged.classList.remove("is-dragged");
    changed(dragged);
    dragged = null;
  });

  let isSending = false;
  form.addEventListener("submit", () => { isSending = true; });
  addEventListener("beforeunload", (event) => {
    if (!save.disabled && !isSending) event.preventDefault();
  });
}
