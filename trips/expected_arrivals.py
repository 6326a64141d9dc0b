"""When the stops of running trips may be reached: from the latest trusted fix along the stops that are left, by road where roads are known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db.models import Case, Q, When

from depannini_dashmap.lib.roads import routing
from depannini_dashmap.lib.time_zone import format_utc
from trips import eta
from trips.itinerary import Point
from trips.lifecycle import IN_PROGRESS
from trips.models import TripStop

_FIX = tuple(f"trip__vehicle__latest_position__{name}" for name in ("timestamp", "latitude", "longitude"))
_STOP = ("trip_id", "pk", "arrived", "has_left", "stop__name", "stop__latitude", "stop__longitude", *_FIX)


@dataclass(frozen=True, slots=True)
class ExpectedStop:
    """A stop that a running trip has not reached, and when it may be: None without a fresh position, a place or a way."""

    stop_id: int
    name: str
    arrival: eta.Arrival | None


@dataclass(frozen=True, slots=True)
class _Left:
    """What a running trip has still to do: where it was and when, what it serves, and its stops ahead."""

    fix: tuple[dt.datetime, Point] | None
    served_since: dt.datetime | None
    ahead: list[tuple[int, str, Point | None]]


def expected_stops(trip_ids: Collection[int], now: dt.datetime) -> dict[int, list[ExpectedStop]]:
    """Return the stops ahead of each running trip, in sequence; one query for all, one question about roads for each.

    Trips that are not under way, or that have reached all their stops, are absent. Where the road engine does not answer,
    all of them together wait for it once, for at most `osrm.LIMIT`.
    """
    if not trip_ids:
        return {}
    passed_by = Q(arrival_is_suggested=True, actual_departure_datetime__isnull=False)
    rows = (
        TripStop.objects.open()
        .filter(trip__in=trip_ids, trip__status=IN_PROGRESS)
        .annotate(
            arrived=Case(When(passed_by, then=None), default="actual_arrival_datetime"),
            has_left=Q(actual_departure_datetime__isnull=False),
        )
        .order_by("trip_id", "sequence")
        .values_list(*_STOP)
    )
    found = {}
    for trip_id, of_trip in groupby(rows, key=lambda row: row[0]):
        left = _left(list(of_trip), now)
        if left.ahead:
            found[trip_id] = _expected(left, now)
    return found


def arrival_document(arrival: eta.Arrival | None, now: dt.datetime) -> dict[str, Any] | None:
    """Return the `eta` object of a trip stop."""
    if arrival is None:
        return None
    return {
        "at": format_utc(arrival.at),
        "earliest": format_utc(arrival.earliest),
        "latest": format_utc(arrival.latest),
        "source": arrival.source,
        "fix_age_s": max(0, int((now - arrival.fix_at).total_seconds())),
    }


def _left(rows: Sequence[tuple], now: dt.datetime) -> _Left:
    served, ahead = None, []
    for _, pk, arrived, has_left, name, latitude, longitude, *_ in rows:
        if arrived is None:
            ahead.append((pk, name, None if latitude is None else (float(latitude), float(longitude))))
        elif not ahead and not has_left:
            served = arrived
    at, latitude, longitude = rows[0][-3:]
    fresh = at is not None and now - at <= settings.ETA_MAX_FIX_AGE
    return _Left((at, (latitude, longitude)) if fresh else None, served, ahead)


def _expected(left: _Left, now: dt.datetime) -> list[ExpectedStop]:
    places = [place for _, _, place in left.ahead if place is not None]
    if left.fix is None or not places:
        return [ExpectedStop(pk, name, None) for pk, name, _ in left.ahead]
    at, here = left.fix
    legs = iter(routing.route([here, *places], with_line=False).legs)
    arrivals = eta.arrivals(
        now=now,
        at=at,
        legs=[None if place is None else next(legs) for _, _, place in left.ahead],
        service=settings.ETA_SERVICE_TIME,
        served_since=left.served_since,
    )
    return [ExpectedStop(pk, name, arrival) for (pk, name, _), arrival in zip(left.ahead, arrivals, strict=True)]
