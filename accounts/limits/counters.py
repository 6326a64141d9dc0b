"""Counters of rate limits in the cache: fixed windows (`Quota`) and buckets that fill up again (`Bucket`); off with THROTTLING=off."""

from __future__ import annotations

import math
import time
from typing import Any

from django.conf import settings
from django.core.cache import cache

from depannini_dashmap.lib.errors import TooManyRequests


class Quota:
    """So many events per key in each window of so many seconds."""

    def __init__(self, name: str, limit: int, seconds: int) -> None:
        self.name, self.limit, self.seconds = name, limit, seconds

    def _slot(self, key: Any) -> str:
        return f"quota:{self.name}:{key}:{int(time.time() // self.seconds)}"

    def retry_after(self) -> int:
        """Return the seconds until the present window ends."""
        return self.seconds - int(time.time() % self.seconds)

    def count(self, key: Any) -> int:
        """Add one event and return how many the window now holds."""
        slot = self._slot(key)
        try:
            return cache.incr(slot)
        except ValueError:
            if cache.add(slot, 1, self.seconds + 1):
                return 1
        try:
            return cache.incr(slot)
        except ValueError:
            return 1

    def spend(self, key: Any) -> None:
        """Count an event. Raises: TooManyRequests beyond the limit."""
        if settings.THROTTLING_ENABLED and self.count(key) > self.limit:
            raise TooManyRequests(retry_after=self.retry_after())


class Bucket:
    """So many events a minute for each key, and a buffer that may be sent at once after a silence: it fills up again.

    One counter a minute, which begins with what the minutes before it left to pay off; the cache adds to it atomically.
    """

    def __init__(self, name: str, per_minute: int, buffer: int) -> None:
        self.name, self.per_minute, self.buffer = name, per_minute, buffer
        self.remembered = 1 + -(-buffer // per_minute)  # minutes, after which everything is paid off

    def take(self, key: Any, cost: int = 1) -> int:
        """Take so many events out of the bucket; return 0, or the seconds until it holds them.

        A message of any size passes a full bucket, or it would be sent again for ever.
        """
        cost = min(cost, self.buffer)
        minute, seconds = divmod(time.time(), 60)
        used = self._add(f"bucket:{self.name}:{key}", int(minute), seconds, cost)
        over = used - self._refilled(seconds) - self.buffer
        if over <= 0:
            return 0
        self._add(f"bucket:{self.name}:{key}", int(minute), seconds, -cost)
        return math.ceil(min(over, self.buffer) * 60 / self.per_minute)

    def spend(self, key: Any, cost: int = 1) -> None:
        """Take so many events out of the bucket. Raises: TooManyRequests."""
        if settings.THROTTLING_ENABLED and (seconds := self.take(key, cost)):
            raise TooManyRequests(retry_after=seconds)

    def _add(self, name: str, minute: int, seconds: float, cost: int) -> int:
        slot = f"{name}:{minute}"
        try:
            return cache.incr(slot, cost)
        except ValueError:
            cache.add(slot, self._owed(name, minute, seconds), 60 * (self.remembered + 1))
        try:
            return cache.incr(slot, cost)
        except ValueError:
            return 0  # the cache is away: nobody is refused for that

    def _owed(self, name: str, minute: int, seconds: float) -> int:
        """Return what a new minute's counter begins with: the debt of those before, and what this one cannot have saved."""
        slots = {f"{name}:{minute - back}": back for back in range(1, self.remembered + 1)}
        found = cache.get_many(slots)
        latest = min(found, key=lambda slot: slots[slot], default=None)
        debt = max(0, found[latest] - self.per_minute * slots[latest]) if latest else 0
        return max(debt, self._refilled(seconds))

    def _refilled(self, seconds: float) -> int:
        return int(self.per_minute * seconds / 60)
