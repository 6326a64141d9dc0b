"""A trip as a line on the map and on the clock: distance, planned duration, GeoJSON; plain values in and out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import Any

from depannini_dashmap.lib.geo import haversine_km

MINUTES_A_DAY = 24 * 60

Point = tuple[float, float]


def total_distance_km(points: Iterable[Point]) -> float:
    """Sum the great-circle legs between (latitude, longitude) points, in kilometres."""
    return round(sum(haversine_km(*start, *end) for start, end in pairwise(points)), 3)


def planned_duration_minutes(start: time, arrivals: Iterable[time | None]) -> int | None:
    """Count the minutes from the planned start to the last planned arrival; an earlier time than the one before is the next day.

    None when no stop has a planned arrival.
    """
    begun = now = _minutes(start)
    planned = False
    for arrival in arrivals:
        if arrival is None:
            continue
        planned = True
        now += (_minutes(arrival) - now) % MINUTES_A_DAY
    return now - begun if planned else None


def late_stops(start: datetime, visits: Iterable[tuple[time | None, bool]], now: datetime) -> list[bool]:
    """Tell of each stop whether it is late: due before `now`, by the rule above, and nobody was there yet.

    `start` is the planned one; both instants are naive, in the zone of the planned times. Shape: visits are (planned
    arrival, whether the vehicle arrived or the stop is done), in the order of the trip.
    """
    due = start.replace(second=0, microsecond=0)
    late = []
    for arrival, is_reached in visits:
        if arrival is not None:
            due += timedelta(minutes=(_minutes(arrival) - _minutes(due.time())) % MINUTES_A_DAY)
        late.append(arrival is not None and not is_reached and due < now)
    return late


def feature_collection(trip: Mapping[str, Any], stops: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Draw a trip as GeoJSON (RFC 7946): one Point per stop in sequence, then the line through those with coordinates.

    Shape: stops carry ``latitude``/``longitude`` (degrees or None) beside the properties to show.
    """
    features = [_stop_feature(stop) for stop in stops]
    line = [_position(stop) for stop in stops if stop["latitude"] is not None and stop["longitude"] is not None]
    if len(line) > 1:
        geometry = {"type": "LineString", "coordinates": line}
        features.append({"type": "Feature", "id": f"trip-{trip['id']}", "geometry": geometry, "properties": dict(trip)})
    return {"type": "FeatureCollection", "features": features}


def _stop_feature(stop: Mapping[str, Any]) -> dict[str, Any]:
    located = stop["latitude"] is not None and stop["longitude"] is not None
    geometry = {"type": "Point", "coordinates": _position(stop)} if located else None
    properties = {name: value for name, value in stop.items() if name not in ("latitude", "longitude")}
    return {"type": "Feature", "id": stop["id"], "geometry": geometry, "properties": properties}


def _position(stop: Mapping[str, Any]) -> list[float]:
    return [float(stop["longitude"]), float(stop["latitude"])]


def _minutes(clock: time) -> int:
    return clock.hour * 60 + clock.minute
