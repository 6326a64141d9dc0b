// `/` focuses the search field of the page, or the one of the lists.
"use strict";
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target;
  if (target.closest("input, textarea, select, [contenteditable]")) return;
  const search = document.querySelector("#searchbar, #nav-filter, input[type=search]");
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
});
