"""What is alarming at an instant, read from the rows that say so: a fixed number of queries over open rows. Nothing is stored here."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from alarms.models import Alarm
from assistance.models import Assistance
from depannini_dashmap.lib.db.prepared import Statement
from depannini_dashmap.lib.time_zone import display_zone
from fleet.models import Vehicle
from telematics import silence
from telematics.device_alarm_kinds import HELP, THEFT, THEFT_ON_TRIP
from telematics.models import DeviceAlarm
from trips.lifecycle import PLANNED
from trips.models import Trip, TripStop

# A planned trip that nobody started is an alarm for so many days; then somebody has seen it, or nobody will.
UNSTARTED_ALARM_MAX_AGE = dt.timedelta(days=7)
# What a device raises is alarming for an hour after it last said so, and for as long as nobody has acknowledged it; what it tells a day later is history.
DEVICE_ALARM_LASTS = dt.timedelta(hours=1)
DEVICE_ALARM_MAX_AGE = dt.timedelta(days=1)
Kind = Alarm.Kind


class Reason(NamedTuple):
    """Why an alarm is open: its kind, the thing it is about by primary key, and whose thing that is; no company: the roadside's.

    `begun_at` is when something happened anew: an alarm that was acknowledged before is another one.
    """

    kind: str
    thing: str
    name: str
    company_id: int | None = None
    begun_at: dt.datetime | None = None


class Presence(NamedTuple):
    """Which rows there are that alarms are about; where there are none, nothing has to be asked for the reasons."""

    has_open_requests: bool
    has_trips: bool  # planned or running
    has_device_alarms: bool
    has_open_alarms: bool


_PRESENCE = Statement(
    # Apart, as each has its index.
    "SELECT EXISTS (SELECT 1 FROM assistance_assistance WHERE status = 'requested')"
    " OR EXISTS (SELECT 1 FROM assistance_assistance WHERE status IN ('accepted', 'ongoing')),"
    " EXISTS (SELECT 1 FROM trips_trip WHERE status = 'in_progress')"
    " OR EXISTS (SELECT 1 FROM trips_trip WHERE status = 'planned'),"
    " EXISTS (SELECT 1 FROM telematics_devicealarm WHERE heard_at >= $1),"
    " EXISTS (SELECT 1 FROM alarms_alarm WHERE closed_at IS NULL)"
)


def find_presence(now: dt.datetime) -> Presence:
    """Read what there is to look at; one prepared query, so that an installation in which nothing happens costs next to nothing."""
    return Presence(*_PRESENCE.rows(now - DEVICE_ALARM_LASTS)[0])


def find_active_reasons(now: dt.datetime, there: Presence) -> list[Reason]:
    """Read all that is alarming now; seven queries at most."""
    requests = _requests(now) if there.has_open_requests else []
    trips = [*_late_trips(now), *_silent_vehicles(now)] if there.has_trips else []
    return [*requests, *trips, *(_device_alarms(now) if there.has_device_alarms else [])]


def _requests(now: dt.datetime) -> list[Reason]:
    too_old = Q(status="ongoing", started_at__lte=now - settings.ASSISTANCE_LONGEST)
    kinds = {
        Kind.UNANSWERED_REQUEST: Assistance.objects.waiting(),
        Kind.STALLED_JOB: Assistance.objects.stalled(),
        Kind.JOB_TOO_LONG: Assistance.objects.filter(too_old),
    }
    return [Reason(kind, str(pk), f"#{pk}") for kind, rows in kinds.items() for pk in rows.order_by().values_list("pk", flat=True)]


def _late_trips(now: dt.datetime) -> list[Reason]:
    """Return running trips with a stop that is, or will be, late by the first threshold, and planned ones that begin so late."""
    late = TripStop.objects.awaited().filter(late_min__gt=0).order_by()
    found = dict.fromkeys(late.values_list("trip_id", "trip__name", "trip__company_id"))
    # Minutes that pass, not minutes of the clock, which may skip an hour between.
    before = (now - dt.timedelta(minutes=settings.RUNNING_LATE_AFTER[0] if settings.RUNNING_LATE_AFTER else 0)).astimezone(display_zone())
    should_run = Q(planned_start_date__lt=before.date()) | Q(planned_start_date=before.date(), planned_start_time__lt=before.time())
    trips = Trip.objects.filter(should_run, status=PLANNED, planned_start_date__gte=before.date() - UNSTARTED_ALARM_MAX_AGE).order_by()
    found |= dict.fromkeys(trips.values_list("pk", "name", "company_id"))
    return [Reason(Kind.LATE_TRIP, str(pk), name, company_id) for pk, name, company_id in found]


def _silent_vehicles(now: dt.datetime) -> list[Reason]:
    """Return vehicles under way that do not report: one that is parked silently is no alarm."""
    rows: QuerySet[Any] = silence.silent(Vehicle.objects.all(), now)
    rows = rows.filter(on_trip=True).order_by()
    return [Reason(Kind.SILENT_VEHICLE, str(pk), plate, company_id) for pk, plate, company_id in rows.values_list("pk", "license_plate", "company_id")]


def _device_alarms(now: dt.datetime) -> list[Reason]:
    """Return vehicles whose devices raise what somebody has to look at, one of a kind for each, named by when and where it last began."""
    running = Exists(Trip.objects.running().filter(vehicle_id=OuterRef("vehicle_id")))
    rows = DeviceAlarm.objects.news(now - DEVICE_ALARM_LASTS, now - DEVICE_ALARM_MAX_AGE)
    rows = rows.filter(Q(kind__in=[*HELP, *THEFT]) | Q(running, kind__in=THEFT_ON_TRIP)).select_related("vehicle").order_by("created_at", "pk")
    found = {}
    for row in rows:
        kind = Kind.SOS if row.kind in HELP else Kind.TAMPERING
        found[kind, row.vehicle_id] = Reason(kind, str(row.vehicle_id), _name_of(row), row.vehicle.company_id, row.created_at)
    return list(found.values())


def _name_of(row: DeviceAlarm) -> str:
    """Return `16-123: 14:32, 36.75000, 3.05000`; what the alarm's kind does not say itself goes with the plate."""
    place = "" if row.latitude is None else f", {row.latitude:.5f}, {row.longitude:.5f}"
    what = "" if row.kind == "sos" else f" ({row.kind})"
    return f"{row.vehicle.license_plate}{what}: {row.first_at.astimezone(display_zone()):%H:%M}{place}"
