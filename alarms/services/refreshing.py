"""Raises alarms whose reason has come, and closes those whose reason has gone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from alarms import detection
from alarms.detection import Reason
from alarms.events import alarms_changed
from alarms.failed_messages import DELIVERIES
from alarms.models import Alarm
from alarms.services import escalations

Kind = Alarm.Kind
# What comes and goes with each fix: back within this time it is the alarm of before, with what was said about it.
FLICKERS = (Kind.LATE_TRIP, Kind.SILENT_VEHICLE)
SAME_WITHIN = dt.timedelta(minutes=15)
# What was said once has no rows to read later: it stays until somebody acknowledges it, or for so long.
SAID_ONCE = (Kind.FAILED_MESSAGE, Kind.SOS, Kind.TAMPERING)
SAID_ONCE_LASTS = dt.timedelta(days=7)


def refresh_alarms(*, actor: None, now: dt.datetime | None = None) -> None:
    """Bring the alarms in line with what is alarming now, and have those called whose alarms ring for too long.

    Shape: no `actor`, the worker calls it. Safe to run twice and by two processes at once: the database keeps one open
    alarm of a kind for each thing. One query where nothing happens, twelve at most, and some where something changed.
    """
    now = now or timezone.now()
    there = detection.find_presence(now)
    if not any(there):
        return
    found = {(reason.kind, reason.thing): reason for reason in detection.find_active_reasons(now, there)}
    _bring_in_line(found, now)
    escalations.call_watchers(actor=None, now=now)


@transaction.atomic
def _bring_in_line(found: dict[tuple[str, str], Reason], now: dt.datetime) -> None:
    present = {(row.kind, row.thing): row for row in Alarm.objects.open()}
    gone = {key: row for key, row in present.items() if _is_over(row, found.get(key), now)}
    new = [reason for key, reason in found.items() if key not in present or key in gone]
    changed = {(row.kind, row.company_id) for row in gone.values()}
    Alarm.objects.open().filter(pk__in=[row.pk for row in gone.values()]).update(closed_at=now)
    if new:
        _open_again([reason for reason in new if reason.kind in FLICKERS], now)
        _raise(new, now)
    alarms_changed(changed | {(reason.kind, reason.company_id) for reason in new})


def _is_over(alarm: Alarm, reason: Reason | None, now: dt.datetime) -> bool:
    """Return whether an open alarm ends: its reason is gone, is another company's, or came anew after somebody acknowledged it."""
    if reason is None:
        return alarm.kind not in SAID_ONCE or alarm.acknowledged_at is not None or now - alarm.opened_at >= SAID_ONCE_LASTS
    is_anew = alarm.acknowledged_at is not None and reason.begun_at is not None and reason.begun_at > alarm.acknowledged_at
    return is_anew or reason.company_id != alarm.company_id


def _open_again(flickering: Iterable[Reason], now: dt.datetime) -> None:
    """Open the alarms of before again; at most one of a kind for each thing."""
    wanted = {(reason.kind, reason.thing, reason.company_id) for reason in flickering}
    recent = Alarm.objects.filter(kind__in=FLICKERS, closed_at__gte=now - SAME_WITHIN, closed_at__lt=now)
    newest = {}
    for pk, *key in recent.order_by("closed_at").values_list("pk", "kind", "thing", "company_id"):
        newest[tuple(key)] = pk
    taken = set(Alarm.objects.open().filter(kind__in=FLICKERS).values_list("kind", "thing"))
    again = [pk for key, pk in newest.items() if key in wanted and key[:2] not in taken]
    Alarm.objects.filter(pk__in=again).update(closed_at=None)


def _raise(new: Iterable[Reason], now: dt.datetime) -> None:
    """Add alarms; one that another process, or `_open_again`, has opened stays as it is."""
    Alarm.objects.bulk_create(
        (Alarm(kind=row.kind, thing=row.thing, name=row.name[:200], company_id=row.company_id, opened_at=now) for row in new),
        ignore_conflicts=True,
    )


@transaction.atomic
def note_failed_message(*, actor: None, task_id: str, task_path: str, arguments: list) -> None:
    """Raise an alarm about a task that was to deliver a message and was given up; other tasks are no alarms.

    Shape: no `actor`, the worker calls it.
    """
    delivery = DELIVERIES.get(task_path)
    if delivery is None:
        return
    if task_path == "alarms.tasks.deliver_alarm" and arguments:
        escalations.forget_unsent(actor=None, watch_id=arguments[0])
    company_id = delivery.company_of(arguments[0]) if arguments else None
    _raise([Reason(Kind.FAILED_MESSAGE, task_id, delivery.name, company_id)], timezone.now())
    alarms_changed([(Kind.FAILED_MESSAGE, company_id)])
