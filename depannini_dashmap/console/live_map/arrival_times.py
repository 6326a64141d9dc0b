"""When running trips may be at their next stop, and when the stops of a trip may be due; the arithmetic is trips/eta.py."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from depannini_dashmap.lib.time_zone import display_zone, instant_of
from trips import eta, expected_arrivals, itinerary
from trips.itinerary import Point
from trips.lifecycle import IN_PROGRESS
from trips.models import Trip, TripStop

_VISIT = ("pk", "is_completed", "failed", "actual_arrival_datetime", "stop__latitude", "stop__longitude")
_FIX = tuple(
    f"trip__vehicle__latest_position__{name}"
    for name in ("timestamp", "latitude", "longitude")
)


@dataclass(frozen=True)
class NextStop:
    """Where a running trip goes next, and about when it is there: None without a fresh position or a place."""

    stop_id: int
    name: str
    at: dt.datetime | None
    is_by_road: bool = False


def pace() -> eta.Pace:
    """Return the pace of the settings."""
    return eta.Pace(settings.ETA_ROAD_FACTOR, settings.ETA_MEAN_SPEED_KMH, settings.ETA_SERVICE_TIME)


def next_stops(trips: Iterable[Trip], now: dt.datetime) -> dict[int, NextStop]:
    """Return the next stop of each trip that is under way, by the trip's id; one query, or none where none is."""
    expected = expected_arrivals.expected_stops([trip.pk for trip in trips if trip.status == IN_PROGRESS], now)
    return {trip_id: _next(ahead[0]) for trip_id, ahead in expected.items()}


def _next(stop: expected_arrivals.ExpectedStop) -> NextStop:
    arrival = stop.arrival
    if arrival is None:
        return NextStop(stop.stop_id, stop.name, None)
    return NextStop(stop.stop_id, stop.name, arrival.at, arrival.source == "road")


def late_stops(trip: Trip, rows: Iterable[TripStop], now: dt.datetime) -> list[bool]:
    """Return of each stop of a trip whether it is late; none is of a trip that is not under way."""
    is_running, zone = trip.status == IN_PROGRESS, display_zone()
    return [is_running and not _is_reached(row) and itinerary.is_late(trip.planned_start, _due(row), now, zone) for row in rows]


def _due(row: TripStop) -> itinerary.Due:
    return row.planned_arrival_time, row.planned_arrival_date


def _is_reached(row: TripStop) -> bool:
    return row.is_closed or row.has_arrived


def count_late(user: User, now: dt.datetime) -> dict[int, int]:
    """Count the late stops of every running trip that somebody may see, by the trip's id; one query.

    Trips without a late stop are absent. All running trips are looked at, however many a page then shows.
    """
    rows = TripStop.objects.visible_to(user).awaited().filter(planned_arrival_time__isnull=False).order_by()
    columns = ("trip_id", "trip__planned_start_date", "trip__planned_start_time", "planned_arrival_time", "planned_arrival_date")
    zone, late = display_zone(), Counter[int]()
    for trip_id, day, clock, *due in rows.values_list(*columns):
        late[trip_id] += itinerary.is_late(dt.datetime.combine(day, clock), (due[0], due[1]), now, zone)
    return +late


def suggested_times(trip: Trip, stop_ids: Sequence[int], now: dt.datetime) -> dict[int, dt.datetime]:
    """Suggest when the open stops of a trip are due, if they are visited in the order of their ids; two queries at most.

    A trip that is not under way begins at its first stop as planned. One that is goes on now from its fresh position,
    or else from the stop that it was at last; what it is serving still takes its service time. Only the time of day of
    the answer counts.
    """
    rows = list(TripStop.objects.filter(trip=trip).order_by("sequence").values(*_VISIT))
    places = {row["pk"]: _place(row["stop__latitude"], row["stop__longitude"]) for row in rows}
    awaited = {row["pk"] for row in rows if not row["is_completed"] and not row["failed"] and row["actual_arrival_datetime"] is None}
    ids = [pk for pk in stop_ids if pk in awaited]
    begins = instant_of(dt.datetime.combine(timezone.localdate(now), trip.planned_start_time), display_zone())
    origin = None
    if trip.status == IN_PROGRESS:
        fix = _fresh(now, *_fix_of(trip))
        visited = [row for row in rows if row["actual_arrival_datetime"] is not None]
        origin = fix[1] if fix else places[visited[-1]["pk"]] if visited else None
        served = [row["actual_arrival_datetime"] + settings.ETA_SERVICE_TIME for row in visited if not row["is_completed"] and not row["failed"]]
        begins = max([now, *served])
    times = eta.due_times(pace(), begins=begins, stops=[places[pk] for pk in ids], origin=origin)
    return {pk: at for pk, at in zip(ids, times, strict=True) if at is not None}


def _fix_of(trip: Trip) -> tuple[Any, ...]:
    names = (name.removeprefix("trip__") for name in _FIX)
    return Trip.objects.filter(pk=trip.pk).values_list(*names).get()


def _fresh(
    now: dt.datetime, at: dt.datetime | None, latitude: float, longitude: float
) -> tuple[dt.datetime, Point] | None:
    """Return the latest trusted fix with its instant unless it is too old."""
    return (at, (latitude, longitude)) if at is not None and now - at <= settings.ETA_MAX_FIX_AGE else None


def _place(latitude: Any, longitude: Any) -> Point | None:
    return None if latitude is None else (float(latitude), float(longitude))
