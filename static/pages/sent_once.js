// A form is sent once: a second press while the first is under way does nothing. The server knows a repeat by its key, too.
let isSent = false;

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  if (isSent) event.preventDefault();
  isSent = true;
});
window.addEventListener("pageshow", () => { isSent = false; });
