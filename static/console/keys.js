// `/` focuses the search field of the page, or the one in the header.
"use strict";
// Django shows date and time as two fields whose words are no labels.
for (const field of document.querySelectorAll(".datetime input:not([aria-label])")) {
  const word = field.previousSibling ? field.previousSibling.textContent.trim() : "";
  if (word) field.setAttribute("aria-label", word);
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
