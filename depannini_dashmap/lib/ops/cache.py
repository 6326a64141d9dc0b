"""A Redis cache that goes on in this process while Redis is away: limits must neither fail nor end with it."""

import logging
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

from depannini_dashmap.lib.ops import redis_breaker

logger = logging.getLogger(__name__)


# As Django's `EXISTS` and `INCRBY`, in one.
_INCREASE = "if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call('INCRBY', KEYS[1], ARGV[1]) end return false"


class SharedClient(RedisCacheClient):
    """Django's client over the process's one guarded connection to Redis."""

    def get_client(self, key: Any = None, *, write: bool = False) -> redis_breaker.GuardedClient:
        return redis_breaker.of(self._servers[0]).client  # type: ignore[attr-defined]

    def incr(self, key: Any, delta: int) -> int:
        """Add to a number by one call instead of two: every request of a signed-in user is counted.

        Raises: ValueError for a key that is not there.
        """
        value: Any = self.get_client(key, write=True).eval(_INCREASE, 1, key, delta)
        if value is None:
            raise ValueError(f"Key '{key}' not found.")
        return int(value)


def _going_on(name: str) -> Callable[..., Any]:
    """Return a method of the cache that asks Redis, and what this process knows by itself where Redis does not answer."""
    method = getattr(RedisCache, name)

    def call(self: "EnduringRedisCache", *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except redis_breaker.Away:
            pass
        except (RedisError, OSError) as error:
            logger.warning("The cache counts in this process alone: %s", type(error).__name__)
        return getattr(self.here, name)(*args, **kwargs)

    call.__doc__ = method.__doc__
    call.__name__ = name
    return call


class EnduringRedisCache(RedisCache):
    """Django's Redis cache; while Redis is away each process counts for itself, from nothing."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = SharedClient
        self.here = LocMemCache("while-redis-is-away", params)

    get = _going_on("get")
    set = _going_on("set")
    add = _going_on("add")
    touch = _going_on("touch")
    delete = _going_on("delete")
    incr = _going_on("incr")
    has_key = _going_on("has_key")
    get_many = _going_on("get_many")
    set_many = _going_on("set_many")
    delete_many = _going_on("delete_many")
    clear = _going_on("clear")
