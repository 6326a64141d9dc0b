// The service worker of the pages of people without an app: they open without reception, as they were last. The server puts
// `self.offline` before this: the version of the files below and their addresses, and the script and icon of notifications. How a page uses it: offline.js.
//
// A page answers with the header `X-Offline: keep` (a copy is kept, to be shown when nothing better comes, for three days) or `forget`
// (signed out, gone). An answer without it is not the page: the sign-in of a hotel's network, or a server that is away.
importScripts(self.offline.push);

const FAMILY = `pages ${new URL(self.registration.scope).pathname} `; // each scope has a worker, and files, of its own
const ASSETS = FAMILY + self.offline.version;
const COPIES = "page-copies";
const KEPT_AT = "X-Kept-At"; // milliseconds, by this device's clock
const KEPT_FOR = 72 * 3600 * 1000;
const PATIENCE = 4000;
const KINDS = { js: /javascript/, css: /css/, svg: /svg/, png: /png/ };

self.addEventListener("install", (event) => event.waitUntil(storeAssets().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(forgetOldAssets().then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(openPage(event, url));
  else if (request.headers.has("X-Renew")) event.respondWith(renew(event, url));
  else if (self.offline.files.includes(url.pathname)) event.respondWith(asset(request));
});

async function storeAssets() {
  const cache = await caches.open(ASSETS);
  await Promise.all(self.offline.files.map(async (path) => {
    const answer = await fetch(path, { cache: "no-cache" });
    const kind = KINDS[path.split(".").pop()];
    if (!answer.ok || answer.redirected || !kind?.test(answer.headers.get("Content-Type") ?? "")) throw new Error(`${path} is not ours`);
    await cache.put(path, answer);
  }));
}

async function forgetOldAssets() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(FAMILY) && name !== ASSETS).map((name) => caches.delete(name)));
}

async function asset(request) {
  const cache = await caches.open(ASSETS);
  return (await cache.match(request, { ignoreSearch: true })) ?? fetch(request);
}

async function openPage(event, url) {
  const cache = await caches.open(COPIES);
  await forgetOldCopies(cache);
  const copy = await cache.match(url.pathname);
  if (!copy) return renew(event, url);
  const coming = renew(event, url);
  event.waitUntil(coming.catch(() => {}));
  try {
    const answer = await Promise.race([coming, after(PATIENCE)]);
    return answer.headers.has("X-Offline") || answer.type === "opaqueredirect" ? answer : copy;
  } catch {
    return copy;
  }
}

async function renew(event, url) {
  const answer = await fetch(event.request);
  const wish = answer.headers.get("X-Offline");
  if (wish) {
    const cache = await caches.open(COPIES);
    if (wish === "keep") await cache.put(url.pathname, await dated(answer.clone()));
    else await cache.delete(url.pathname);
  }
  return answer;
}

async function dated(answer) {
  const headers = new Headers(answer.headers);
  headers.set(KEPT_AT, Date.now());
  return new Response(await answer.blob(), { status: answer.status, headers });
}

async function forgetOldCopies(cache) {
  for (const request of await cache.keys()) {
    const copy = await cache.match(request);
    if (copy && Date.now() - Number(copy.headers.get(KEPT_AT)) > KEPT_FOR) await cache.delete(request);
  }
}

function after(milliseconds) {
  return new Promise((_, reject) => setTimeout(() => reject(new Error("slow")), milliseconds));
}
