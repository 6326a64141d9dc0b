/**
 * Forms that are sent once there is reception. What somebody taps is stored on the device first (IndexedDB), with the time
 * of the tap and a key, then sent in order, again and again for up to 72 hours, until this server has answered it. A lost
 * answer, a server that restarts, a page that is killed: the key sees to it that nothing is done twice.
 *
 * How a page uses it:
 *   <form method="post" data-outbox data-label="Accept" data-tap="offer-12">…<button name="action" value="accept">
 *     data-label  what the list of waiting taps calls it
 *     data-tap    a name; while a tap of this name waits, the page's forms of that name are off (a double press is one tap).
 *                 Without it each press is a tap of its own, as for messages.
 *   <details data-after="start-12">  is opened while the tap of that name waits, to offer the step that follows it
 *   {% include "pages/outbox.html" %}  where what waits, and what was refused, is shown
 *
 *   import { openOutbox } from "./outbox.js";
 *   const outbox = await openOutbox({ owner: "assistant 12", box: document.getElementById("outbox"), answered: (tap, told) => renew() });
 *     owner     whose taps they are: those of another owner on the same device wait until their owner is back
 *     answered  is called with each tap that was done or refused, and { outcome, text }
 *   outbox.mark()   after the page's forms were replaced
 *   outbox.send()   when there may be reception again (the outbox also tries by itself)
 *   outbox.waiting  how many taps wait
 * Without IndexedDB `openOutbox` answers null, and the browser sends the forms itself.
 *
 * What the server does: `lib/api/page_forms.py` (`answer_once`, `tapped_at`). A tap comes as the form would, with the headers
 * `Accept: application/json`, `Idempotency-Key`, `X-CSRFToken`, `X-Outbox-Owner` and `X-Tapped-Ago` (seconds since the tap), and is told
 * {"outcome": "done" | "refused" | "later" | "signed_out", "text": "…"}. Anything else is not this server's word.
 */
import { openDB } from "../vendor/idb/idb.js";
import { clock } from "./clock.js";
import { newKey } from "./random_key.js";

const KEPT_FOR = 72 * 3600 * 1000;
const PATIENCE = 20000;
const SLOWEST = 8; // bytes a millisecond: a photo may take longer
const SHOWN = 4;
const SHORTEST_WAIT = 3000;
const LONGEST_WAIT = 60000;
const OUTCOMES = new Set(["done", "refused", "later", "signed_out"]);
const STORE = "taps";

export async function openOutbox({ owner, box, answered = () => {} }) {
  let db;
  try {
    db = await openDB("outbox", 1, {
      upgrade(made) {
        made.createObjectStore(STORE, { keyPath: "id", autoIncrement: true }).createIndex("owner", "owner");
      },
    });
  } catch {
    return null;
  }
  navigator.storage?.persist?.().catch(() => {});
  const outbox = new Outbox(db, owner, box, answered);
  await outbox.refresh();
  outbox.send();
  return outbox;
}

class Outbox {
  constructor(db, owner, box, answered) {
    Object.assign(this, { db, owner, box, answered });
    this.taps = [];
    this.why = "";
    this.sending = 0;
    this.isBusy = false;
    this.wait = SHORTEST_WAIT;
    this.timer = 0;
    this.others = "BroadcastChannel" in self ? new BroadcastChannel("outbox") : null;
    if (this.others) this.others.onmessage = () => this.refresh();
    document.addEventListener("submit", (event) => this.take(event));
    box.addEventListener("click", (event) => this.drop(event));
    addEventListener("online", () => this.send());
    addEventListener("focus", () => this.send());
    document.addEventListener("visibilitychange", () => document.hidden || this.send());
  }

  get waiting() {
    return this.taps.filter((tap) => tap.state === "waiting").length;
  }

  // --- Taking taps ------------------------------------------------------------------------------------------------------
  take(event) {
    const form = event.target;
    if (!form.matches("form[data-outbox]")) return;
    event.preventDefault();
    const { tap: name = "", label = "" } = form.dataset;
    if (name && (form.dataset.taken || this.taps.some((one) => one.state === "waiting" && one.name === name))) return;
    if (name) form.dataset.taken = "yes"; // until it is stored: the second half of a double press
    const sent = [...new FormData(form)].filter(([field]) => field !== "csrfmiddlewaretoken");
    if (event.submitter?.name) sent.push([event.submitter.name, event.submitter.value]);
    const typed = form.querySelector("input:not([type=hidden], [type=file]), textarea")?.value.trim() ?? "";
    const tap = {
      owner: this.owner, url: form.getAttribute("action") || location.pathname, fields: sent, name,
      label: typed ? `${label}${this.box.dataset.colon} ${typed.slice(0, 60)}` : label,
      at: Date.now(), key: form.elements.key?.value || newKey(), state: "waiting",
    };
    this.db.add(STORE, tap).then(
      () => {
        delete form.dataset.taken;
        empty(form);
        return this.changed().then(() => this.send());
      },
      () => sendByBrowser(form, event.submitter),
    );
  }

  async drop(event) {
    const id = Number(event.target.closest("button[data-id]")?.dataset.id);
    if (!id || id === this.sending) return;
    await this.db.delete(STORE, id);
    await this.changed();
  }

