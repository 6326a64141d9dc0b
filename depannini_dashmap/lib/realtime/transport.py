"""What the server under a socket lets us see and set: with Daphne its frame limit and how much waits to be read.

Uvicorn limits frames and slows senders by itself; of both it is seen whether the client answers pings. Under another
server everything here does nothing.
"""

import asyncio
import functools
import socket
import time
from collections.abc import Callable
from typing import Any

from depannini_dashmap.lib.realtime.frames import MAX_BYTES

BACKLOG_LIMIT = 256 * 1024  # bytes that may wait inside the process for one client
READ_AT_ONCE = 1024  # bytes; all frames of one read are taken apart before anybody else has a turn
STALLED_AFTER = 20_000  # milliseconds in which a client takes nothing of what was sent: it is cut off by the kernel
LAST_WORD = 5.0  # seconds in which a client that is shut out may hear why
FLOOD = "dashmap.flood"  # message to a consumer: its client sends too many frames that are no messages


class Transport:
    """The Daphne connection behind an ASGI `send`, if it is one."""

    __slots__ = ("_is_shut_out", "_own_ping", "_protocol", "_uvicorn")

    def __init__(self, send: Callable):
        owner = getattr(send, "__self__", None)
        self._own_ping: tuple[float, float | None] = (0.0, None)  # when we asked for one, and the answer known before
        self._uvicorn: Any = owner if hasattr(owner, "send_keepalive_ping") else None
        protocol = send.args[0] if isinstance(send, functools.partial) and send.args else None
        self._protocol: Any = protocol if hasattr(protocol, "maxMessagePayloadSize") else None
        self._is_shut_out = False

    def settle(self) -> None:
        """Once the socket is accepted: set its limits, let go of the opening request and read nothing until `listen`."""
        transport = getattr(self._protocol, "transport", None)
        if transport is None:
            return
        self.limit_frames()
        transport.bufferSize = READ_AT_ONCE
        transport.pauseProducing()
        if hasattr(socket, "TCP_USER_TIMEOUT") and hasattr(transport, "socket"):
            transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_AFTER)
        # Autobahn, Twisted and Daphne keep four copies of the request, the token in each.
        self._protocol.http_request_data = b""
        self._protocol.http_headers.clear()
        self._protocol.clean_headers.clear()  # the scope's own list, too
        transport.unregisterProducer()  # the HTTP side of the connection, which has done its part

    def limit_frames(self) -> None:
        """Have frames and messages over the limit refused with 1009 before they are gathered in memory."""
        if self._protocol is not None:
            self._protocol.maxMessagePayloadSize = MAX_BYTES
            self._protocol.maxFramePayloadSize = MAX_BYTES
            self._protocol.failByDrop = False

    def lift_limit(self, size: int) -> bool:
        """Allow one big message out, as Autobahn holds what we send against the same limit; tell whether it was lifted."""
        if self._protocol is None or size * 4 <= MAX_BYTES:
            return False
        self._protocol.maxMessagePayloadSize = 0
        return True

    def is_clogged(self) -> bool:
        """Tell whether the client leaves too much unread."""
        transport = getattr(self._protocol, "transport", None)
        if transport is None:
            return False
        return len(getattr(transport, "dataBuffer", b"")) + getattr(transport, "_tempDataLen", 0) > BACKLOG_LIMIT

    def ping(self) -> None:
        """Have the server ping the client now, as it does now and then, unless it waits for an answer already."""
        if not self.is_answered():
            return
        if self._protocol is not None and self._protocol.state == self._protocol.STATE_OPEN:
            self._protocol._sendAutoPing()
        elif self._uvicorn is not None and self._uvicorn.ping_timer is not None and self._uvicorn.ping_timeout:
            answered_at = self.answered_at()
            self._uvicorn.ping_timer.cancel()
            self._uvicorn.send_keepalive_ping()
            self._own_ping = (self._uvicorn.ping_sent_at, answered_at)

    def is_answered(self) -> bool:
        """Tell whether the client has answered every ping, as far as the server lets us see."""
        if self._protocol is not None:
            return self._protocol.autoPingPending is None
        return self._uvicorn is None or self._uvicorn.pending_ping_payload is None

    def answered_at(self) -> float | None:
        """Return when the last ping was sent that the client has answered, or when it came; None if the server hides it.

        Units: seconds since 1970. Pings that `ping` asked for are left out: all of a person's sockets get them at once.
        """
        if self._protocol is not None:
            interval = self._protocol.server.ping_interval
            return self._protocol.last_ping - (0 if self.is_answered() else interval)
        if self._uvicorn is None or not self._uvicorn.ping_sent_at:
            return None
        if self._uvicorn.ping_sent_at == self._own_ping[0]:
            return self._own_ping[1]
        sent_at = time.time() - self._uvicorn.loop.time() + self._uvicorn.ping_sent_at
        return sent_at - (0 if self.is_answered() else self._uvicorn.ping_interval or 0)

    def close(self, code: int) -> bool:
        """Send a close frame with one of the protocol's own codes, which Autobahn keeps for itself; tell whether it was."""
        if self._protocol is None or code == 1000 or code >= 3000:
            return False
        if self._protocol.state == self._protocol.STATE_OPEN:
            self._protocol.sendCloseFrame(code=code)
        return True

    def pause(self) -> None:
        """Leave what the client sends with the kernel, which slows it down."""
        transport = getattr(self._protocol, "transport", None)
        if transport is not None:
            transport.pauseProducing()

    def listen(self) -> None:
        """Read again, unless the client was shut out."""
        transport = getattr(self._protocol, "transport", None)
        if transport is not None and not self._is_shut_out:
            transport.resumeProducing()

    def shut_out(self) -> bool:
        """Read nothing more from a client that is told to go, and cut the connection if it stays; False if it was done."""
        if self._is_shut_out:
            return False
        self._is_shut_out = True
        transport = getattr(self._protocol, "transport", None)
        if transport is not None:
            transport.pauseProducing()
            asyncio.get_running_loop().call_later(LAST_WORD, transport.abortConnection)
        return True

    def abort(self) -> None:
        """Cut the connection without waiting for the client."""
        transport = getattr(self._protocol, "transport", None)
        if transport is not None:
            transport.abortConnection()
