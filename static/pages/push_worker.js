// What a page's service worker does with notifications; it imports this. A message has a tag that names its thing: the newer
// takes the place of the older. One that is withdrawn shows without a sound, as browsers want something shown, and goes.
self.addEventListener("push", (event) => {
  const message = read(event.data);
  if (message) event.waitUntil(message.withdrawn ? takeAway(message) : show(message));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data));
});

function read(data) {
  try {
    const message = data.json();
    return typeof message.tag === "string" ? message : null;
  } catch {
    return null; // not ours
  }
}

function show({ tag, title, body, data }) {
  return self.registration.showNotification(title, { tag, body, data, renotify: true, dir: "auto", icon: self.offline.icon });
}

async function takeAway({ tag, title, body }) {
  const shown = await self.registration.getNotifications({ tag });
  if (shown.length === 0) return;
  await self.registration.showNotification(title, { tag, body, silent: true, dir: "auto", icon: self.offline.icon });
  for (const notification of await self.registration.getNotifications({ tag })) notification.close();
}

async function open(data) {
  const home = (await followed(data?.assistance_id ?? data?.order_number)) ?? self.registration.scope;
  const pages = await self.clients.matchAll({ type: "window" });
  const page = pages.find((one) => one.url.startsWith(home));
  return page ? page.focus() : self.clients.openWindow(home);
}

// The page of one request or order, where it was opened by a link: push.js kept its address by the number.
async function followed(number) {
  const kept = number && (await (await caches.open("followed-pages")).match(`/followed/${number}`));
  const path = kept && new URL(await kept.text(), location.origin).href;
  return path?.startsWith(self.registration.scope) ? path : null;
}
