"""When a vehicle may be at a stop: legs by road, or else straight ones, made longer, at one mean speed.

Source of the method: R. H. Ballou, H. Rahardja, N. Sakai, "Selected country circuity factors for road travel distance
estimation", Transportation Research Part A 36 (2002): road distance = great-circle distance x a circuity factor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from depannini_dashmap.lib.geo import haversine_km
from depannini_dashmap.lib.roads.routing import RANGE, Leg
from trips.itinerary import Point

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


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a stop may be reached, between which instants that most often lies, by what, and of when the fix is."""

    at: datetime
    earliest: datetime
    latest: datetime
    source: str
    fix_at: datetime


_STEPS = {"straight_line": STEP, "road": timedelta(minutes=1)}


def arrivals(
    *, now: datetime, at: datetime, legs: Sequence[Leg | None], service: timedelta, served_since: datetime | None
) -> list[Arrival | None]:
    """Estimate when a vehicle that was somewhere at `at` reaches the stops ahead, one leg after the other; never before `now`.

    `served_since` is when it arrived at the stop that it is still serving; it leaves once the service time is over. A stop
    without a place has no leg and gets no time, and costs its service all the same; beyond a leg without a way nobody knows.
    """
    begins = at if served_since is None else max(at, served_since + service)
    served, driven, source, is_known = timedelta(), 0.0, "road", True
    found: list[Arrival | None] = []
    for leg in legs:
        if leg is not None and leg.duration_s is None:
            is_known = False
        if leg is None or leg.duration_s is None or not is_known:
            found.append(None)
        else:
            driven += leg.duration_s
            source = leg.source if leg.source != "road" else source
            shares = (1.0, *RANGE[source])
            at_once, early, late = (
                rounded_up(max(begins + served + timedelta(seconds=driven * share), now), _STEPS[source]) for share in shares
            )
            found.append(Arrival(at_once, early, late, source, at))
        served += service
    return found


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


def rounded_up(moment: datetime, step: timedelta = STEP) -> datetime:
    """Return the next full step of the hour."""
    over = timedelta(minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond) % step
    return moment + (step - over) if over else moment
