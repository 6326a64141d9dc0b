"""What somebody who asks without an account has to pass: the area, and the proof of the number where something is suspicious."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from assistance.models import RequestLink
from assistance.quotes import Place
from depannini_dashmap.lib.errors import InvalidData

ALWAYS, SUSPICION = "always", "suspicion"
# What makes a number be proven, where it is on suspicion only.
SEVERAL, SEVERAL_WITHIN = 3, dt.timedelta(hours=1)  # asks from one network
ONCE_WITHIN = dt.timedelta(days=1)  # another ask under the same number


def needs_proof(*, asked_from: str, asked_under: str) -> bool:
    """Return whether a number has to be proven, by the keyed hashes of the network and the number that ask."""
    if settings.HELP_PROOF != SUSPICION:
        return settings.HELP_PROOF == ALWAYS
    now = timezone.now()
    if RequestLink.objects.filter(asked_under=asked_under, created_at__gt=now - ONCE_WITHIN).exists():
        return True
    recent = RequestLink.objects.filter(asked_from=asked_from, created_at__gt=now - SEVERAL_WITHIN)
    return bool(asked_from) and len(recent.values_list("pk")[:SEVERAL]) >= SEVERAL


def require_in_area(place: Place) -> None:
    """Refuse a place outside of HELP_AREA, where that is set. Raises: InvalidData."""
    if not settings.HELP_AREA:
        return
    south, west, north, east = settings.HELP_AREA
    if not (south <= place[0] <= north and west <= place[1] <= east):
        raise InvalidData(fields={"pickup": [_("This place is outside of where we help.")]})
