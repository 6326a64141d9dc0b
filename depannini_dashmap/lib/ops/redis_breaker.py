"""Whether Redis answers, known once for everything in this process that speaks to it.

A frozen Redis keeps its connections without answering: its clients wait. The first that waits half a second in vain opens
the breaker; from then on nobody asks, and a thread of its own looks once a second until it is answered. Everything goes
through the one client here: events, cache and limits, the sockets' bookkeeping, the list of processes. The subscription
of lib/realtime/subscriptions.py only listens and has its own heartbeat.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.retry import Retry

logger = logging.getLogger(__name__)

PATIENCE = 0.5  # seconds that a call may wait for a hanging Redis
LOOK_EVERY = 1.0  # seconds between two tries to reach a lost one


class Away(redis.ConnectionError):
    """Redis was not asked, as it does not answer at present."""


class Breaker:
    """Guards one Redis: closed while it answers, open from the first call in vain until a look is answered."""

    def __init__(self, url: str):
        # Once more where a kept connection was closed by a restart; who has waited in vain does not wait twice.
        retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        self._pool = redis.ConnectionPool.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=retry
        )
        self.client = GuardedClient(self)
        self.lost = False
        self._returned: list[Callable[[], Any]] = []
        self._lock = threading.Lock()

    @property
    def pool(self) -> redis.ConnectionPool:
        """The connections that all clients of this Redis share."""
        return self._pool

    def when_back(self, call: Callable[[], Any]) -> None:
        """Have something done, in a thread, each time Redis answers again."""
        self._returned.append(call)

    def guard(self, work: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Make a call. Raises: Away at once while the breaker is open; any exception of the call."""
        if self.lost:
            raise Away("Redis does not answer at present")
        try:
            return work(*arguments, **options)
        except (redis.ConnectionError, redis.TimeoutError) as error:
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
                # A frozen server carries out all queued commands once it recovers: so only this command is sent.
                asking.ping()
            except redis.RedisError:
                continue
            self.lost = False
            logger.warning("Redis is back")
            for call in self._returned:
                call()
            return


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
        return self._breaker.guard(super().execute, raise_on_error)


@cache
def of(url: str) -> Breaker:
    """Return the process's one breaker for a Redis."""
    return Breaker(url)
