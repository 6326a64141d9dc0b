"""Say what happened to everyone who listens: `publish` from any thread, over Redis or inside one process.

What is said, and which groups exist, belongs to each app's events.py; who listens belongs to its consumers.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import orjson
import redis
from django.conf import settings
from django.db import transaction

from depannini_dashmap.lib.ops import redis_breaker
from depannini_dashmap.lib.realtime import subscriptions

_GROUP = re.compile(r"[A-Za-z0-9._-]{1,100}\Z")
_listeners: list[list[tuple[str, dict]]] = []
_gathered: ContextVar[dict[bytes, None] | None] = ContextVar("gathered_hints", default=None)


def publish(group: str, event: dict) -> None:
    """Send `event` to the sockets of `group` once the running transaction has committed.

    Shape: `event` is the frame as it goes out, JSON-ready, with its name under `type`.
    Effects: none if the transaction rolls back; events of one transaction leave together, in order.
    """
    publish_many([(group, event)])


def publish_many(events: Iterable[tuple[str, dict]]) -> None:
    """Publish many (group, event) in one go, in order, as `publish` does."""
    record = b"".join([_encode(group, event) for group, event in events])
    if not record:
        return
    connection = transaction.get_connection()
    pending = connection.run_on_commit
    if not connection.in_atomic_block:
        _send(record)
    elif pending and isinstance(pending[-1][1], _Batch) and pending[-1][0] == set(connection.savepoint_ids):
        pending[-1][1].records.append(record)
    else:
        transaction.on_commit(_Batch(record), robust=True)


def hint(group: str, event: dict) -> None:
    """Publish an event that says no more than "read it again": equal ones of one transaction leave as one.

    Effects: as `publish`; inside `gathered_hints` it waits for the end of the block.
    """
    record = _encode(group, event)
    connection = transaction.get_connection()
    if not connection.in_atomic_block:
        _send_hint(record)
    # An equal hint that waits already outlives every rollback that this one would: its open savepoints are among ours.
    elif not any(isinstance(call, _Hint) and call.record == record for _, call, _ in connection.run_on_commit):
        transaction.on_commit(_Hint(record), robust=True)


@contextmanager
def gathered_hints() -> Iterator[None]:
    """Let many transactions in a row say each hint once, at the end of the block: for an action on many rows."""
    held: dict[bytes, None] = {}
    token = _gathered.set(held)
    try:
        yield
    finally:
        _gathered.reset(token)
        if held:
            _send(b"".join(held))


def publish_now(group: str, event: dict) -> None:
    """Send `event` to the sockets of `group` at once, whatever a transaction does.

    Effects: never raises for a lost Redis, and never waits when called inside an event loop.
    """
    _send(_encode(group, event))


@contextmanager
def captured() -> Iterator[list[tuple[str, dict]]]:
    """Collect every (group, event) that leaves inside the block: for tests."""
    heard: list[tuple[str, dict]] = []
    _listeners.append(heard)
    try:
        yield heard
    finally:
        _listeners.remove(heard)


class _Batch:
    """The events of one transaction, sent together after its commit."""

    def __init__(self, record: bytes):
        self.records = [record]

    def __call__(self) -> None:
        _send(b"".join(self.records))


class _Hint:
    """A hint that waits for the commit."""

    def __init__(self, record: bytes):
        self.record = record

    def __call__(self) -> None:
        _send_hint(self.record)


def _send_hint(record: bytes) -> None:
    held = _gathered.get()
    if held is None:
        _send(record)
    else:
        held[record] = None


def _encode(group: str, event: dict) -> bytes:
    if not _GROUP.match(group):
        raise ValueError(f"Not a group name: {group!r}")
    return b"%b\t%b\t%b\n" % (group.encode(), event["type"].encode(), orjson.dumps(event))


def _send(payload: bytes) -> None:
    for heard in _listeners:
        heard.extend((event.group, event.data) for event in subscriptions.events(payload))
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        send_from_thread(payload)
    else:
        subscriptions.of(loop).send(payload)


def send_from_thread(payload: bytes) -> None:
    """Send encoded records over Redis, or to this process alone when there is none."""
    url = settings.REDIS_URL
    if not (url and publisher(url).send(payload)):
        subscriptions.deliver_here(payload)


@cache
def publisher(url: str) -> "_Publisher":
    """Return the process's one sender for a Redis."""
    return _Publisher(url)


class _Publisher:
    """One PUBLISH per payload, through the breaker of everything that speaks to Redis."""

    def __init__(self, url: str):
        self._breaker = redis_breaker.of(url)
        self.client = self._breaker.client
        self.channel = subscriptions.channel(url)
        # Events were lost meanwhile: everybody reads the state again.
        self._breaker.when_back(lambda: self.send(subscriptions.RESYNC))

    @property
    def lost(self) -> bool:
        """Tell whether Redis does not answer at present."""
        return self._breaker.lost

    def send(self, payload: bytes) -> bool:
        """Publish a payload; tell whether Redis took it."""
        try:
            self.client.publish(self.channel, payload)
        except redis.RedisError as error:
            self._breaker.lose(error)
            return False
        return True
