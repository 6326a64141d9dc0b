"""A trip as a line on the map and on the clock: distance, due times, planned duration, GeoJSON; plain values in and out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from typing import Any

from depannini_dashmap.lib.geo import haversine_km
from depannini_dashmap.lib.time_zone import instant_of

DUE_BEFORE_START = timedelta(hours=6)
_FIRST_DAY, _LAST_DAY = datetime.min + timedelta(days=1), datetime.max - timedelta(days=2)
_BEFORE_START, _A_DAY = 6 * 60, 24 * 60  # minutes

Point = tuple[float, float]
Due = tuple[time | None, date | None]  # the planned clock time of a stop, and its day where somebody named one


def total_distance_km(points: Iterable[Point]) -> float:
    """Sum the great-circle legs between (latitude, longitude) points, in kilometres."""
    return round(sum(haversine_km(*start, *end) for start, end in pairwise(points)), 3)


def due_at(start: datetime, clock: time, day: date | None = None) -> datetime:
    """Return when a stop is due, as wall-clock time like `start`, both without a zone.

    Without a day it is the one instant of that clock time in the 24 hours that begin 6 hours before the start. Each stop
    is calculated from the start alone: a time that is out of order moves no other stop.
    """
    if day is not None:
        return datetime.combine(day, clock)
    opens = min(max(start, _FIRST_DAY), _LAST_DAY) - DUE_BEFORE_START
    due = datetime.combine(opens.date(), clock)
    return due if due >= opens else due + timedelta(days=1)


def day_to_name(start: datetime, due: datetime) -> date | None:
    """Return the day that a stop due at `due` has to name; None where `due_at` finds it by the clock, also once the trip is put off."""
    return None if due_at(start, due.time()) == due else due.date()


def planned_duration_minutes(start: datetime, due: Iterable[Due], zone: tzinfo = UTC) -> int | None:
    """Count the minutes from the planned start to the last due time, both wall-clock times of `zone`.

    A night on which the clocks change is as long as it really is. 0 where every stop is due before the start, None where
    no stop has a planned time.
    """
    begins, last = start.hour * 60 + start.minute, None
    for clock, day in due:
        if clock is None:
            continue
        minute = clock.hour * 60 + clock.minute - begins
        if day is None:  # `due_at` in whole minutes, as a list asks for it thousands of times
            minute = (minute + _BEFORE_START) % _A_DAY - _BEFORE_START
        else:
            minute += (day - start.date()).days * _A_DAY
        last = minute if last is None else max(last, minute)
    if last is None:
        return None
    try:
        last = (instant_of(start + timedelta(minutes=last), zone) - instant_of(start, zone)) // timedelta(minutes=1)
    except OverflowError:  # at the end of the calendar no clock changes
        pass
    return max(last, 0)


def is_late(start: datetime, due: Due, now: datetime, zone: tzinfo) -> bool:
    """Return whether a stop that nobody has reached is late: due before `now`, which is aware."""
    clock, day = due
    return clock is not None and due_instant(start, clock, day, zone) < now


def due_instant(start: datetime, clock: time, day: date | None, zone: tzinfo) -> datetime:
    """Return when a stop is due, in UTC; beyond the calendar's ends, which a zone may cross, its end."""
    due = min(max(due_at(start, clock, day), _FIRST_DAY), _LAST_DAY)
    return instant_of(due, zone)


def feature_collection(
    trip: Mapping[str, Any], stops: Sequence[Mapping[str, Any]], by_road: Sequence[Point] | None = None
) -> dict[str, Any]:
    """Draw a trip as GeoJSON (RFC 7946): one Point per stop in sequence, then the line through those with coordinates.

    The line is `by_road`, (latitude, longitude) points, where that is known, else straight.

    Shape: stops carry ``latitude``/``longitude`` (degrees or None) next to the properties to show.
    """
    features = [_stop_feature(stop) for stop in stops]
    line = [_position(stop) for stop in stops if stop["latitude"] is not None and stop["longitude"] is not None]
    if len(line) > 1 and by_road:
        line = [[lng, lat] for lat, lng in by_road]
    if len(line) > 1:
        geometry = _line(line)
        features.append({"type": "Feature", "id": f"trip-{trip['id']}", "geometry": geometry, "properties": dict(trip)})
    return {"type": "FeatureCollection", "features": features}


def _line(positions: list[list[float]]) -> dict[str, Any]:
    """Draw a line through positions; where a leg is shorter across the 180th meridian it is cut there (RFC 7946, 3.1.9)."""
    parts = [[positions[0]]]
    for start, end in pairwise(positions):
        turn = 360 if end[0] - start[0] < -180 else -360 if end[0] - start[0] > 180 else 0
        if turn:
            edge = 180.0 if turn > 0 else -180.0
            width = end[0] + turn - start[0]
            latitude = start[1] + (end[1] - start[1]) * (edge - start[0]) / width if width else start[1]
            parts[-1].append([edge, round(latitude, 6)])
            parts.append([[-edge, round(latitude, 6)]])
        parts[-1].append(end)
    if len(parts) == 1:
        return {"type": "LineString", "coordinates": parts[0]}
    return {"type": "MultiLineString", "coordinates": parts}


def _stop_feature(stop: Mapping[str, Any]) -> dict[str, Any]:
    located = stop["latitude"] is not None and stop["longitude"] is not None
    geometry = {"type": "Point", "coordinates": _position(stop)} if located else None
    properties = {name: value for name, value in stop.items() if name not in ("latitude", "longitude")}
    return {"type": "Feature", "id": stop["id"], "geometry": geometry, "properties": properties}


def _position(stop: Mapping[str, Any]) -> list[float]:
    return [float(stop["longitude"]), float(stop["latitude"])]
