// The driver's page: taps that outlast dead spots, signing, and printing the route sheet. Its forms work without this.
import { listen } from "./link_socket.js";
import { openOffline } from "./offline.js";
import { openOutbox } from "./outbox.js";
import { openPhotos } from "./photo.js";
import { remember, renew } from "./regions.js";
import { openSignatures } from "./signature.js";

const root = document.getElementById("trip");
const EVERY = 60_000;
let outbox = null;
let timer = 0;

/** Take what the server says now, unless somebody signs or has chosen a photo: those cannot be carried over. */
async function refresh() {
  clearTimeout(timer);
  for (const form of root.querySelectorAll("form[data-sent]")) {
    form.reset(); // what it held is the outbox's, and no part of the next stop
    delete form.dataset.sent;
  }
  const isFilled = [...root.querySelectorAll("[name=photo], [name=signature]")].some((field) => field.value);
  try {
    if (!isFilled && !document.hidden && (await renew(root)) === null) return location.reload();
  } catch {
    // Without reception: what is shown stays, and what waits says so.
  }
  arrange();
  clearTimeout(timer);
  timer = setTimeout(refresh, hearing.wait(EVERY));
  return undefined;
}

function arrange() {
  openSignatures(root);
  // Each press is a tap of its own: a key of the page would make a second try, after an undo, one that was counted before.
  if (outbox) for (const field of root.querySelectorAll("input[name=key]")) field.remove();
  outbox?.mark();
  const print = document.getElementById("print");
  print.hidden = false;
  print.onclick = () => window.print();
}

const hearing = listen({ path: "/ws/t/", ticketUrl: `${root.dataset.url}ticket/`, changed: refresh });
remember(root);
openPhotos(root);
arrange();
timer = setTimeout(refresh, EVERY);
document.addEventListener("submit", (event) => { if (outbox && root.contains(event.target)) event.target.dataset.sent = "yes"; });
document.addEventListener("visibilitychange", () => document.hidden || refresh());
openOutbox({ owner: `trip ${root.dataset.url}`, box: document.getElementById("outbox"), answered: () => { if (!outbox?.waiting) refresh(); } }).then((opened) => {
  outbox = opened;
  arrange();
});
openOffline("/t/worker.js", location.pathname);
