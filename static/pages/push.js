// Notifications of a page while it is closed: asks once, by a button of the page, and registers anew at each visit. What
// comes is shown by push_worker.js, which the page's service worker imports.

/**
 * Show `button` where the browser could notify and was not asked yet. `key` is the server's public key, empty where it
 * sends none; `save` gives a subscription to the server; `isAgain` says whether this page registered before, where others
 * of this site may have been allowed to notify.
 */
export async function offerPush({ button, key, save, isAgain = () => true }) {
  if (!button || !key || !("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window)) return;
  const { pushManager } = await navigator.serviceWorker.ready;
  if (Notification.permission === "granted" && (await isAgain())) return subscribe(pushManager, key, save);
  if (Notification.permission === "denied") return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      if ((await Notification.requestPermission()) === "granted") await subscribe(pushManager, key, save);
      button.hidden = true;
    } catch {
      button.disabled = false; // no reception: it may be pressed again
    }
  });
}

// The address of a page that only a link opens stays in this browser: push_worker.js finds it by the number of the request or order.
export async function followPage(number, path) {
  await (await caches.open("followed-pages")).put(`/followed/${number}`, new Response(path));
}

export async function isFollowed(number) {
  return Boolean(await (await caches.open("followed-pages")).match(`/followed/${number}`));
}

async function subscribe(pushManager, key, save) {
  const wanted = bytes(key);
  let subscription = await pushManager.getSubscription();
  if (subscription && !isSame(subscription.options.applicationServerKey, wanted)) {
    await subscription.unsubscribe(); // the server has a new key
    subscription = null;
  }
  subscription ??= await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: wanted });
  await save(subscription.toJSON());
}

function bytes(base64url) {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

function isSame(buffer, wanted) {
  const held = new Uint8Array(buffer ?? []);
  return held.length === wanted.length && held.every((byte, index) => byte === wanted[index]);
}
