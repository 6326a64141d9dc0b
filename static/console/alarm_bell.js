// Rings for alarms on whatever page of the console is open: their number beside the word in the header and before the title
// of the tab, a sound and a notice on the desktop where the person has allowed them. Of several tabs one rings, once a ring.
const bell = document.getElementById("alarm-bell");
const EVERY = 20000;
const MOST_KEPT = 200;
const RUNG = "alarms.rung";
const ALLOWED = "alarms.ring";
const title = document.title;
let audio = null;
let pending = 0;

const stored = (name) => {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // storage is forbidden: nothing is remembered
  }
};

function store(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch { /* as above */ }
}

/** Whether the person wants this browser to ring. */
export function mayRing() {
  return stored(ALLOWED) === "yes";
}

/** Remember whether to ring; the first yes asks the browser for notices and lets it make a sound. */
export async function setRinging(isWanted) {
  store(ALLOWED, isWanted ? "yes" : "no");
  bell.querySelector(".ask-to-ring").hidden = true;
  if (isWanted) {
    sound();
    if ("Notification" in window && Notification.permission === "default") await Notification.requestPermission();
  }
  document.dispatchEvent(new CustomEvent("alarms:ringing"));
}

/** Two tones, made here: no file has to be there. */
function sound() {
  audio ||= new AudioContext();
  if (audio.state === "suspended") audio.resume().catch(() => {});
  [880, 660].forEach((frequency, index) => {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    const at = audio.currentTime + index * 0.25;
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0.25, at);
    volume.gain.exponentialRampToValueAtTime(0.001, at + 0.22);
    tone.connect(volume).connect(audio.destination);
    tone.start(at);
    tone.stop(at + 0.24);
  });
}

function notice(ring) {
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const made = new Notification(bell.dataset.alarm, { body: ring.text, tag: `alarm-${ring.key}`, lang: document.documentElement.lang });
  made.onclick = () => {
    window.focus();
    location.assign(ring.url);
  };
}

/** Take the rings that no tab of this browser has made yet; one tab at a time decides. */
async function unrung(rings) {
  const take = () => {
    const rung = JSON.parse(stored(RUNG) || "[]");
    const fresh = rings.filter((ring) => !rung.includes(ring.key));
    if (fresh.length) store(RUNG, JSON.stringify([...rung, ...fresh.map((ring) => ring.key)].slice(-MOST_KEPT)));
    return fresh;
  };
  return navigator.locks ? navigator.locks.request("alarms", take) : take();
}

function show(count) {
  const number = bell.querySelector(".count");
  number.hidden = !count;
  number.querySelector("[data-count]").textContent = count;
  document.title = count ? `(${count}) ${title}` : title;
}

async function look() {
  const answer = await fetch(bell.dataset.url, { credentials: "same-origin" });
  if (answer.redirected || !answer.ok) return; // signed out: the page itself says so
  const { count, rings } = await answer.json();
  show(count);
  if (count && stored(ALLOWED) === null) bell.querySelector(".ask-to-ring").hidden = false;
  if (!mayRing()) return;
  const fresh = await unrung(rings);
  if (!fresh.length) return;
  bell.dataset.rang = fresh.map((ring) => ring.key).join(" ");
  sound();
  fresh.forEach(notice);
}

function lookSoon() {
  if (pending) return;
  pending = setTimeout(() => {
    pending = 0;
    look().catch(() => {});
  }, 200);
}

if (bell) {
  bell.querySelector("[data-ring=yes]").addEventListener("click", () => setRinging(true).then(lookSoon));
  bell.querySelector("[data-ring=no]").addEventListener("click", () => setRinging(false));
  document.addEventListener("alarms:changed", lookSoon);
  // A sound that the browser holds back until somebody touches the page.
  addEventListener("pointerdown", () => audio?.state === "suspended" && audio.resume().catch(() => {}));
  setInterval(() => look().catch(() => {}), EVERY);
  look().catch(() => {});
}
