// One socket of the fleet with reconnection; while it is away the page is refreshed by polling, else slowly, for what
// only the clock changes.
import { runsLate } from "./alarms.js";

const NORMAL = 60000;
const WITHOUT_SOCKET = 5000;
const LONGEST_WAIT = 30000;
const POLLING_AFTER = 3;
const TOO_MANY = 4429; // this person has too many pages open, and this one was silent for longest
const WAIT_IF_TOO_MANY = 60000;

/** Keep a page current: `refresh()` reads the whole state, `frame(event)` takes one event of the socket. */
export function keepCurrent({ refresh, frame }) {
  const notice = document.getElementById("live-notice");
  let failures = 0;
  let isLive = false;
  let wait = 1000;
  let lastRefresh = Date.now();

  function show(state) {
    if (notice.dataset.state === state) return;
    notice.dataset.state = state;
    notice.querySelector(".text").textContent = notice.dataset[state] || "";
  }

  async function refreshNow() {
    lastRefresh = Date.now();
    try {
      await refresh();
    } catch (error) {
      if (error instanceof SignedOut) show("signedOut");
    }
  }

  async function token() {
    const answer = await fetch(notice.dataset.tokenUrl, {
      method: "POST",
      headers: { "X-CSRFToken": notice.dataset.csrf },
      credentials: "same-origin",
    });
    requireSignedIn(answer);
    return (await answer.json()).token;
  }

  function lost(event) {
    const isOneTooMany = event?.code === TOO_MANY;
    isLive = false;
    failures += 1;
    show(isOneTooMany || failures > POLLING_AFTER ? "polling" : "lost");
    setTimeout(connect, (isOneTooMany ? WAIT_IF_TOO_MANY : wait) * (1 + 0.4 * Math.random()));
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }

  async function connect() {
    let secret;
    try {
      secret = await token();
    } catch (error) {
      if (error instanceof SignedOut) return show("signedOut");
      return lost();
    }
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws/fleet/`, ["bearer", secret]);
    socket.onmessage = (message) => {
      const event = JSON.parse(message.data);
      if (!isLive) {
        isLive = true;
        failures = 0;
        wait = 1000;
        show("live");
        refreshNow();
      }
      if (event.type === "running_late") runsLate(event);
      if (event.type === "board_changed" && event.what === "alarms") document.dispatchEvent(new CustomEvent("alarms:changed"));
      frame(event);
    };
    socket.onclose = lost;
    addEventListener("pagehide", () => { socket.onclose = null; socket.close(); }, { once: true });
  }

  setInterval(() => {
    if (document.hidden) return;
    if (Date.now() - lastRefresh >= (isLive ? NORMAL : WITHOUT_SOCKET)) refreshNow();
  }, 1000);
  connect();
}

/** The session is over: the answer is the login page. */
export class SignedOut extends Error {}

export function requireSignedIn(answer) {
  if (answer.redirected || answer.status === 401 || answer.status === 403) throw new SignedOut();
  if (!answer.ok) throw new Error(String(answer.status));
}
