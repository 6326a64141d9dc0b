"""The bounded queue behind a channel of a stock Channels consumer, and how its messages are encoded."""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from typing import Any

import orjson

from depannini_dashmap.lib.realtime.subscriptions import Event, Subscriptions

logger = logging.getLogger(__name__)

_BYTES = "__bytes__"  # the key of an object that stands for bytes, which JSON has not


class ChannelQueue:
    """What waits for one channel; a member of the groups that the channel was added to."""

    def __init__(self, name: str, owner: Subscriptions, *, capacity: int, expiry: float):
        self.name, self.owner = name, owner
        self.groups: set[str] = set()
        self._expiry, self._is_dropping = expiry, False
        self._queue: asyncio.Queue[tuple[float, dict[str, Any]]] = asyncio.Queue(capacity)

    def is_full(self) -> bool:
        """Return whether the next message would be dropped."""
        return self._queue.full()

    def put(self, frame: bytes) -> None:
        """Queue an encoded message; beyond the capacity it is dropped, as Channels has it."""
        if not self._queue.full():
            self._is_dropping = False
            self._queue.put_nowait((time.monotonic() + self._expiry, decode(frame)))
        elif not self._is_dropping:  # said once, not for each message
            self._is_dropping = True
            logger.warning("A channel is full: messages are dropped until its consumer takes some")

    def deliver(self, event: Event) -> None:
        """Queue an event of a group."""
        self.put(event.frame)

    def resync(self) -> None:
        """Do nothing: stock consumers know no loss, and have to read the state again by themselves now and then."""

    async def get(self) -> dict[str, Any]:
        """Return the next message that has not expired."""
        while True:
            expires_at, message = await self._queue.get()
            if time.monotonic() < expires_at:
                return message


def encode(message: dict[str, Any]) -> bytes:
    """Encode a message. Raises: TypeError for what Channels does not allow in one."""
    return orjson.dumps(message, default=_encode_bytes)


def decode(frame: bytes) -> dict[str, Any]:
    """Return a message of one's own, which may be changed."""
    message = orjson.loads(frame)
    return _with_bytes(message) if b'"__bytes__":' in frame else message


def _encode_bytes(value: Any) -> dict[str, str]:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {_BYTES: base64.b64encode(value).decode()}
    raise TypeError(f"No part of a message: {type(value).__name__}")


def _with_bytes(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_BYTES}:
            return base64.b64decode(value[_BYTES])
        return {key: _with_bytes(part) for key, part in value.items()}
    return [_with_bytes(part) for part in value] if isinstance(value, list) else value
