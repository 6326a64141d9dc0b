"""May an assistant take jobs: approved by staff, where ASSISTANT_APPROVAL asks for it, and with a licence that is good today.

A licence ends with the day that it names, where the users live. Plain values in and out; who approves is in the services.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

APPROVED, WAITING, LICENCE_EXPIRED = "approved", "waiting", "licence_expired"


def today(now: dt.datetime | None = None) -> dt.date:
    """Return the day by which licences are judged."""
    return timezone.localdate(now, timezone=ZoneInfo(settings.DISPLAY_TIME_ZONE))


def standing_of(licence_expiry: dt.date | None, approved_at: dt.datetime | None, now: dt.datetime | None = None) -> str:
    """Return whether somebody may take jobs: `approved`, `waiting` (for staff) or `licence_expired`."""
    if licence_expiry is not None and licence_expiry <= today(now):
        return LICENCE_EXPIRED
    return WAITING if settings.ASSISTANT_APPROVAL and approved_at is None else APPROVED
