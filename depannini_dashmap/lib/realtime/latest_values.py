"""Streams of values of which only the newest counts: they may gather on their way, and the newest is kept for a minute.

Values that are stored in the database now and then only are read from here by those who come in between.
"""

from __future__ import annotations

import time
from typing import Any

import redis
from django.conf import settings

from depannini_dashmap.lib.ops import redis_breaker, redis_keys
from depannini_dashmap.lib.realtime import layer, subscriptions
from depannini_dashmap.lib.realtime.subscriptions import KEPT_FOR, Event, Message

MOST_KEPT = 20_000

_kept: dict[bytes, tuple[float, Message]] = {}  # of this process: for the time without Redis


def publish_newest(*values: tuple[str, dict, Any]) -> None:
    """Send the newest values of streams at once, unless others left a moment ago: then they go with the next ones.

    Shape: each is (group, event, key); with a key other than None it is kept, for `read_newest`.
    Effects: never waits and never raises for a lost Redis.
    """
    messages = []
    for group, event, key in values:
        (message,) = layer.encode(group, event)
        if key is not None:
            name = _name(group, event["type"], key)
            message = Message(message.group, message.payload, name)
            _kept.pop(name, None)
            _kept[name] = time.monotonic(), message
            if len(_kept) > MOST_KEPT:
                del _kept[next(iter(_kept))]
        messages.append(message)
    layer.send(messages, is_urgent=False)


def read_newest(group: str, kind: str, key: Any) -> Event | None:
    """Return the newest event of a kind that was published to a group under a key within a minute; in a thread."""
    name = _name(group, kind, key)
    payload: Any = None
    if settings.REDIS_URL:
        try:
            payload = redis_breaker.of(settings.REDIS_URL).client.get(name)
        except redis.RedisError:
            payload = None
    if payload is None:
        kept_at, message = _kept.get(name, (0.0, None))
        payload = message.payload if message and time.monotonic() - kept_at < KEPT_FOR else None
    return None if payload is None else next(subscriptions.events(group.encode(), payload))


def _name(group: str, kind: str, key: Any) -> bytes:
    return redis_keys.named("newest", group, kind, str(key)).encode()
