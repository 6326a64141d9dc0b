"""Record arrivals and departures that telematics reports, and return the stops that it watches.

Positions stamp times only; that the work at a stop is done is said by people.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import NamedTuple

from django.db.models import Q, QuerySet
from django.utils import timezone

from fleet.events import board_changed
from trips.lifecycle import IN_PROGRESS
from trips.models import TripStop


class WatchedStop(NamedTuple):
    """A stop of a running trip that the vehicle may come to, or leave. Units: degrees; `since` is the trip's start."""

    trip_stop_id: int
    vehicle_id: int
    since: dt.datetime
    latitude: float
    longitude: float


def watched_stops(vehicle_ids: Collection[int]) -> dict[int, list[WatchedStop]]:
    """Return each vehicle's watched stops that have coordinates, in sequence; one query, vehicles without are absent."""
    rows = TripStop.objects.watched().filter(trip__vehicle_id__in=vehicle_ids, stop__latitude__isnull=False)
    columns = ("pk", "trip__vehicle_id", "trip__actual_start_datetime", "stop__latitude", "stop__longitude")
    watched: dict[int, list[WatchedStop]] = {}
    for pk, vehicle_id, since, latitude, longitude in rows.order_by("sequence").values_list(*columns):
        stop = WatchedStop(pk, vehicle_id, since, float(latitude), float(longitude))
        watched.setdefault(vehicle_id, []).append(stop)
    return watched


def record_arrival(*, trip_stop_id: int, at: dt.datetime) -> bool:
    """Stamp the arrival at an awaited stop of a running trip, as a suggestion. Returns whether this call did it.

    A suggestion from before gives way to a later one, with its departure. A fix older than the trip's start stamps nothing.
    """
    rows = TripStop.objects.awaited().filter(pk=trip_stop_id, trip__actual_start_datetime__lte=at)
    earlier = Q(actual_arrival_datetime=None) | Q(arrival_is_suggested=True, actual_arrival_datetime__lt=at)
    fields = {"actual_arrival_datetime": at, "actual_departure_datetime": None, "arrival_is_suggested": True}
    return _stamp(trip_stop_id, rows.filter(earlier), **fields)


def confirm_arrival(*, trip_stop_id: int) -> bool:
    """Make a suggested arrival a fact: the vehicle stayed. Returns whether this call did it."""
    rows = TripStop.objects.filter(pk=trip_stop_id, trip__status=IN_PROGRESS, arrival_is_suggested=True)
    return _stamp(trip_stop_id, rows, arrival_is_suggested=False)


def record_departure(*, trip_stop_id: int, at: dt.datetime) -> bool:
    """Stamp the departure from a stop that was arrived at. Returns whether this call did it."""
    rows = TripStop.objects.filter(trip__status=IN_PROGRESS, pk=trip_stop_id, actual_departure_datetime=None)
    return _stamp(trip_stop_id, rows.filter(actual_arrival_datetime__lte=at), actual_departure_datetime=at)


def _stamp(trip_stop_id: int, rows: QuerySet[TripStop], **fields: dt.datetime | bool | None) -> bool:
    # An UPDATE cannot join on every database, so the rows are named by a subquery.
    target = TripStop.objects.open().filter(pk__in=rows.values("pk"))
    if not target.update(**fields, updated_at=timezone.now()):
        return False
    company_id = TripStop.objects.filter(pk=trip_stop_id).values_list("trip__company_id", flat=True).first()
    if company_id is not None:  # the trip may have gone since
        board_changed(company_id, "trips")
    return True
