"""Whether Redis answers, known once for everything in this process that speaks to it.

A frozen Redis keeps its connections without answering: its clients wait. The first that waits half a second in vain opens
the breaker; from then on nobody asks, and a thread of its own looks once a second until it is answered. One that takes no
writes is lost too: it was primary, and another one is now. Everything goes through the one client here: events, cache and
limits, the sockets' bookkeeping, the list of processes. The subscription of lib/realtime/subscriptions.py only listens and
has its own heartbeat; which primary it listens to is known here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.retry import Retry
from redis.sentinel import SentinelConnectionPool

from depannini_dashmap.lib.ops import redis_connections, redis_keys

logger = logging.getLogger(__name__)

PATIENCE = 0.5  # seconds that a call may wait for a hanging Redis
LOOK_EVERY = 1.0  # seconds between two tries to reach a lost one, and between two questions to Sentinels


class Away(redis.ConnectionError):
    """Redis was not asked, as it does not answer at present."""


class Breaker:
    """Guards one Redis: closed while it answers, open from the first call in vain until a look is answered."""

    def __init__(self, url: str):
        # Once more where a kept connection was closed by a restart; who has waited in vain does not wait twice.
        retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        self._pool = redis_connections.pool(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=retry)
        self.client = GuardedClient(self)
        self.lost = False
        self._returned: list[Callable[[], Any]] = []
        self._lock = threading.Lock()
        self.has_sentinels = isinstance(self._pool, SentinelConnectionPool)
        if self.has_sentinels:
            threading.Thread(target=self._follow, name="redis-primary", daemon=True).start()

    @property
    def primary(self) -> tuple[str, int] | None:
        """The primary that Sentinels named last; None without Sentinels, or before they were asked."""
        return getattr(self._pool, "master_address", None)

    def find_primary(self) -> tuple[str, int]:
        """Ask the Sentinels for the primary. Raises: redis.RedisError."""
        return self._pool.get_master_address()  # type: ignore[attr-defined]

    @property
    def pool(self) -> redis.ConnectionPool:
        """The connections that all clients of this Redis share."""
        return self._pool

    def when_back(self, call: Callable[[], Any]) -> None:
        """Have something done, in a thread, each time Redis answers again or another server has become its primary."""
        self._returned.append(call)

    def guard(self, work: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Make a call. Raises: Away at once while the breaker is open; any exception of the call."""
        if self.lost:
            raise Away("Redis does not answer at present")
        try:
            return work(*arguments, **options)
        except (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError) as error:
            self.lose(error)
            raise

    def lose(self, error: Exception) -> None:
        """Open the breaker."""
        with self._lock:
            if self.lost:
                return
            self.lost = True
        logger.warning("Redis is lost: %s", type(error).__name__)
        threading.Thread(target=self._look, name="redis-breaker", daemon=True).start()

    def _look(self) -> None:
        asking: redis.Redis = redis.Redis(connection_pool=self._pool)
        while True:
            time.sleep(LOOK_EVERY)
            try:
                # A former primary may keep idle connections open.
                self._pool.disconnect(inuse_connections=False)
                # A frozen server carries out all queued commands once it recovers: so only this command is sent.
                asking.set(redis_keys.named("look"), b"", ex=60)
            except redis.RedisError as error:
                if not isinstance(error, redis.ResponseError) or isinstance(error, redis.ReadOnlyError):
                    continue
            self.lost = False
            logger.warning("Redis is back")
            self._call_returned()
            return

    def _follow(self) -> None:
        """Know of a new primary while connections to the former one stand, where nobody hears any more what is published."""
        known = None
        while True:
            with suppress(redis.RedisError):
                self.find_primary()
            # A connection that was made meanwhile may have found out first.
            if (primary := self.primary) != known:
                if known is not None:
                    logger.warning("Redis has another primary")
                    self._call_returned()
                known = primary
            time.sleep(LOOK_EVERY)

    def _call_returned(self) -> None:
        for call in self._returned:
            call()


class GuardedClient(redis.Redis):
    """A client whose every command passes a breaker."""

    def __init__(self, breaker: Breaker):
        super().__init__(connection_pool=breaker.pool)
        self._breaker = breaker

    def execute_command(self, *args: Any, **options: Any) -> Any:
        return self._breaker.guard(super().execute_command, *args, **options)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return _GuardedPipeline(self._breaker, transaction, shard_hint, self.response_callbacks)


class _GuardedPipeline(Pipeline):
    """Commands that leave together, through the same breaker."""

    def __init__(self, breaker: Breaker, transaction: bool, shard_hint: str | None, callbacks: Any):
        super().__init__(breaker.pool, callbacks, transaction, shard_hint)
        self._breaker = breaker

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        answers: list[Any] = self._breaker.guard(super().execute, raise_on_error)
        for answer in answers:
            if isinstance(answer, redis.ReadOnlyError):
                self._breaker.lose(answer)
        return answers


@cache
def of(url: str) -> Breaker:
    """Return the process's one breaker for a Redis."""
    return Breaker(url)
