"""Publish to Redis from one kept thread of the process: callers never wait, and what meets in the queue leaves together.

At a failure everything is delivered inside this process; once Redis answers again, all subscribers read the state again.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Sequence
from functools import cache

import redis
from django.conf import settings

from depannini_dashmap.lib.ops import process_registry, redis_breaker
from depannini_dashmap.lib.realtime import subscriptions
from depannini_dashmap.lib.realtime.subscriptions import RESYNC, Message

logger = logging.getLogger(__name__)

GATHER_FOR = 0.01  # seconds after a round trip in which messages that can wait gather for the next one
MOST_WAITING = 50_000  # messages; more than Redis takes in half a second, after which it counts as lost
DRAIN_WITHIN = 2.0  # seconds that a process which ends waits for its queue


class Publisher:
    """The queue and the thread of one Redis."""

    def __init__(self, url: str):
        self._breaker = redis_breaker.of(url)
        self._channel = subscriptions.channel(url).encode()
        self._queue: list[Message] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_urgent = self._is_sending = False
        self._is_idle = True  # the thread waits for the first message
        self._has_patient = False  # some of what waits can wait
        self._rest_until = 0.0
        self._breaker.when_back(self.resync)

    def put(self, messages: Sequence[Message], *, is_urgent: bool = True) -> None:
        """Queue messages, from any thread or event loop; those that are not urgent may wait for `GATHER_FOR`."""
        with self._changed:
            self._queue.extend(messages)
            if len(self._queue) > MOST_WAITING:
                logger.warning("%d events wait for Redis: dropped, sockets read the state again", len(self._queue))
                self._queue = [RESYNC]
            if self._thread is None or not self._thread.is_alive():  # the first one, or after a fork
                self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
                self._thread.start()
            self._is_urgent |= is_urgent
            self._has_patient |= not is_urgent
            if is_urgent or self._is_idle:
                self._is_idle = False
                self._changed.notify_all()

    def resync(self) -> None:
        """Have the subscribers of all processes read the state again."""
        self.put([RESYNC])

    def flush(self, timeout: float = DRAIN_WITHIN) -> bool:
        """Wait until everything queued has been sent or delivered here; return whether it was in time."""
        with self._changed:
            self._is_urgent = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._queue and not self._is_sending, timeout)

    def _run(self) -> None:
        while True:
            batch = self._take()
            try:
                self._send(batch)
            except Exception:
                logger.exception("Events could not be published")
            with self._changed:
                self._is_sending = False
                self._changed.notify_all()

    def _take(self) -> list[Message]:
        """Wait for messages; after some that could wait, let others gather without waking this thread for each."""
        with self._changed:
            while not self._is_urgent and (rest := self._rest_until - time.monotonic()) > 0:
                self._changed.wait(rest)
            while not self._queue:
                self._is_idle = True
                self._changed.wait()
            batch, self._queue = self._queue, []
            self._rest_until = time.monotonic() + GATHER_FOR if self._has_patient else 0.0
            self._is_urgent = self._is_idle = self._has_patient = False
            self._is_sending = True
            return batch

    def _send(self, batch: list[Message]) -> None:
        """Make one round trip of a batch, each group's events as one PUBLISH; keep to this process if that fails."""
        payloads: dict[bytes, list[bytes]] = {}
        for message in batch:
            payloads.setdefault(message.group, []).append(message.payload)
        try:
            with self._breaker.client.pipeline(transaction=False) as pipeline:
                kept = {message.kept_as: message.payload for message in batch if message.kept_as}
                for key, payload in kept.items():
                    pipeline.set(key, payload, ex=subscriptions.KEPT_FOR)
                for group, parts in payloads.items():
                    pipeline.publish(subscriptions.channel_of(self._channel, group), b"".join(parts))
                answers = pipeline.execute(raise_on_error=False)[len(kept) :]
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        except redis.RedisError as error:
            self._breaker.lose(error)
            subscriptions.deliver_here(batch)


@cache
def of(url: str) -> Publisher:
    """Return the process's one publisher for a Redis."""
    return Publisher(url)


def send(messages: Sequence[Message], *, is_urgent: bool = True) -> None:
    """Send messages over Redis, or to this process alone without Redis; never waits and never raises."""
    if settings.REDIS_URL:
        of(settings.REDIS_URL).put(messages, is_urgent=is_urgent)
    else:
        subscriptions.deliver_here(messages)


def resync() -> None:
    """Have the subscribers of all processes read the state again."""
    send([RESYNC])


def flush(timeout: float = DRAIN_WITHIN) -> bool:
    """Wait, in a thread, until everything published has left; return whether it was in time.

    Units: seconds.
    """
    return not settings.REDIS_URL or of(settings.REDIS_URL).flush(timeout)


process_registry.before_leaving(flush)
process_registry.when_one_died(resync)
atexit.register(flush)