  // --- Sending ----------------------------------------------------------------------------------------------------------
  async send() {
    if (this.isBusy) return;
    this.isBusy = true;
    clearTimeout(this.timer);
    try {
      // One tab at a time, or two would send the same tap.
      await (navigator.locks ? navigator.locks.request("outbox", () => this.sendAll()) : this.sendAll());
    } finally {
      this.isBusy = false;
      this.sending = 0;
    }
    await this.refresh();
    if (!this.waiting) return;
    this.timer = setTimeout(() => this.send(), this.wait);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  async sendAll() {
    for (;;) {
      await this.refresh();
      const tap = this.taps.find((one) => one.state === "waiting");
      if (!tap) {
        this.why = "";
        return;
      }
      const isTooOld = Date.now() - tap.at > KEPT_FOR;
      this.sending = tap.id;
      this.show();
      const told = isTooOld ? { outcome: "refused", text: this.box.dataset.tooOld } : await post(tap, this.box.dataset);
      this.sending = 0;
      if (told.outcome === "done") await this.db.delete(STORE, tap.id);
      else if (told.outcome === "refused") await this.db.put(STORE, { ...tap, state: "refused", text: told.text });
      else {
        this.why = { foreign: this.box.dataset.foreign, signed_out: this.box.dataset.signedOut }[told.outcome] ?? "";
        if (told.wait) this.wait = Math.min(told.wait * 1000, LONGEST_WAIT);
        return;
      }
      this.why = "";
      this.wait = SHORTEST_WAIT;
      await this.changed();
      this.answered(tap, told);
    }
  }

  // --- Showing ----------------------------------------------------------------------------------------------------------
  async changed() {
    await this.refresh();
    this.others?.postMessage("changed");
  }

  async refresh() {
    this.taps = await this.db.getAllFromIndex(STORE, "owner", this.owner);
    this.show();
    this.mark();
  }

  show() {
    const words = this.box.dataset;
    const refused = this.taps.filter((tap) => tap.state === "refused");
    const waits = this.taps.filter((tap) => tap.state === "waiting");
    const rows = [
      ...refused.map((tap) => row(tap, `${words.refused}${words.colon} ${tap.text}`, words, true)),
      ...waits.slice(0, SHOWN).map((tap) => row(tap, tap.id === this.sending ? words.sending : words.waits, words, tap.id !== this.sending)),
    ];
    if (waits.length > SHOWN) rows.push(element("li", words.more.replace("{count}", waits.length - SHOWN)));
    this.box.querySelector("ul").replaceChildren(...rows);
    this.box.querySelector(".why").textContent = waits.length ? this.why : "";
    this.box.hidden = !rows.length;
    this.box.dataset.waiting = waits.length;
  }

  /** Switch off the forms whose tap waits, and open what may follow it. */
  mark() {
    const names = new Set(this.taps.filter((tap) => tap.state === "waiting").map((tap) => tap.name));
    for (const form of document.querySelectorAll("form[data-outbox][data-tap]")) {
      const isOff = names.has(form.dataset.tap);
      form.classList.toggle("waits", isOff);
      for (const button of form.querySelectorAll("button")) button.disabled = isOff;
    }
    for (const details of document.querySelectorAll("details[data-after]")) {
      const isNext = names.has(details.dataset.after);
      if (isNext && !details.dataset.opened) details.open = true;
      details.dataset.opened = isNext ? "yes" : "";
    }
  }
}

async function post(tap, words) {
  const hasFile = tap.fields.some(([, value]) => typeof value !== "string");
  const body = hasFile ? new FormData() : new URLSearchParams();
  for (const [name, value] of tap.fields) body.append(name, value);
  const headers = {
    Accept: "application/json",
    "Idempotency-Key": tap.key,
    "X-CSRFToken": /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? "",
    "X-Outbox-Owner": tap.owner,
    "X-Tapped-Ago": String(Math.max(0, Math.round((Date.now() - tap.at) / 1000))),
  };
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), PATIENCE + sizeOf(tap) / SLOWEST);
  try {
    const answer = await fetch(tap.url, { method: "POST", body, headers, credentials: "same-origin", redirect: "manual", cache: "no-store", signal: stop.signal });
    const told = await answer.json().catch(() => null);
    if (OUTCOMES.has(told?.outcome)) return { ...told, wait: Number(answer.headers.get("Retry-After")) || 0 };
    // A proxy may say so in its own words, and will again.
    if (answer.status === 413) return { outcome: "refused", text: words.tooLarge };
    return { outcome: answer.status >= 500 || answer.status === 403 ? "later" : "foreign" };
  } catch {
    return { outcome: "offline" };
  } finally {
    clearTimeout(timer);
  }
}

/** Bytes of the fields, roughly. */
function sizeOf(tap) {
  return tap.fields.reduce((sum, [, value]) => sum + (value.size ?? value.length), 0);
}

function row(tap, text, words, mayDrop) {
  const item = element("li");
  item.dataset.state = tap.state;
  const time = clock(tap.at, words.zone);
  const said = element("p", "");
  said.append(element("strong", tap.label), " ", element("span", words.tapped.replace("{time}", time)), element("br"), text);
  item.append(said);
  if (mayDrop) {
    const button = element("button", tap.state === "refused" ? words.dismiss : words.takeBack);
    button.className = "quiet";
    button.type = "button";
    button.dataset.id = tap.id;
    item.append(button);
  }
  return item;
}

function element(name, text) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  return made;
}

/** Make a form ready for its next use, which is another tap. */
function empty(form) {
  form.reset();
  if (form.elements.key) form.elements.key.value = newKey();
}

/** The device stores nothing: let the form go as it would have without us. */
function sendByBrowser(form, submitter) {
  if (submitter?.name) {
    const field = element("input");
    Object.assign(field, { type: "hidden", name: submitter.name, value: submitter.value });
    form.append(field);
  }
  form.submit();
}
