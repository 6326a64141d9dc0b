// A socket that comes back: with a token of the page's session, after a wait that grows.
const LONGEST_WAIT = 30000;
const TOO_MANY = 4429; // this person has too many pages open, and this one was silent for longest
const WAIT_IF_TOO_MANY = 60000;
const NO_RIGHT = 4403;

/** Keep a socket open. `token()` answers a token or throws; `frame(event)` takes each frame; `state(isOpen, code)` is told. */
export function keepSocket({ path, token, frame, state }) {
  let socket = null;
  let wait = 1000;
  let timer = 0;
  let isOver = false;

  function lost(event) {
    if (isOver) return;
    socket = null;
    state(false, event?.code ?? 0);
    if (event?.code === NO_RIGHT) return;
    timer = setTimeout(connect, (event?.code === TOO_MANY ? WAIT_IF_TOO_MANY : wait) * (1 + 0.4 * Math.random()));
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }

  async function connect() {
    clearTimeout(timer);
    let secret;
    try {
      secret = await token();
    } catch {
      return lost();
    }
    if (isOver) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${scheme}//${location.host}${path}`, ["bearer", secret]);
    socket.onmessage = (message) => {
      if (wait !== 1000 || !socket.isTold) {
        wait = 1000;
        socket.isTold = true;
        state(true, 0);
      }
      frame(JSON.parse(message.data));
    };
    socket.onclose = lost;
  }

  connect();
  return {
    get isOpen() {
      return socket?.readyState === WebSocket.OPEN;
    },
    send(event) {
      if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(event));
    },
    retry() {
      if (!socket && !isOver) connect();
    },
    close() {
      isOver = true;
      clearTimeout(timer);
      if (socket) socket.onclose = null;
      socket?.close();
    },
  };
}
