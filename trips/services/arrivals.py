"""What positions say about trips: telematics asks which stops are awaited, and tells arrivals and departures.

Positions stamp times only; that the work at a stop is done is said by people.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import NamedTuple

from django.db.models import QuerySet
from django.utils import timezone

from depannini_dashmap.lib.geo import haversine_km
from fleet.events import board_changed
from trips.lifecycle import IN_PROGRESS
from trips.models import TripStop

ARRIVAL_RADIUS_KM = 0.15


class AwaitedStop(NamedTuple):
    """A stop of a running trip at which the vehicle has not arrived. Units: degrees."""

    trip_stop_id: int
    vehicle_id: int
    sequence: int
    latitude: float
    longitude: float


def awaited_stops(vehicle_ids: Collection[int]) -> dict[int, list[AwaitedStop]]:
    """Give each vehicle's awaited stops that have coordinates, in sequence; one query, vehicles without are absent."""
    rows = TripStop.objects.awaited().filter(trip__vehicle_id__in=vehicle_ids, stop__latitude__isnull=False)
    columns = ("pk", "trip__vehicle_id", "sequence", "stop__latitude", "stop__longitude")
    awaited: dict[int, list[AwaitedStop]] = {}
    for pk, vehicle_id, sequence, latitude, longitude in rows.order_by("sequence").values_list(*columns):
        if longitude is not None:
            stop = AwaitedStop(pk, vehicle_id, sequence, float(latitude), float(longitude))
            awaited.setdefault(vehicle_id, []).append(stop)
    return awaited


def record_vehicle_position(
    *, vehicle_id: int, latitude: float, longitude: float, at: dt.datetime, radius_km: float = ARRIVAL_RADIUS_KM
) -> int | None:
    """Stamp the first awaited stop within the radius of the vehicle. Returns its id, None where there is none.

    A fix older than the trip's start stamps nothing.
    """
    for stop in awaited_stops([vehicle_id]).get(vehicle_id, []):
        if haversine_km(latitude, longitude, stop.latitude, stop.longitude) <= radius_km:
            return stop.trip_stop_id if record_arrival(trip_stop_id=stop.trip_stop_id, at=at) else None
    return None


def record_arrival(*, trip_stop_id: int, at: dt.datetime) -> bool:
    """Stamp the arrival at an awaited stop of a running trip. Returns whether this call did it."""
    rows = TripStop.objects.awaited().filter(pk=trip_stop_id, trip__actual_start_datetime__lte=at)
    return _stamp(trip_stop_id, rows, actual_arrival_datetime=at)


def record_departure(*, trip_stop_id: int, at: dt.datetime) -> bool:
    """Stamp the departure from a stop that was arrived at. Returns whether this call did it."""
    rows = TripStop.objects.filter(trip__status=IN_PROGRESS, pk=trip_stop_id, actual_departure_datetime=None)
    return _stamp(trip_stop_id, rows.filter(actual_arrival_datetime__lte=at), actual_departure_datetime=at)


def _stamp(trip_stop_id: int, rows: QuerySet[TripStop], **fields: dt.datetime) -> bool:
    # An UPDATE cannot join on every database, so the rows are named by a subquery.
    guard = dict.fromkeys(fields)
    target = TripStop.objects.filter(pk__in=rows.values("pk"), is_completed=False, **guard)
    if not target.update(**fields, updated_at=timezone.now()):
        return False
    company_id = TripStop.objects.filter(pk=trip_stop_id).values_list("trip__company_id", flat=True).first()
    if company_id is not None:  # the trip may have gone since
        board_changed(company_id, "trips")
    return True
