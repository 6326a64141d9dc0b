"""How many sockets one person holds, over all processes when there is Redis, else in this one.

A connection over the limit is accepted; the one that has not answered for longest is closed. So connections that a phone lost silently
never shut out the live one. Every socket says how alive it is and looks for itself whether it is the one to go.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from threading import Lock
from typing import Any, NamedTuple

import redis
from django.conf import settings

from depannini_dashmap.lib.ops import redis_breaker, redis_keys
from depannini_dashmap.lib.realtime.async_tasks import in_thread
from depannini_dashmap.lib.realtime.keepalive import Transport

logger = logging.getLogger(__name__)

FORGOTTEN_AFTER = 600  # seconds after which a connection that was not renewed counts as closed (its process died)
EXCEEDED = "connections.exceeded"  # to all sockets of a person: one of you has to go
PONG_WAIT = 1.0  # seconds in which a live client answers a ping
REPORT_WAIT = 0.3  # seconds in which the sockets of other processes have said how alive they are
SILENT = 200.0  # seconds that one without an answer counts as older than any that answered


class Limit(NamedTuple):
    """Whose connections are counted together."""

    name: str
    most: int


APPS, PAGES, LINKS = Limit("apps", 5), Limit("pages", 20), Limit("links", 10)

# Forgets those that were not renewed, notes one's own answer where there is one, and gives all names in their order.
_RANK = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, ARGV[1])
if ARGV[3] then redis.call('ZADD', KEYS[1], ARGV[3], ARGV[4]) end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return redis.call('ZRANGE', KEYS[1], 0, -1)
"""

_here: dict[str, dict[str, float]] = {}  # a person's connections in this process → when each answered last
_lock = Lock()


class Connection:
    """One socket among those of its owner: a user's id, or the name of a link. Methods that are not coroutines may wait for Redis: call them in a thread.

    Units: `answered_at` is in seconds since 1970.
    """

    __slots__ = ("_is_held", "_key", "_rounds", "limit", "name")

    def __init__(self, owner: int | str, limit: Limit = APPS):
        self.limit = limit
        self.name = uuid.uuid4().hex
        self._key = redis_keys.named("connections", limit.name, str(owner))
        self._is_held = False
        self._rounds = 0

    def enter(self) -> bool:
        """Count the socket; return whether there are too many now."""
        self._is_held = True
        return len(self._ranked(time.time())) > self.limit.most

    def report(self, answered_at: float) -> None:
        """Record that the socket is open, and when it answered last; a socket that was left stays left."""
        if self._is_held:
            self._ranked(max(answered_at, time.time() - FORGOTTEN_AFTER / 2))
        if not self._is_held:  # perhaps left meanwhile, before it was entered again
            self._strike_out()

    def is_meant(self, limit: str) -> bool:
        """Return, in the event loop, whether to start `is_one_too_many`, as a limit is exceeded."""
        if limit != self.limit.name:
            return False
        self._rounds = 2 if self._rounds else 1  # a running check repeats once
        return self._rounds == 1

    async def is_one_too_many(self, transport: Transport, answered_at: Callable[[], float]) -> bool:
        """Publish when this client answered last, collect the same of the others, and return whether this socket is to be closed."""
        while True:
            at = answered_at()
            transport.ping()
            await asyncio.sleep(PONG_WAIT)
            await in_thread(self.report, at if transport.is_answered() else at - SILENT)
            await asyncio.sleep(REPORT_WAIT)
            if await in_thread(self.is_surplus):
                await in_thread(self.leave)
                return True
            self._rounds -= 1
            if not self._rounds:
                return False

    def is_surplus(self) -> bool:
        """Return whether there are too many, and this one is among those that answered longest ago."""
        ranked = self._ranked()
        return self._is_held and self.name in ranked[: max(0, len(ranked) - self.limit.most)]

    def leave(self) -> None:
        """Count the socket no more; leaving twice is harmless."""
        if self._is_held:
            self._is_held = False
            self._strike_out()

    def _ranked(self, answered_at: float | None = None) -> list[str]:
        """Return the names of the person's connections, the longest silent one first, after noting this one's answer."""
        with _lock:
            here = _here.setdefault(self._key, {})
            if answered_at is not None:
                here[self.name] = answered_at
            ranked = sorted(here, key=lambda name: (here[name], name))
        client = _client()
        if client is None:
            return ranked
        try:
            own = () if answered_at is None else (answered_at, self.name)
            names: Any = client.eval(_RANK, 1, self._key, time.time() - FORGOTTEN_AFTER, FORGOTTEN_AFTER * 2, *own)
            return [name.decode() for name in names]
        except redis.RedisError as error:
            logger.info("Connections are counted in this process only: %s", type(error).__name__)
            return ranked

    def _strike_out(self) -> None:
        with _lock:
            here = _here.get(self._key, {})
            here.pop(self.name, None)
            if not here:
                _here.pop(self._key, None)
        if client := _client():
            try:
                client.zrem(self._key, self.name)
            except redis.RedisError as error:
                logger.info("A connection counts until it is forgotten: %s", type(error).__name__)


def _client() -> redis.Redis | None:
    """Return the process's Redis client, or None while Redis is unavailable."""
    url = settings.REDIS_URL
    if not url or redis_breaker.of(url).lost:
        return None
    return redis_breaker.of(url).client
