"""uvicorn's WebSocket protocol, shown pings and floods: the class for its `ws` option.

ASGI passes neither pings nor pieces of messages on, so a flood of these is bounded here; and which client answered a ping
last, which decides which socket is closed, is shown to consumers as an extension of the scope (`lib/realtime/keepalive.py`).
"""

import socket
import time
from asyncio.transports import BaseTransport
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from depannini_dashmap.lib.realtime.inbound_frames import Allowance
from depannini_dashmap.lib.realtime.keepalive import EXTENSION, FLOOD

# Bytes in the kernel for one client: what one read brings is parsed before other clients have a turn.
RECEIVE_BUFFER = 4096
LAST_WORD = 5.0  # seconds in which a client reads the close frame and answers it
# Bytes that a client may send after the close frame: its answer is looked for in the first, more is thrown away, and then
# it is read no further. Closing at once, with its bytes unread, would reset the connection before it reads the close frame.
PARSED_AFTER_CLOSE, READ_AFTER_CLOSE = 64 * 1024, 2 * 1024 * 1024


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection; `Transport` for its consumer."""

    _others: Allowance | None = None  # of pings and pieces, made with the first one
    _answered_at = 0.0  # when the last periodic ping was sent that was answered; loop time
    _is_own_ping = False  # whether the unanswered ping is one of `ping`
    _after_close = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.close_timeout = LAST_WORD

    def connection_made(self, transport: BaseTransport) -> None:
        """Bound what the kernel holds for this client."""
        super().connection_made(transport)
        if (line := transport.get_extra_info("socket")) is not None:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)

    def handle_connect(self, event: Request) -> None:
        """Offer the extension to the application, and keep no second copy of the request with its token."""
        super().handle_connect(event)
        if not self.handshake_complete:
            cast("dict[str, Any]", self.scope["extensions"])[EXTENSION] = self
            del self.request

    def start_keepalive(self) -> None:
        """Count a client that was just accepted as responsive, and release the handshake."""
        self._answered_at = self.loop.time()
        del self.response
        super().start_keepalive()

    def data_received(self, data: bytes) -> None:
        """Take bytes; of a client that goes on sending after the close frame only so many."""
        if self.close_sent:
            self._after_close += len(data)
            if self._after_close > READ_AFTER_CLOSE:
                self.transport.pause_reading()
            if self._after_close > PARSED_AFTER_CLOSE or self.conn.parser_exc is not None:
                self._end_writing()
                return
        super().data_received(data)

    def handle_parser_exception(self) -> None:
        """Send the close frame for what is no frame, or too big a one, and let the client read it."""
        assert self.conn.close_sent is not None
        self.queue.put_nowait({"type": "websocket.disconnect", "code": self.conn.close_sent.code, "reason": ""})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)
        self._end_writing()

    def handle_ping(self) -> None:
        """Answer a ping that is not one of a flood."""
        if self._is_allowed():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        """Note when a client answers; pongs that nobody asked for count as a flood."""
        sent_at, was_own = self.ping_sent_at, self._is_own_ping
        if self.pending_ping_payload is None or bytes(event.data) != self.pending_ping_payload:
            self._is_allowed()
            return
        super().handle_pong(event)
        if not was_own:
            self._answered_at = sent_at

    def handle_text(self, event: Frame) -> None:
        """Take a message or the first piece of one."""
        if event.fin or self._is_allowed():
            super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Take a message or the first piece of one."""
        if event.fin or self._is_allowed():
            super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        """Take a further piece of a message."""
        if self._is_allowed():
            super().handle_cont(event)

    def send_keepalive_ping(self) -> None:
        """Send the periodic ping."""
        self._is_own_ping = False
        super().send_keepalive_ping()

    def ping(self) -> None:
        """Ping the client now, unless a ping is unanswered."""
        if self.is_answered() and self.ping_timer is not None:
            self.ping_timer.cancel()
            self.send_keepalive_ping()
            self._is_own_ping = True

    def is_answered(self) -> bool:
        """Return whether the client has answered every ping."""
        return self.pending_ping_payload is None

    def answered_at(self) -> float | None:
        """Return when the last periodic ping was sent that the client has answered; seconds since 1970."""
        return time.time() - self.loop.time() + self._answered_at

    def _is_allowed(self) -> bool:
        """Count a frame that is not a message; report a flood to the application."""
        if self._others is None:
            self._others = Allowance()
        if self._others.take():
            return True
        if not self.close_sent:
            self.queue.put_nowait({"type": FLOOD})  # type: ignore[typeddict-item]
            self.transport.pause_reading()
            self.read_paused = True
        return False

    def _end_writing(self) -> None:
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
