"""Names for processes by which others see whether they live, and the list of those that publish events.

Events committed but unpublished when a process dies are lost: once its death is seen, `when_one_died` has every socket
read the state again. The list lives in Redis; without Redis there is one process, whose sockets end with it.
"""

import logging
import os
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import redis
from django.conf import settings
from django.utils import timezone

from depannini_dashmap.lib.ops import redis_breaker, redis_keys

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=10)  # for processes of other machines, whose death cannot be seen
LIST = "processes"

_before_leaving: list[Callable[[], bool]] = []
_when_one_died: list[Callable[[], None]] = []


def before_leaving(call: Callable[[], bool]) -> None:
    """Have something done before a process leaves the list; if it returns False the process stays on it, as if it died."""
    _before_leaving.append(call)


def when_one_died(call: Callable[[], None]) -> None:
    """Have something done once for each sudden death that is noticed, by the process that notices it."""
    _when_one_died.append(call)


@cache
def own_name() -> str:
    """Name this process so that others on this machine can check whether it is still running."""
    return f"{_machine()}:{os.getpid()}:{_started(os.getpid())}"


def is_dead(name: str, last_seen: datetime | None) -> bool:
    """Return whether a process is gone: by its number and start here, elsewhere by not having been seen for long."""
    machine, _, process = name.partition(":")
    pid, _, started = process.partition(":")
    if machine == _machine() and pid.isdigit():
        return _started(int(pid)) != started
    return last_seen is None or last_seen < timezone.now() - LEASE


def enter() -> None:
    """Put this process on the list."""
    _write("sadd")


def leave() -> None:
    """Take it off after an orderly end, once all is published."""
    if all(call() for call in _before_leaving):
        _write("srem")


def bury_dead() -> int:
    """Take the dead of this machine off the list, have sockets read the state again, and return how many there were."""
    client = _client()
    if client is None:
        return 0
    enter()  # again: Redis may have been emptied since
    try:
        names = {name.decode() for name in set(client.smembers(redis_keys.named(LIST)))}  # type: ignore[arg-type]
        # The process that removes a name acts on it, so that exactly one of many does.
        buried = [name for name in names if is_dead(name, timezone.now()) and client.srem(redis_keys.named(LIST), name)]
    except redis.RedisError as error:
        logger.info("The list of processes cannot be read: %s", type(error).__name__)
        return 0
    if buried:
        logger.warning("%d processes died suddenly: sockets read the state again", len(buried))
        for call in _when_one_died:
            call()
    return len(buried)


def _write(verb: str) -> None:
    client = _client()
    try:
        if client is not None:
            getattr(client, verb)(redis_keys.named(LIST), own_name())
    except redis.RedisError as error:
        logger.info("The list of processes cannot be written: %s", type(error).__name__)


def _machine() -> str:
    return socket.gethostname()[:30]


def _started(pid: int) -> str:
    """Return when a process started, as the kernel counts; empty without such a process (or without /proc)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _client() -> redis.Redis | None:
    """Return the process's Redis client, or None while Redis is unavailable."""
    url = settings.REDIS_URL
    if not url or redis_breaker.of(url).lost:
        return None
    return redis_breaker.of(url).client
