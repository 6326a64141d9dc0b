// Lets a page open without reception: registers the service worker (worker.js) for the paths below `scope`.

/** Register, and have `page` copied; where the browser has no service workers, the page just needs reception to open. */
export async function openOffline(worker, scope, page = scope) {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register(worker, { scope, updateViaCache: "none" });
    const { active } = await navigator.serviceWorker.ready;
    // The visit that registers was not seen by the worker: read the page once more, for its first copy.
    if (active && !navigator.serviceWorker.controller) {
      await new Promise((done) => navigator.serviceWorker.addEventListener("controllerchange", done, { once: true }));
    }
    await fetch(page, { headers: { "X-Renew": "yes" }, credentials: "same-origin" });
  } catch {
    // Without it, as without service workers.
  }
}

/** Delete the copy that opens without reception: who signs out leaves nothing for the next person at this phone. */
export async function forgetCopy(path) {
  try {
    await (await caches.open("page-copies")).delete(path);
  } catch {
    // Where there are no caches there is no copy.
  }
}
