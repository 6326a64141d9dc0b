"""How many sockets one person holds: at most five, over all processes when there is Redis, else in this one."""

import logging
import time
import uuid
from collections import Counter
from threading import Lock

import redis
from django.conf import settings

from depannini_dashmap.lib import realtime

logger = logging.getLogger(__name__)

SEATS = 5
FRESH = 150  # seconds after which a seat that was not renewed counts as left (its process died)

_here: Counter[int] = Counter()
_lock = Lock()


class Seat:
    """One socket's place among those of its user. The methods may wait for Redis: call them in a thread."""

    def __init__(self, user_id: int):
        self.user_id = user_id
        self.name = uuid.uuid4().hex
        self._is_held = False

    def take(self) -> bool:
        """Sit down; tell whether there was room."""
        with _lock:
            self._is_held = True
            _here[self.user_id] += 1
            room_here = _here[self.user_id] <= SEATS
        if room_here and self._count() <= SEATS:
            return True
        self.leave()
        return False

    def renew(self) -> None:
        """Say that the socket is still open; a seat that was left stays left."""
        if self._is_held:
            self._count()
        if not self._is_held:  # perhaps left meanwhile, before it was entered again
            self._strike_out()

    def leave(self) -> None:
        """Make room; leaving twice is harmless."""
        with _lock:
            if not self._is_held:
                return
            self._is_held = False
            _here[self.user_id] -= 1
            if _here[self.user_id] <= 0:
                del _here[self.user_id]
        self._strike_out()

    @property
    def _key(self) -> str:
        return f"dashmap.seats.{self.user_id}"

    def _strike_out(self) -> None:
        if client := _client():
            try:
                client.zrem(self._key, self.name)
            except redis.RedisError as error:
                logger.info("A seat stays taken until it expires: %s", type(error).__name__)

    def _count(self) -> int:
        """Enter or renew the seat and return how many there are; 0 when Redis cannot say."""
        client = _client()
        if client is None:
            return 0
        now = time.time()
        try:
            with client.pipeline() as pipeline:
                pipeline.zremrangebyscore(self._key, 0, now - FRESH)
                pipeline.zadd(self._key, {self.name: now})
                pipeline.zcard(self._key)
                pipeline.expire(self._key, FRESH * 2)
                return pipeline.execute()[2]
        except redis.RedisError as error:
            logger.info("Seats are counted in this process only: %s", type(error).__name__)
            return 0


def _client() -> redis.Redis | None:
    """Return the process's Redis client, or None while there is none to ask."""
    url = settings.REDIS_URL
    if not url or realtime.publisher(url).lost:
        return None
    return realtime.publisher(url).client
