"""When signs of life were last written, and which jobs have had none for too long."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from assistance import lifecycle
from assistance.models import Assistance, AssistantProfile

WRITE_EVERY = timedelta(seconds=10)
MOST_REMEMBERED = 50_000
written: dict[int, datetime] = {}  # by user: when this process last wrote a sign of theirs


def is_due(user_id: int) -> bool:
    """Return whether a sign of life would be written now."""
    last, now = written.get(user_id), timezone.now()
    every = min(WRITE_EVERY, settings.ASSISTANCE_STALLED_AFTER / 10)
    return last is None or not last <= now < last + every


def forget_signs() -> None:
    """Write the next sign of everybody: for tests, whose users come and go under the same ids."""
    written.clear()


def last_sign(job: Assistance, profile: AssistantProfile) -> datetime:
    """Return the last sign of life of a job's assistant; taking the job counts as one, also where a dispatcher gave it."""
    signs = (job.accepted_at, profile.seen_at, profile.alive_at)
    return max(sign for sign in signs if sign is not None)


def is_stalled(job: Assistance, profile: AssistantProfile, now: datetime) -> bool:
    """Return whether an accepted job's assistant has been silent for too long, independent of what was stored so far."""
    return job.status == lifecycle.ACCEPTED and last_sign(job, profile) + settings.ASSISTANCE_STALLED_AFTER <= now
