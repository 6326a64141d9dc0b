"""A Daphne that stops gracefully: nothing is cut off, sockets are told to come back, within 15 seconds.

Stock Daphne cancels running requests on SIGTERM; all else is left to it.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from daphne.http_protocol import WebRequest
from daphne.server import Server
from twisted.internet.defer import Deferred, ensureDeferred

from depannini_dashmap.lib.ops import process_registry, worker
from depannini_dashmap.lib.realtime import async_tasks, consumers
from depannini_dashmap.server import shutdown
from depannini_dashmap.server.http_server import CHANNELS, Channel

logger = logging.getLogger(__name__)

PATIENCE = 12.0  # seconds for what is running
# Seconds in which a kept connection may bring its last request: who sends one is told that it was the last, so only a
# connection that lay idle all the while is closed without a word.
GRACE = 2.0
LOOK_EVERY = 0.02


class GracefulServer(Server):
    """Serves until SIGTERM or Ctrl-C, then drains."""

    def __init__(self, application: Callable, *, file_descriptor: int, ready: Callable[[], None]):
        self._ports: list[Any] = []
        super().__init__(
            application,
            endpoints=build_endpoint_description_strings(file_descriptor=file_descriptor),
            verbosity=0,
            ready_callable=ready,
        )

    def listen_success(self, port: Any) -> None:
        """Keep the port, to close it first."""
        self._ports.append(port)
        super().listen_success(port)

    def kill_all_applications(self) -> Deferred:
        """Let Twisted wait, before it stops, until nothing is running any more."""
        return ensureDeferred(self._stop())

    async def _stop(self) -> None:
        try:
            await Deferred.fromFuture(asyncio.ensure_future(self._drain()))
        except Exception:
            logger.exception("The server could not stop gracefully")
        process_registry.leave()
        for details in list(self.connections.values()):
            if instance := details.get("application_instance"):
                instance.cancel()

    async def _drain(self) -> None:
        shutdown.begin()
        for port in self._ports:
            _accept_who_waits(port)
            port.stopListening()
        told = consumers.close_all(consumers.RESTART)
        loop = asyncio.get_running_loop()
        began = loop.time()
        working = loop.run_in_executor(None, worker.stop, PATIENCE - 2)
        logger.info("Stopping: %d sockets told, %d requests running", told, self._running())
        while (passed := loop.time() - began) < PATIENCE:
            consumers.close_all(consumers.RESTART)  # also those whose handshake was under way
            kept = [channel for channel in CHANNELS if channel.is_http()]
            if passed > GRACE:
                _close_idle(kept)
            unfinished = kept or self._running() or consumers.LIVE or async_tasks.BACKGROUND
            if not unfinished and working.done():
                return
            await asyncio.sleep(LOOK_EVERY)
        logger.warning("Stopping with %d requests unfinished", self._running())

    def _running(self) -> int:
        """Count the HTTP requests that are being answered, also those whose client has gone."""
        return sum(
            isinstance(protocol, WebRequest)
            and (instance := details.get("application_instance")) is not None
            and not instance.done()
            for protocol, details in self.connections.items()
        )


def _accept_who_waits(port: Any) -> None:
    """Take in those whom the kernel has let connect already: closing the port would reset them."""
    port.numberAccepts = 1024
    port.doRead()


def _close_idle(channels: list[Channel]) -> None:
    for channel in channels:
        if channel.is_idle() and not _has_unread(channel.transport.socket):
            channel.loseConnection()


def _has_unread(line: socket.socket) -> bool:
    """Tell whether a request has arrived that the loop has not come to read."""
    try:
        return bool(line.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        return False


def tell_sockets_on_stop() -> None:
    """Have a plain Daphne, too, close its sockets with 1012 before it stops; requests that run are cut off there."""
    from twisted.internet import reactor

    reactor.addSystemEventTrigger("before", "shutdown", lambda: ensureDeferred(_tell_sockets()))
    reactor.addSystemEventTrigger("after", "shutdown", _end)


async def _tell_sockets() -> None:
    process_registry.leave()
    if consumers.close_all(consumers.RESTART):
        await Deferred.fromFuture(asyncio.ensure_future(_until_closed()))


def _end() -> None:
    """Let a plain Daphne go: threads whose requests were cut off wait for ever, and Python would wait for them."""
    if not shutdown.is_stopping():
        worker.stop(GRACE)
        leave()


async def _until_closed() -> None:
    """Wait for the close frames to leave and, a little, for the answers."""
    for _ in range(4):
        await asyncio.sleep(0.1)
        if not consumers.LIVE:
            return


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
    listening.listen(1024)
    listening.setblocking(False)
    return listening


def leave() -> None:
    """End the process without waiting for threads that are stuck."""
    logging.shutdown()
    os._exit(0)
