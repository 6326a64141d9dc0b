// `/` focuses the search field of the page, or the one in the header.
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
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target;
  if (target.closest("input, textarea, select, [contenteditable]")) return;
  const search = document.getElementById("searchbar") || document.getElementById("find");
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
});
