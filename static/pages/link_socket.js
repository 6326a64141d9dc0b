// The socket of a page that a link opens: while it lives, the page looks when it is told to, and rarely otherwise.
// Hidden pages hold none: a phone that sleeps loses it anyway, and looks again once it is woken.
import { keepSocket } from "./sockets.js";

const LONGEST_WAIT = 300000; // where sockets never come through, looking now and then is enough
const SPREAD = 5000; // over which pages look after their server has gone

/** Keep the page told: `changed()` whenever it should look, `place(at)` where somebody is. `ticketUrl` gives tickets. */
export function listen({ path, ticketUrl, changed, place = () => {} }) {
  let socket = null;
  let isWanted = true;
  let wasOpen = false;
  let lookEvery = 0; // while the socket lives, in ms; 0 leaves it to the page, as events of other processes do not come

  async function ticket() {
    const answer = await fetch(ticketUrl, { method: "POST", cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const given = await answer.json();
    lookEvery = given.look_every * 1000;
    return given.ticket;
  }

  function frame(event) {
    if (event.type === "place") place(event);
    else if (event.type === "changed" || event.type === "connection_established") changed();
  }

  function state(isOpen) {
    if (wasOpen && !isOpen) setTimeout(changed, SPREAD * Math.random());
    wasOpen = isOpen;
  }

  function follow() {
    if (isWanted && !document.hidden) {
      socket ||= keepSocket({ path, token: ticket, frame, state, longest: LONGEST_WAIT });
    } else {
      socket?.close();
      socket = null;
      wasOpen = false;
    }
  }

  document.addEventListener("visibilitychange", follow);
  addEventListener("online", () => { socket?.retry(); changed(); });
  addEventListener("offline", changed); // an answer that was under way must not have the last word
  follow();
  return {
    /** The milliseconds until the page looks by itself: spread, so that not all pages look at once. */
    wait(without) {
      return (socket?.isOpen ? Math.max(lookEvery, without) : without) * (1 + 0.2 * Math.random());
    },
    /** Want a socket, or none: what is over does not change any more. */
    want(isIt) {
      isWanted = isIt;
      follow();
    },
  };
}
