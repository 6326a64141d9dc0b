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

from depannini_dashmap.lib import sockets, stopping, worker

logger = logging.getLogger(__name__)

PATIENCE = 12.0  # seconds for what is running
LOOK_EVERY = 0.02


class GracefulServer(Server):
    """Serves until SIGTERM or Ctrl-C, then drains."""

    def __init__(self, application: Callable, *, file_descriptor: int, ready: Callable[[], None]):
        self._ports: list[Any] = []
        self._channels: set[Any] = set()
        self._announce = ready
        super().__init__(
            application,
            endpoints=build_endpoint_description_strings(file_descriptor=file_descriptor),
            verbosity=0,
            ready_callable=self._ready,
        )

    def listen_success(self, port: Any) -> None:
        """Keep the port, to close it first."""
        self._ports.append(port)
        super().listen_success(port)

    def kill_all_applications(self) -> Deferred:
        """Let Twisted wait, before it stops, until nothing is running any more."""
        return ensureDeferred(self._stop())

    def _ready(self) -> None:
        build = self.http_factory.buildProtocol

        def build_and_keep(address: Any) -> Any:
            channel = build(address)
            self._channels.add(channel)
            lost = channel.connectionLost

            def forget(*reason: Any) -> None:
                self._channels.discard(channel)
                lost(*reason)

            channel.connectionLost = forget
            return channel

        self.http_factory.buildProtocol = build_and_keep
        self._announce()

    async def _stop(self) -> None:
        try:
            await Deferred.fromFuture(asyncio.ensure_future(self._drain()))
        except Exception:
            logger.exception("The server could not stop gracefully")
        for details in list(self.connections.values()):
            if instance := details.get("application_instance"):
                instance.cancel()

    async def _drain(self) -> None:
        stopping.begin()
        for port in self._ports:
            port.stopListening()
        told = sockets.close_all(sockets.RESTART)
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + PATIENCE
        working = loop.run_in_executor(None, worker.stop, PATIENCE - 2)
        logger.info("Stopping: %d sockets told, %d requests running", told, len(self._running()))
        while loop.time() < ends_at:
            self._close_idle()
            unfinished = self._running() or self._busy_channels() or sockets.LIVE or sockets.BACKGROUND
            if not unfinished and working.done():
                return
            await asyncio.sleep(LOOK_EVERY)
        logger.warning("Stopping with %d requests unfinished", len(self._running()))

    def _running(self) -> list[Any]:
        """Return the HTTP requests that are being answered."""
        return [
            protocol
            for protocol, details in self.connections.items()
            if isinstance(protocol, WebRequest)
            and not details.get("disconnected")
            and (instance := details.get("application_instance"))
            and not instance.done()
        ]

    def _close_idle(self) -> None:
        """Close connections on which nothing runs; the others close after their answer, and say so."""
        for request in self._running():
            if not request.startedWriting:
                request.responseHeaders.setRawHeaders(b"connection", [b"close"])
            request.channel.persistent = False
        for channel in list(self._channels):
            if not (_requests(channel) or _is_upgraded(channel)):
                channel._channel.transport.loseConnection()

    def _busy_channels(self) -> list[Any]:
        """Return connections whose answer has not wholly left."""
        running = {request.channel for request in self._running()}
        return [c for c in self._channels if _requests(c) and getattr(c, "_channel", c) in running]


def tell_sockets_on_stop() -> None:
    """Have a plain Daphne, too, close its sockets with 1012 before it stops; requests that run are cut off there."""
    from twisted.internet import reactor

    reactor.addSystemEventTrigger("before", "shutdown", lambda: ensureDeferred(_tell_sockets()))


async def _tell_sockets() -> None:
    if sockets.close_all(sockets.RESTART):
        await Deferred.fromFuture(asyncio.ensure_future(_until_closed()))


async def _until_closed() -> None:
    """Wait for the close frames to leave and, a little, for the answers."""
    for _ in range(4):
        await asyncio.sleep(0.1)
        if not sockets.LIVE:
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


def _is_upgraded(channel: Any) -> bool:
    """Tell whether a connection has become a socket, which its consumer closes."""
    return getattr(channel._channel.transport, "protocol", channel) is not channel


def _requests(channel: Any) -> list[Any]:
    return getattr(getattr(channel, "_channel", channel), "requests", [])
