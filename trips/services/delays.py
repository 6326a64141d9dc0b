"""Which stops of running trips will be reached late, and when they may be: looked at again and again, said once a threshold.

How late it is and what was said is on the stop's row, so that no restart and no second process says it again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from itertools import groupby
from typing import Any, NamedTuple

from django.conf import settings
from django.utils import timezone

from depannini_dashmap.lib.db.prepared import PreparedRows
from depannini_dashmap.lib.time_zone import display_zone, format_utc
from fleet.events import board_changed
from trips import eta, events, expected_arrivals, itinerary
from trips.lifecycle import IN_PROGRESS
from trips.models import TripStop

WORTH_TELLING = dt.timedelta(minutes=1)  # of change
_COLUMNS = (
    "trip_id", "trip__company_id", "trip__name", "trip__planned_start_date", "trip__planned_start_time",
    "pk", "sequence", "stop__name", "planned_arrival_time", "planned_arrival_date", "late_min", "late_told_min", "eta_told_at",
)  # fmt: skip

_stops_of_running_trips = PreparedRows(
    lambda _: TripStop.objects.open().filter(trip__status=IN_PROGRESS).order_by("trip_id", "sequence").values_list(*_COLUMNS)
)


class _Stop(NamedTuple):
    trip_id: int
    company_id: int
    trip_name: str
    start_date: dt.date
    start_time: dt.time
    pk: int
    sequence: int
    name: str
    clock: dt.time | None
    day: dt.date | None
    late_min: int
    late_told_min: int
    eta_told_at: dt.datetime | None

    @property
    def due(self) -> dt.datetime | None:
        """Return when it is due, aware; None where nobody said."""
        if self.clock is None:
            return None
        start = dt.datetime.combine(self.start_date, self.start_time)
        return itinerary.due_instant(start, self.clock, self.day, display_zone())


def check_delays(*, actor: None, now: dt.datetime | None = None) -> None:
    """Check all running trips, and publish changes since the last check to their companies' watchers.

    Shape: no `actor`, the worker calls it.
    Effects: `trip_eta` where an arrival changed by more than WORTH_TELLING; `running_late` once for each stop and threshold
    of RUNNING_LATE_AFTER, though it may catch up and fall behind again. Two queries, one question about roads a trip, and one narrow statement a stop that changed; no
    transaction may be open, as roads are asked.
    """
    now = now or timezone.now()
    trips = {trip_id: [_Stop(*row) for row in of_trip] for trip_id, of_trip in groupby(_stops_of_running_trips(None), key=lambda row: row[0])}
    for trip_id, ahead in expected_arrivals.expected_stops(list(trips), now).items():
        expected = {stop.stop_id: stop.arrival for stop in ahead}
        stops = [stop for stop in trips[trip_id] if stop.pk in expected]
        _tell_arrivals(stops, expected, now)
        _tell_delays(stops, expected, now)


def _tell_arrivals(stops: list[_Stop], expected: Mapping[int, eta.Arrival | None], now: dt.datetime) -> None:
    told = []
    for stop in stops:
        arrival = expected[stop.pk]
        at = arrival.at if arrival is not None else None
        # Another process may have been faster.
        if _is_worth_telling(stop.eta_told_at, at) and _note(stop, eta_told_at=at):
            told.append({"trip_stop_id": stop.pk, "eta": expected_arrivals.arrival_document(arrival, now)})
    if told:
        events.trip_eta(company_id=stops[0].company_id, trip_id=stops[0].trip_id, stops=told)


def _tell_delays(stops: list[_Stop], expected: Mapping[int, eta.Arrival | None], now: dt.datetime) -> None:
    late, is_changed = [], False
    for stop in stops:
        due, arrival = stop.due, expected[stop.pk]
        if due is None:
            continue
        at = max(arrival.at, now) if arrival is not None else now
        reached = _threshold_of(at - due)
        if reached == stop.late_min or not _note(stop, late_min=reached, late_told_min=max(reached, stop.late_told_min)):
            continue
        is_changed = True
        if reached > stop.late_told_min:
            late.append(_late_stop(stop, due, arrival, reached))
    if late:
        first = stops[0]
        highest = max(stop["late_min"] for stop in late)
        events.running_late(company_id=first.company_id, trip_id=first.trip_id, trip_name=first.trip_name, late_min=highest, stops=late)
    if is_changed:
        board_changed(stops[0].company_id, "trips")


def _threshold_of(delay: dt.timedelta) -> int:
    """Return the highest threshold of RUNNING_LATE_AFTER that a delay has reached, in minutes; 0 for none."""
    return max((minutes for minutes in settings.RUNNING_LATE_AFTER if delay >= dt.timedelta(minutes=minutes)), default=0)


def _late_stop(stop: _Stop, due: dt.datetime, arrival: eta.Arrival | None, reached: int) -> dict[str, Any]:
    return {
        "trip_stop_id": stop.pk,
        "sequence": stop.sequence,
        "name": stop.name,
        "late_min": reached,
        "due_at": format_utc(due),
        "expected_at": format_utc(arrival.at) if arrival is not None else None,
        "source": arrival.source if arrival is not None else "clock",
    }


def _note(stop: _Stop, **fields: Any) -> bool:
    """Store what is about to be said, by a statement of its own: nothing is locked for longer. Return whether this call did."""
    as_read = {name: getattr(stop, name) for name in fields}
    return bool(TripStop.objects.open().filter(pk=stop.pk, **as_read).update(**fields))


def _is_worth_telling(before: dt.datetime | None, after: dt.datetime | None) -> bool:
    if before is None or after is None:
        return before != after
    return abs(after - before) > WORTH_TELLING
