// `/` focuses the search field of the page, or the one in the header; `n` opens the page of a new call.
"use strict";
// Django shows date and time as two fields whose words are no labels.
for (const field of document.querySelectorAll(".datetime input:not([aria-label])")) {
  const word = field.previousSibling ? field.previousSibling.textContent.trim() : "";
  if (word) field.setAttribute("aria-label", word);
}
// The picture beside the search field of a list is no name in the reader's language; the button's word is.
const box = document.getElementById("searchbar");
const press = box && box.form.querySelector("input[type=submit]");
if (press) box.setAttribute("aria-label", press.value);
// Columns without a title are no headings.
for (const head of document.querySelectorAll(".inline-group thead th:empty")) {
  const cell = document.createElement("td");
  cell.className = head.className;
  head.replaceWith(cell);
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
  const call = document.querySelector(".console-nav .new-call");
  // The place of the key, as an Arabic keyboard writes another letter with it.
  if (event.code === "KeyN" && !event.shiftKey && call) {
    event.preventDefault();
    call.click();
  }
  if (event.key !== "/") return;
  const search = document.getElementById("searchbar") || document.getElementById("find");
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
});
