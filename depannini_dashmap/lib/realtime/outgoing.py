"""What a socket sends: frames wait in order while the client reads, and who does not read is cut off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import orjson
from channels.consumer import AsyncConsumer

from depannini_dashmap.lib.ops import metrics
from depannini_dashmap.lib.realtime.close_codes import TOO_SLOW
from depannini_dashmap.lib.realtime.transport import Transport

logger = logging.getLogger(__name__)

OUTBOX_LIMIT = 512  # frames that may wait for a slow client


class SocketWriter(AsyncConsumer):
    """The sending side of a socket. What waits to be written is kept only while it waits."""

    __slots__ = ("_closing", "_outbox", "_send", "_transport", "_writer")

    _closing: bool
    _outbox: list[dict] | None
    _transport: Transport
    _writer: asyncio.Task | None

    def begin_writing(self, send: Callable) -> None:
        """Take the connection."""
        self._send = send
        self._transport = Transport(send)
        self._outbox = self._writer = None
        self._closing = False

    def send_frame(self, frame: dict) -> None:
        """Queue a frame."""
        self.send_text(orjson.dumps(frame).decode())

    def send_text(self, text: str) -> None:
        """Queue an encoded frame; a client that does not read is cut off."""
        if self._closing:
            return
        if (self._outbox and len(self._outbox) >= OUTBOX_LIMIT) or self._transport.is_clogged():
            self._evict()
            return
        metrics.FRAMES_OUT.inc()
        self._write_soon({"type": "websocket.send", "text": text})

    def close(self, code: int) -> None:
        """Queue the close; what was queued before goes out first."""
        if not self._closing:
            self._closing = True
            self._write_soon({"type": "websocket.close", "code": code})

    def send_error(self, code: str, error: str, fields: dict[str, list[str]] | None = None) -> None:
        """Queue an error frame."""
        self.send_frame({"type": "error", "code": code, "error": error} | ({"fields": fields} if fields else {}))

    def _write_soon(self, message: dict) -> None:
        if self._outbox is None:
            self._outbox = []
        self._outbox.append(message)
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._outbox:
                message = self._outbox.pop(0)
                if message["type"] == "websocket.close" and self._transport.close(message["code"]):
                    continue
                lifted = self._transport.lift_limit(len(message.get("text", "")))
                await self._send(message)
                if lifted:
                    self._transport.limit_frames()
        except Exception as error:  # the connection is gone; `receive` says so too
            logger.info("A frame could not be sent: %s", type(error).__name__)
            self._closing = True
        finally:
            self._outbox = self._writer = None

    def _evict(self) -> None:
        logger.info("A client that does not read was cut off")
        self._outbox = None
        self.close(TOO_SLOW)
        self._transport.abort()
