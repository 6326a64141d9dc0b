"""When this process last wrote a sign of life of somebody: signs come in streams, and one in ten seconds is enough."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

WRITE_EVERY = timedelta(seconds=10)
MOST_REMEMBERED = 50_000
_written: dict[int, datetime] = {}  # by user


def is_due(user_id: int) -> bool:
    """Return whether a sign of life would be written now."""
    last, now = _written.get(user_id), timezone.now()
    every = min(WRITE_EVERY, settings.ASSISTANCE_STALLED_AFTER / 10)
    return last is None or not last <= now < last + every


def remember_written(user_ids: Iterable[int], at: datetime) -> None:
    """Remember when signs were written."""
    if len(_written) >= MOST_REMEMBERED:
        _written.clear()
    _written.update(dict.fromkeys(user_ids, at))


def forget_signs() -> None:
    """Write the next sign of everybody: for tests, whose users come and go under the same ids."""
    _written.clear()
