"""The stops that vehicles may come to, or leave, as telematics watches them. Changes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import NamedTuple

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
