"""uvicorn with our limits and a graceful stop: nothing is cut off, sockets close with 1012, the process ends within 15 s."""

import asyncio
import logging
import signal
import socket
import time
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from depannini_dashmap.lib.ops import worker
from depannini_dashmap.lib.realtime import async_tasks, consumers
from depannini_dashmap.lib.realtime.close_codes import RESTART
from depannini_dashmap.lib.realtime.inbound_frames import MAX_BYTES
from depannini_dashmap.server import shutdown
from depannini_dashmap.server.websocket_protocol import WebSocketProtocol

logger = logging.getLogger(__name__)

BACKLOG = 1024  # connections that wait in the kernel to be accepted
PING_INTERVAL, PING_TIMEOUT = 20.0, 30.0  # seconds
KEEP_ALIVE = 75  # seconds that an idle connection is kept; a proxy must close it first: nginx does after 60
STALLED_AFTER = 20_000  # milliseconds in which a client takes nothing of what was sent, before the kernel ends the connection
# Seconds in which a kept connection may bring its last request: its answer says that it was the last, so only a
# connection that was idle all the while is closed without an answer.
GRACE = 2.0
PATIENCE = 10  # seconds more for what is running
LOOK_EVERY = 0.02


class DatedState(ServerState):
    """What uvicorn's connections share; the date is reckoned when an answer begins, not ten times a second while nobody asks."""

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of every answer."""
        return [(b"date", _http_date(int(time.time())))]

    @default_headers.setter
    def default_headers(self, headers: list[tuple[bytes, bytes]]) -> None:
        pass  # uvicorn's own


@lru_cache(maxsize=1)
def _http_date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()


class GracefulServer(uvicorn.Server):
    """Serves until SIGTERM or Ctrl-C, then drains."""

    def __init__(
        self,
        application: Callable,
        *,
        ready: Callable[[], None],
        ping_interval: float = PING_INTERVAL,
        ping_timeout: float = PING_TIMEOUT,
    ):
        self._ready = ready
        super().__init__(
            uvicorn.Config(
                application, ws=WebSocketProtocol, ws_max_size=MAX_BYTES, ws_ping_interval=ping_interval,
                ws_ping_timeout=ping_timeout, ws_per_message_deflate=False, lifespan="on", backlog=BACKLOG, access_log=False,
                log_config=None, proxy_headers=False, server_header=False, timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=PATIENCE,
            )
        )  # fmt: skip
        self.server_state = DatedState()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked_to_stop = asyncio.Event()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve; return after the stop."""
        # uvicorn raises its signal once more when it has stopped: by then it asks for nothing new.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        super().run(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._ready()

    async def main_loop(self) -> None:
        """Wait for a signal: all that uvicorn does meanwhile is to reckon the date and to count requests, which nobody limits."""
        if not self.should_exit:
            await self._asked_to_stop.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note the signal, as uvicorn does, and wake the loop."""
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._asked_to_stop.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the port, then the sockets, then what is idle; wait for what is running."""
        shutdown.begin()
        for server in self.servers:
            server.close()
        closing = consumers.close_all(RESTART)
        logger.info("Stopping: %d sockets to close, %d connections open", closing, len(self.server_state.connections))
        loop = asyncio.get_running_loop()
        working = loop.run_in_executor(None, worker.stop, PATIENCE)
        until = loop.time() + GRACE
        while self._is_busy() and loop.time() < until:
            consumers.close_all(RESTART)  # also those whose handshake was under way
            await asyncio.sleep(LOOK_EVERY)
        await super().shutdown(sockets)
        await working

    def _is_busy(self) -> bool:
        return bool(self.server_state.connections or self.server_state.tasks or consumers.LIVE or async_tasks.BACKGROUND)


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises: OSError, e.g. for a busy port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    listening.listen(BACKLOG)
    return listening


def end_stalled_connections(listening: Any) -> None:
    """Have the kernel end connections whose client takes nothing of what is sent; the accepted ones inherit it."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_AFTER)
