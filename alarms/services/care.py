"""Taking care of an alarm: for everybody who sees it, by name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from alarms.events import alarms_changed
from alarms.models import Alarm
from depannini_dashmap.lib.errors import Forbidden, InvalidData, NotFound

SNOOZES = (5, 15, 30, 60, 240)  # minutes
MOST_AT_ONCE = 500


@transaction.atomic
def acknowledge(*, actor: User, alarm_ids: Collection[int]) -> int:
    """Take care of alarms: they ring no more. Those that somebody has acknowledged already, or that are over, stay as they are.

    Returns how many this call has. A message that could not be sent is over with that.
    Raises: NotFound (none of them is there for the actor), Forbidden (the actor only views the company).
    """
    rows = _held(actor, alarm_ids)
    now = timezone.now()
    taken = rows.filter(acknowledged_at__isnull=True)
    failed = taken.filter(kind=Alarm.Kind.FAILED_MESSAGE)
    changed = list(taken.values_list("kind", "company_id"))
    care = {"acknowledged_at": now, "acknowledged_by": actor, "snoozed_until": None, "snoozed_by": None}
    number = failed.update(closed_at=now, **care) + taken.update(**care)
    alarms_changed(changed)
    return number


@transaction.atomic
def snooze(*, actor: User, alarm_ids: Collection[int], minutes: int) -> int:
    """Let alarms be quiet for so many minutes, then ring again; returns how many.

    Raises: as `acknowledge`; InvalidData for minutes that are not offered.
    """
    if minutes not in SNOOZES:
        raise InvalidData(fields={"minutes": [_("Choose one of the times offered.")]})
    rows = _held(actor, alarm_ids).filter(acknowledged_at__isnull=True)
    changed = list(rows.values_list("kind", "company_id"))
    number = rows.update(snoozed_until=timezone.now() + dt.timedelta(minutes=minutes), snoozed_by=actor)
    alarms_changed(changed)
    return number


@transaction.atomic
def take_up_again(*, actor: User, alarm_ids: Collection[int]) -> int:
    """Take back a snooze or an acknowledgement: the alarms ring again, from now on; returns how many. Raises: as `acknowledge`."""
    rows = _held(actor, alarm_ids)
    now = timezone.now()
    quiet = rows.exclude(pk__in=Alarm.objects.ringing(now).values("pk"))
    changed = list(quiet.values_list("kind", "company_id"))
    number = quiet.update(acknowledged_at=None, acknowledged_by=None, snoozed_until=now, snoozed_by=None)
    alarms_changed(changed)
    return number


def _held(actor: User, alarm_ids: Collection[int]) -> QuerySet[Alarm]:
    """Lock the open alarms, by id, and return them. Raises: NotFound, Forbidden."""
    ids = list(Alarm.objects.visible_to(actor).filter(pk__in=list(alarm_ids)[:MOST_AT_ONCE]).values_list("pk", flat=True))
    if not ids:
        raise NotFound(_("Alarm"))
    mine = list(Alarm.objects.editable_by(actor).filter(pk__in=ids).order_by("pk").values_list("pk", flat=True))
    if len(mine) < len(ids):
        raise Forbidden()
    locked = Alarm.objects.open().select_for_update(of=("self",)).filter(pk__in=mine).order_by("pk")
    return Alarm.objects.open().filter(pk__in=[row.pk for row in locked])
