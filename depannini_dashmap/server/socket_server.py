"""Daphne's sockets with limits of ours: who speaks must also read, and every frame of a flood counts."""

from typing import Any

from autobahn.websocket.types import ConnectionDeny
from daphne import ws_protocol

from depannini_dashmap.lib.realtime.frames import Allowance
from depannini_dashmap.lib.realtime.transport import FLOOD, READ_AT_ONCE


def install() -> None:
    """Let every Daphne of this process, ours or the command's, speak over sockets as this module does."""
    ws_protocol.WebSocketFactory.protocol = Socket


class Socket(ws_protocol.WebSocketProtocol):  # type: ignore[misc]
    """One socket. Frames of consumers are counted there; here those that never reach them: pings and pieces."""

    _others: Allowance | None = None  # of its own only once there is such a frame

    def onConnect(self, request: Any) -> Any:  # noqa: N802
        """Take a handshake; what is sent along with it is read little by little."""
        self.transport.bufferSize = READ_AT_ONCE
        # Words are no proof of reading: a ping is answered by a pong or the connection is cut.
        self.autoPingRestartOnAnyTraffic = False
        refuse_what_is_no_ascii(request)
        return super().onConnect(request)

    def check_timeouts(self) -> None:
        """Ping now and then, unless a ping is unanswered: a second one would have a late answer to the first ignored."""
        if self.autoPingTimeoutCall is None:
            super().check_timeouts()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802
        """Take a message; the next ping stays due."""
        pinged_at = self.last_ping
        super().onMessage(payload, isBinary)
        self.last_ping = pinged_at

    def onFrameBegin(self) -> None:  # noqa: N802
        super().onFrameBegin()
        frame = self.current_frame
        if frame.opcode in {0, 9, 10} or not frame.fin:
            self._count()

    def _count(self) -> None:
        if self._others is None:
            self._others = Allowance()
        if not self._others.take():
            self.transport.pauseProducing()
            self.application_queue.put_nowait({"type": FLOOD})


def refuse_what_is_no_ascii(request: Any) -> None:
    """Refuse a handshake that Daphne could not read, whose error would stand in the status line. Raises: ConnectionDeny."""
    offered = request.headers.get("sec-websocket-protocol", "")
    if not (offered.isascii() and request.path.isascii() and all(name.isascii() for name in request.headers)):
        raise ConnectionDeny(code=400, reason="Bad Request")
