"""Visits of stops, followed fix by fix and kept between requests; trips decides what an arrival means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from depannini_dashmap.lib.geo import haversine_km
from telematics.ingest import Row
from telematics.models import StopVisit
from telematics.visits import RADIUS_M, Seen, Visit, follow
from trips.services.stop_arrivals import WatchedStop, confirm_arrival, record_arrival, record_departure, watched_stops

# A fix further away than this from a stop that was never entered tells nothing new.
FAR_M = 1000.0
_FIELDS = Visit._fields


def follow_visits(driven: Mapping[int, Sequence[Row]]) -> None:
    """Follow the visits of every watched stop of vehicles on their trips, and tell trips what changed.

    Shape: vehicle id → its fixes sorted by time. Effects: the stops' arrival and departure instants; one query for the
    stops and one for the visits, and two for each stop whose visit changed.
    """
    watched = watched_stops(list(driven)) if driven else {}
    if not watched:
        return
    ids = [stop.trip_stop_id for stops in watched.values() for stop in stops]
    known = {row[0]: Visit(*row[1:]) for row in StopVisit.objects.filter(pk__in=ids).values_list("pk", *_FIELDS)}
    for vehicle_id, stops in watched.items():
        rows = [row for row in driven[vehicle_id] if not row.is_implausible]
        for stop in stops:
            _follow(stop, known.get(stop.trip_stop_id), rows)


def _follow(stop: WatchedStop, before: Visit | None, rows: Sequence[Row]) -> None:
    visit = before
    for row in rows:
        if row.timestamp < stop.since:
            continue
        distance_m = _distance_m(stop, row)
        if visit is None and distance_m > RADIUS_M:
            continue
        after = follow(visit, Seen(row.timestamp, distance_m, row.accuracy_m))
        _report(stop.trip_stop_id, visit, after)
        visit = after
    if visit is not None and visit != before:
        _keep(stop.trip_stop_id, before, visit)


def _report(trip_stop_id: int, before: Visit | None, after: Visit) -> None:
    """Record in trips each arrival and departure that one fix shows."""
    if after.entered_at is not None and (before is None or before.entered_at != after.entered_at):
        record_arrival(trip_stop_id=trip_stop_id, at=after.entered_at)
    if after.is_sure and not (before is not None and before.is_sure):
        confirm_arrival(trip_stop_id=trip_stop_id)
    if after.left_at is not None and (before is None or before.left_at is None):
        record_departure(trip_stop_id=trip_stop_id, at=after.left_at)


def _keep(trip_stop_id: int, before: Visit | None, visit: Visit) -> None:
    """Keep a visit; where another request followed the same one meanwhile, its newer fix wins."""
    if before is None:
        StopVisit.objects.bulk_create([StopVisit(pk=trip_stop_id, **visit._asdict())], ignore_conflicts=True)
    else:
        StopVisit.objects.filter(pk=trip_stop_id, seen_at__lt=visit.seen_at).update(**visit._asdict())


def _distance_m(stop: WatchedStop, row: Row) -> float:
    span_m = abs(stop.latitude - row.latitude) * 111_000
    if span_m > FAR_M:
        return span_m
    return haversine_km(stop.latitude, stop.longitude, row.latitude, row.longitude) * 1000

