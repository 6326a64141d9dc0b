"""When a vehicle may be at a stop, where no routing engine is asked: straight legs, made longer, at one mean speed.

Source of the method: R. H. Ballou, H. Rahardja, N. Sakai, "Selected country circuity factors for road travel distance
estimation", Transportation Research Part A 36 (2002): road distance = great-circle distance x a circuity factor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from depannini_dashmap.lib.geo import haversine_km
from trips.route import Point

# As fine as such an estimate is worth saying.
STEP = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast vehicles get on: `road_factor` of the straight line, at `mean_speed_kmh`, then `service` at each stop."""

    road_factor: float
    mean_speed_kmh: float
    service: timedelta

    def travel(self, start: Point, goal: Point) -> timedelta:
        """Estimate the drive from one (latitude, longitude) to another."""
        return timedelta(hours=haversine_km(*start, *goal) * self.road_factor / self.mean_speed_kmh)


def expected_arrival(pace: Pace, *, now: datetime, at: datetime, place: Point, goal: Point, served_since: datetime | None) -> datetime:
    """Estimate when a vehicle that was at `place` at `at` reaches `goal`, rounded up to STEP; never before `now`.

    `served_since` is when it arrived at the stop that it is still serving; it leaves once the service time is over.
    """
    leaves = at if served_since is None else max(at, served_since + pace.service)
    return rounded_up(max(leaves + pace.travel(place, goal), now))


def due_times(pace: Pace, *, begins: datetime, stops: Iterable[Point | None], origin: Point | None = None) -> list[datetime | None]:
    """Suggest when each stop is due, in their order, rounded up to STEP.

    The vehicle is at `origin` when it begins; where that is not known it begins at the first stop that has a place. A
    stop without a place gets no time, and costs its service all the same.
    """
    moment, last = begins, origin
    times: list[datetime | None] = []
    for stop in stops:
        if stop is not None:
            moment += pace.travel(last, stop) if last is not None else timedelta()
            last = stop
        times.append(rounded_up(moment) if stop is not None else None)
        moment += pace.service
    return times


def rounded_up(moment: datetime) -> datetime:
    """Return the next full STEP of the hour."""
    over = timedelta(minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond) % STEP
    return moment + (STEP - over) if over else moment
