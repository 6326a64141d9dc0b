"""Visits of stops, followed fix by fix and kept between requests; trips decides what an arrival means."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest

from depannini_dashmap.lib.db.bulk_updates import RowUpdate
from depannini_dashmap.lib.geo import haversine_km
from telematics.ingest import Row
from telematics.models import StopVisit
from telematics.visits import RADIUS_M, Seen, Visit, follow
from trips.services.stop_arrivals import confirm_arrivals, record_arrivals, record_departures
from trips.watched_stops import WatchedStop, watched_stops

# A fix further away than this from a stop that was never entered changes nothing.
FAR_M = 1000.0
_FIELDS = Visit._fields
# Where another request followed the same visit meanwhile, its newer fix wins.
_VISITS = RowUpdate(
    "telematics_stopvisit",
    {
        "trip_stop_id": "bigint", "seen_at": "timestamptz", "first_at": "timestamptz", "entered_at": "timestamptz",
        "is_sure": "boolean", "outside_at": "timestamptz", "left_at": "timestamptz",
    },
    ", ".join(f"{name} = given.{name}" for name in _FIELDS),
    where="telematics_stopvisit.seen_at < given.seen_at",
)  # fmt: skip

Step = tuple[Callable[[dict[int, dt.datetime]], object], dt.datetime]  # how trips is let know, and of which instant


def follow_visits(driven: Mapping[int, Sequence[Row]]) -> None:
    """Follow the visits of every watched stop of vehicles on their trips, and let trips know what changed.

    Shape: vehicle id → its fixes sorted by time. Effects: the stops' arrival and departure instants. As many statements
    for many vehicles as for one: one for the stops, one for the visits, a few for what changed.
    """
    watched = watched_stops(list(driven)) if driven else {}
    if not watched:
        return
    ids = [stop.trip_stop_id for stops in watched.values() for stop in stops]
    known = {row[0]: Visit(*row[1:]) for row in StopVisit.objects.filter(pk__in=ids).values_list("pk", *_FIELDS)}
    changed: dict[int, Visit] = {}
    steps: dict[int, list[Step]] = {}
    for vehicle_id, stops in watched.items():
        rows = [row for row in driven[vehicle_id] if not row.is_implausible]
        for stop in stops:
            before = known.get(stop.trip_stop_id)
            visit, steps[stop.trip_stop_id] = _followed(stop, before, rows)
            if visit is not None and visit != before:
                changed[stop.trip_stop_id] = visit
    _report(steps)
    _keep(changed, known)


def _followed(stop: WatchedStop, before: Visit | None, rows: Sequence[Row]) -> tuple[Visit | None, list[Step]]:
    """Return the visit of a stop after more fixes, and what happened on the way."""
    visit, steps = before, list[Step]()
    for row in rows:
        if row.timestamp < stop.since:
            continue
        distance_m = _distance_m(stop, row)
        if visit is None and distance_m > RADIUS_M:
            continue
        after = follow(visit, Seen(row.timestamp, distance_m, row.accuracy_m))
        steps += _steps(visit, after)
        visit = after
    return visit, steps


def _steps(before: Visit | None, after: Visit) -> list[Step]:
    """Return each arrival and departure that one fix shows."""
    steps: list[Step] = []
    if after.entered_at is not None and (before is None or before.entered_at != after.entered_at):
        steps.append((record_arrivals, after.entered_at))
    if after.is_sure and not (before is not None and before.is_sure):
        steps.append((confirm_arrivals, after.seen_at))
    if after.left_at is not None and (before is None or before.left_at is None):
        steps.append((record_departures, after.left_at))
    return steps


def _report(steps: Mapping[int, list[Step]]) -> None:
    """Let trips know, each stop's steps in their order; those of one kind of many stops at once."""
    for turn in zip_longest(*steps.values()):
        kinds: dict[Callable, dict[int, dt.datetime]] = {}
        for trip_stop_id, step in zip(steps, turn, strict=True):
            if step is not None:
                kinds.setdefault(step[0], {})[trip_stop_id] = step[1]
        for record, instants in kinds.items():
            record(actor=None, trip_stops=instants)


def _keep(visits: Mapping[int, Visit], known: Mapping[int, Visit]) -> None:
    new = [StopVisit(pk=pk, **visits[pk]._asdict()) for pk in sorted(visits) if pk not in known]
    if new:
        StopVisit.objects.bulk_create(new, ignore_conflicts=True)
    _VISITS.run([(pk, *visit) for pk, visit in visits.items() if pk in known])


def _distance_m(stop: WatchedStop, row: Row) -> float:
    span_m = abs(stop.latitude - row.latitude) * 111_000
    if span_m > FAR_M:
        return span_m
    return haversine_km(stop.latitude, stop.longitude, row.latitude, row.longitude) * 1000

