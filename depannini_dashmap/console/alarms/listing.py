"""What the list of alarms shows, and what every page of the console is told: a fixed number of queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.urls import reverse

from accounts.models import Company, User
from alarms.failed_messages import words_of
from alarms.models import Alarm, AlarmWatch
from depannini_dashmap.lib.labels import labelled

MOST_SHOWN = 200
MOST_ENDED = 50
MOST_SAID = 5  # by a page that rings
ENDED_WITHIN = dt.timedelta(days=1)
Kind = Alarm.Kind
_COMPANYS = 50


@dataclass(frozen=True)
class Line:
    """An alarm with the page where its thing is handled."""

    alarm: Alarm
    name: str
    url: str
    is_ringing: bool
    is_snoozed: bool
    may_change: bool


@dataclass(frozen=True)
class Listing:
    """All open alarms of a person, those that ring first, and those that ended lately."""

    lines: Sequence[Line]
    ringing: int
    snoozed: int
    acknowledged: int
    ended: Sequence[Line]

    @property
    def cut(self) -> int:
        """How many open ones are not shown."""
        return self.ringing + self.snoozed + self.acknowledged - len(self.lines)

    @property
    def ringing_ids(self) -> list[int]:
        """The shown ones that the person may make quiet at once."""
        return [line.alarm.pk for line in self.lines if line.is_ringing and line.may_change]


def read_listing(user: User, now: dt.datetime) -> Listing:
    """Read somebody's alarms; four queries."""
    mine = Alarm.objects.visible_to(user).open()
    is_quiet = Q(acknowledged_at__isnull=False)
    is_snoozed = Q(acknowledged_at__isnull=True, snoozed_until__gt=now)
    counts = mine.aggregate(all=Count("pk"), snoozed=Count("pk", filter=is_snoozed), acknowledged=Count("pk", filter=is_quiet))
    people = ("company", "snoozed_by", "acknowledged_by")
    shown = list(mine.select_related(*people).by_urgency(now)[:MOST_SHOWN])
    ended = Alarm.objects.visible_to(user).filter(closed_at__gte=now - ENDED_WITHIN).select_related(*people).order_by("-closed_at", "-pk")
    mine_to_change = set(Alarm.objects.editable_by(user).open().filter(pk__in=[row.pk for row in shown]).values_list("pk", flat=True))
    return Listing(
        lines=[_line(row, now, row.pk in mine_to_change) for row in shown],
        ringing=counts["all"] - counts["snoozed"] - counts["acknowledged"],
        snoozed=counts["snoozed"],
        acknowledged=counts["acknowledged"],
        ended=[_line(row, now, False) for row in ended[:MOST_ENDED]],
    )


def read_rings(user: User, now: dt.datetime) -> dict[str, Any]:
    """Return how many alarms ring for somebody, and the newest of them, each with a key of this time that it rings; two queries."""
    ringing = Alarm.objects.visible_to(user).ringing(now).with_ringing_since()
    newest = list(ringing.order_by("-ringing_since", "-pk")[:MOST_SAID])
    count = ringing.count() if len(newest) == MOST_SAID else len(newest)
    rings = [
        {"key": f"{row.pk}-{int(row.ringing_since.timestamp())}", "text": labelled(name_of(row), row.get_kind_display()), "url": url_of(row)}
        for row in newest
    ]
    return {"count": count, "rings": rings}


def _line(row: Alarm, now: dt.datetime, may_change: bool) -> Line:
    is_snoozed = row.acknowledged_at is None and row.snoozed_until is not None and row.snoozed_until > now
    is_ringing = row.closed_at is None and row.acknowledged_at is None and not is_snoozed
    return Line(row, name_of(row), url_of(row), is_ringing, is_snoozed, may_change)


def name_of(row: Alarm) -> str:
    """Return what an alarm is about, in the language of the page."""
    return str(words_of(row.name)) if row.kind == Kind.FAILED_MESSAGE else row.name


def url_of(row: Alarm) -> str:
    """Return the page where the thing of an alarm is handled; the list of alarms where there is none."""
    if row.kind == Kind.FAILED_MESSAGE:
        is_invitation = row.company_id is not None and row.name == "invitation"
        return reverse("admin:company_people", args=[row.company_id]) if is_invitation else reverse("admin:alarms")
    if not row.thing.isdigit():
        return reverse("admin:alarms")
    if row.kind == Kind.LATE_TRIP:
        return reverse("admin:dispatch_trip", args=[row.thing])
    if row.kind in (Kind.SILENT_VEHICLE, Kind.SOS, Kind.TAMPERING):
        return f"{reverse('admin:map')}?vehicle={row.thing}"
    return reverse("admin:dispatch_request", args=[row.thing])


@dataclass(frozen=True)
class Watched:
    """Something whose alarms a person may be told of, and how they are."""

    company: Company | None
    watch: AlarmWatch | None

    @property
    def value(self) -> str:
        """Its name in forms: the company's number, or `roadside`."""
        return str(self.company.pk) if self.company else "roadside"


def read_watches(user: User) -> list[Watched]:
    """Read what somebody may be told of: the companies that they work for, and the roadside; two queries."""
    companies = Company.objects.filter(pk__in=user.company_ids).order_by("name", "pk")[:_COMPANYS]
    mine = {watch.company_id: watch for watch in AlarmWatch.objects.filter(user=user)}
    found = [Watched(company, mine.get(company.pk)) for company in companies]
    return [Watched(None, mine.get(None)), *found] if user.is_roadside else found
