"""How far a trip's vehicle drove: by its recorded positions where they cover the trip, else by road, else in straight lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from depannini_dashmap.lib.geo import haversine_km
from depannini_dashmap.lib.roads import routing
from trips.itinerary import total_distance_km
from trips.models import Trip

Point = tuple[float, float]
Fix = tuple[dt.datetime, float, float]

STEP_KM = 0.03  # what a parked receiver wanders is no way
GAP = dt.timedelta(minutes=5)
MOST_IN_GAPS = 0.1  # of the whole way
NEAR_STOP_KM = 1.0


class Way(NamedTuple):
    """How far a track goes, how much of that lies in gaps of the recording, and where it came by."""

    km: float
    in_gaps_km: float
    points: list[Point]


def distance_of(fixes: Iterable[Fix], stops: Sequence[Point]) -> tuple[float, str]:
    """Return the kilometres of a trip and their source, of trusted fixes, oldest first, and the stops that were reached, in turn."""
    way = way_of(fixes)
    if covers(way, stops):
        return round(way.km, 3), Trip.KmSource.RECORDED
    if len(stops) > 1:
        found = routing.route(stops, with_line=False)
        if found.source == "road" and found.distance_m is not None:
            return round(found.distance_m / 1000, 3), Trip.KmSource.ROAD
    return total_distance_km(stops), Trip.KmSource.STRAIGHT


def way_of(fixes: Iterable[Fix]) -> Way:
    """Sum a track without the wandering of a parked receiver."""
    km = in_gaps = 0.0
    points: list[Point] = []
    before: dt.datetime | None = None
    for at, lat, lng in fixes:
        step = haversine_km(*points[-1], lat, lng) if points else STEP_KM
        if step >= STEP_KM:
            if before is not None:
                km += step
                in_gaps += step if at - before > GAP else 0
            points.append((lat, lng))
        before = at
    return Way(km, in_gaps, points)


def covers(way: Way, stops: Sequence[Point]) -> bool:
    """Return whether a track says how far a trip went: it has few gaps and came by every stop that was reached."""
    if way.km <= 0 or way.in_gaps_km > MOST_IN_GAPS * way.km:
        return False
    return all(any(haversine_km(*stop, *point) <= NEAR_STOP_KM for point in way.points) for stop in stops)
