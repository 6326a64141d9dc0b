"""Which accepted jobs have had no sign of life of their assistant for too long."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from assistance import lifecycle
from assistance.models import Assistance, AssistantProfile


def last_sign(job: Assistance, profile: AssistantProfile) -> datetime:
    """Return the last sign of life of a job's assistant; taking the job counts as one, also where a dispatcher gave it."""
    signs = (job.accepted_at, profile.seen_at, profile.alive_at)
    return max(sign for sign in signs if sign is not None)


def is_stalled(job: Assistance, profile: AssistantProfile, now: datetime) -> bool:
    """Return whether an accepted job's assistant has been silent for too long, independent of what was stored so far."""
    return job.status == lifecycle.ACCEPTED and last_sign(job, profile) + settings.ASSISTANCE_STALLED_AFTER <= now
