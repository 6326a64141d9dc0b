// A socket that comes back: with a new secret each time, after a wait that grows; one that says nothing any more is given up.
const LONGEST_WAIT = 30000;
const TOO_MANY = 4429; // too many pages are open, and this one was silent for longest
const WAIT_IF_TOO_MANY = 60000;
const NO_RIGHT = 4403;
const PING_EVERY = 25000; // and as long for an answer: a phone that slept, or a proxy, loses connections without a word

/** Keep a socket open. `token()` answers a secret or throws; `frame(event)` takes each frame; `state(isOpen, code)` is told. */
export function keepSocket({ path, token, frame, state, longest = LONGEST_WAIT }) {
  let socket = null;
  let wait = 1000;
  let timer = 0;
  let pinging = 0;
  let isHeard = false;
  let isConnecting = false;
  let isOver = false;

  function lost(event) {
    if (isOver) return;
    clearInterval(pinging);
    socket = null;
    state(false, event?.code ?? 0);
    if (event?.code === NO_RIGHT) return;
    timer = setTimeout(connect, (event?.code === TOO_MANY ? WAIT_IF_TOO_MANY : wait) * (1 + 0.4 * Math.random()));
    wait = Math.min(wait * 2, longest);
  }

  function drop() {
    clearInterval(pinging);
    if (socket) socket.onclose = socket.onmessage = null;
    socket?.close();
  }

  function ping() {
    if (!isHeard) {
      drop();
      return lost();
    }
    isHeard = false;
    if (socket.readyState === WebSocket.OPEN) socket.send('{"type": "ping"}');
    return undefined;
  }

  async function connect() {
    clearTimeout(timer);
    let secret;
    isConnecting = true;
    try {
      secret = await token();
    } catch {
      return lost();
    } finally {
      isConnecting = false;
    }
    if (isOver) return undefined;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${scheme}//${location.host}${path}`, ["bearer", secret]);
    isHeard = false;
    clearInterval(pinging);
    pinging = setInterval(ping, PING_EVERY);
    socket.onmessage = (message) => {
      isHeard = true;
      const event = JSON.parse(message.data);
      if (event.type === "pong") return;
      if (wait !== 1000 || !socket.isTold) {
        wait = 1000;
        socket.isTold = true;
        state(true, 0);
      }
      frame(event);
    };
    socket.onclose = lost;
    return undefined;
  }

  connect();
  return {
    get isOpen() {
      return socket?.readyState === WebSocket.OPEN && Boolean(socket.isTold);
    },
    send(event) {
      if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(event));
    },
    retry() {
      if (!socket && !isConnecting && !isOver) connect();
    },
    close() {
      isOver = true;
      clearTimeout(timer);
      drop();
    },
  };
}
