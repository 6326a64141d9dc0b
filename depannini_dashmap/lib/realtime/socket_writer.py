"""What a socket sends: frames wait in order while the client reads; a client that does not read is disconnected."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import orjson
from channels.consumer import AsyncConsumer

from depannini_dashmap.lib.ops import metrics
from depannini_dashmap.lib.realtime.close_codes import APPLICATION_CODES

logger = logging.getLogger(__name__)

OUTBOX_LIMIT = 512  # frames that may wait for a slow client
BACKLOG_LIMIT = 256 * 1024  # characters of them


class SocketWriter(AsyncConsumer):
    """The sending side of a socket. What waits to be written is kept only while it waits."""

    __slots__ = ("_backlog", "_closing", "_is_evicted", "_is_waiting", "_life", "_outbox", "_send", "_writer")

    _backlog: int
    _closing: bool
    _is_evicted: bool
    _is_waiting: bool
    _life: asyncio.Task | None
    _outbox: list[dict] | None
    _writer: asyncio.Task | None

    def begin_writing(self, send: Callable) -> None:
        """Take the connection; call it in the task that the server runs for it."""
        self._send = send
        self._life = asyncio.current_task()
        self._outbox = self._writer = None
        self._backlog = 0
        self._closing = self._is_evicted = self._is_waiting = False

    def send_frame(self, frame: dict) -> None:
        """Queue a frame."""
        self.send_text(orjson.dumps(frame).decode())

    def send_text(self, text: str) -> None:
        """Queue an encoded frame; a client that does not read is disconnected."""
        if self._closing:
            return
        if self._is_waiting and self._outbox and (len(self._outbox) >= OUTBOX_LIMIT or self._backlog > BACKLOG_LIMIT):
            self._evict()
            return
        metrics.FRAMES_OUT.inc()
        self._write_soon({"type": "websocket.send", "text": text})

    def close(self, code: int) -> None:
        """Queue the close; frames queued before are sent first."""
        if not self._closing:
            self._closing = True
            self._write_soon({"type": "websocket.close", "code": code})

    def send_error(self, code: str, error: str, fields: dict[str, list[str]] | None = None) -> None:
        """Queue an error frame."""
        self.send_frame({"type": "error", "code": code, "error": error} | ({"fields": fields} if fields else {}))

    async def finish_writing(self, seconds: float) -> None:
        """Wait until what is queued was written, for so many seconds."""
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=seconds)

    async def write_close(self, code: int) -> None:
        """Send a close frame now; with an application's code where the server (Daphne) allows no other."""
        try:
            await self._send({"type": "websocket.close", "code": code})
        except Exception:
            if code not in APPLICATION_CODES:
                raise
            await self._send({"type": "websocket.close", "code": APPLICATION_CODES[code]})

    def _write_soon(self, message: dict) -> None:
        if self._outbox is None:
            self._outbox = []
        self._outbox.append(message)
        self._backlog += len(message.get("text", ""))
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._outbox:
                message = self._outbox.pop(0)
                self._backlog -= len(message.get("text", ""))
                self._is_waiting = True  # others see it only if the server waits for the client
                if message["type"] == "websocket.close":
                    await self.write_close(message["code"])
                else:
                    await self._send(message)
                self._is_waiting = False
        except Exception as error:  # the connection is gone; `receive` says so too
            logger.info("A frame could not be sent: %s", type(error).__name__)
            self._closing = True
        finally:
            self._outbox = self._writer = None
            self._backlog = 0
            self._is_waiting = False

    def _evict(self) -> None:
        """End the connection of a client that does not read: the server closes it when the application returns."""
        logger.info("A client that does not read was disconnected")
        self._closing = self._is_evicted = True
        if self._writer is not None:
            self._writer.cancel()
        if self._life is not None:
            self._life.cancel()
