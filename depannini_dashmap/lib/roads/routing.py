"""Driving times, distances and lines between places: by road where the engine can say, else from the straight line, and labelled so.

Every function answers within `osrm.LIMIT`, whatever state the engine is in; none raises for it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from django.conf import settings

from depannini_dashmap.lib.geo import haversine_km
from depannini_dashmap.lib.roads import data, engine, osrm
from depannini_dashmap.lib.roads.osrm import NoAnswer, Point, Refused

Source = Literal["road", "straight_line"]
ROAD: Source = "road"
STRAIGHT_LINE: Source = "straight_line"
# How much shorter and longer drives turn out, as shares of what was expected. Straight lines: road over crow on 20,000 drawn pairs,
# its 10th and 90th percentile over ETA_ROAD_FACTOR; roads: what traffic adds where nobody measures it.
RANGE: dict[str, tuple[float, float]] = {"straight_line": (0.8, 1.65), "road": (0.9, 1.35)}
_TOO_LITTLE = 0.02  # seconds, to ask in: a question that is cut off makes the engine rest
SNAP_WITHIN = 500.0  # metres from a road within which a point is on it


@dataclass(frozen=True, slots=True)
class Leg:
    """The way from one place to another: seconds and metres, None where no road leads there (an island)."""

    duration_s: float | None
    distance_m: float | None
    source: Source


@dataclass(frozen=True)
class Route:
    """A way through several places. `line` is made of (latitude, longitude); `unroutable` are the numbers of places far from any road."""

    source: Source
    legs: list[Leg]
    line: list[Point] = field(default_factory=list)
    unroutable: list[int] = field(default_factory=list)

    @property
    def duration_s(self) -> float | None:
        """Sum the driving time; None where some leg has no way."""
        return _sum([leg.duration_s for leg in self.legs])

    @property
    def distance_m(self) -> float | None:
        """Sum the distance; None where some leg has no way."""
        return _sum([leg.distance_m for leg in self.legs])


@dataclass(frozen=True)
class Snapped:
    """A place on the nearest road, how far that is, and the road's name; the place itself where no road is near or known."""

    source: Source
    lat: float
    lng: float
    distance_m: float
    name: str


def straight(start: Point, goal: Point) -> Leg:
    """Estimate a way from the straight line, made longer, at the mean speed of the settings."""
    kilometres = haversine_km(*start, *goal) * settings.ETA_ROAD_FACTOR
    return Leg(kilometres / settings.ETA_MEAN_SPEED_KMH * 3600, kilometres * 1000, STRAIGHT_LINE)


def matrix(origins: Sequence[Point], goals: Sequence[Point], *, within: float = osrm.LIMIT) -> list[list[Leg]]:
    """Return the way from each origin to each goal, in one question.

    Shape: one row an origin. A place far from any road has estimates; between islands there is no way.
    """
    if not origins or not goals:
        return [[] for _ in origins]
    try:
        if not _may_know([*origins, *goals]):
            raise NoAnswer
        answer = osrm.ask(
            "table",
            [*origins, *goals],
            within=within,
            sources=";".join(map(str, range(len(origins)))),
            destinations=";".join(str(len(origins) + number) for number in range(len(goals))),
            annotations="duration,distance",
        )
        far_origins, far_goals = _far(answer["sources"]), _far(answer["destinations"])
        return [
            [
                straight(origin, goal)
                if row in far_origins or column in far_goals
                else Leg(answer["durations"][row][column], answer["distances"][row][column], ROAD)
                for column, goal in enumerate(goals)
            ]
            for row, origin in enumerate(origins)
        ]
    except (NoAnswer, Refused, KeyError, TypeError, IndexError):
        return [[straight(origin, goal) for goal in goals] for origin in origins]


def route(points: Sequence[Point], *, with_line: bool = True, within: float = osrm.LIMIT) -> Route:
    """Return the way through places in their order.

    Where one is far from any road, or no road leads on, its legs are estimates or have no way, and the rest is by road;
    `source` is `road` as soon as one leg is.
    """
    if len(points) < 2:
        return Route(STRAIGHT_LINE, [], list(points))
    until = time.monotonic() + within
    try:
        if not _may_know(points):
            raise NoAnswer
        return _by_road(points, osrm.ask("route", points, within=within, **_shape(with_line)), with_line=with_line, until=until)
    except Refused:
        return _leg_by_leg(points, with_line=with_line, until=until)
    except (NoAnswer, KeyError, TypeError, IndexError):
        return Route(STRAIGHT_LINE, [straight(*pair) for pair in pairwise(points)], list(points))


def snap(lat: float, lng: float, *, within: float = osrm.LIMIT) -> Snapped:
    """Return the nearest place on a road."""
    try:
        if not _may_know([(lat, lng)]):
            raise NoAnswer
        found = osrm.ask("nearest", [(lat, lng)], within=within, number="1")["waypoints"][0]
        if found["distance"] <= SNAP_WITHIN:
            return Snapped(ROAD, found["location"][1], found["location"][0], found["distance"], found["name"])
    except (NoAnswer, Refused, KeyError, TypeError, IndexError):
        pass
    return Snapped(STRAIGHT_LINE, lat, lng, 0.0, "")


def is_known() -> bool:
    """Return whether roads can be asked at the moment."""
    return not osrm.is_resting() and engine.address() is not None


def _may_know(points: Sequence[Point]) -> bool:
    """Return whether some place lies in the data; what another OSRM covers nobody knows here."""
    if settings.ROUTING_URL:
        return True
    build = data.current()
    return build is not None and any(build.covers(*point) for point in points)


def _shape(with_line: bool) -> dict[str, str]:
    # At a stop one may turn round, as the table of `matrix` does.
    return {"overview": "full" if with_line else "false", "geometries": "geojson", "steps": "false", "continue_straight": "false"}


def _by_road(points: Sequence[Point], answer: dict[str, Any], *, with_line: bool, until: float) -> Route:
    found = answer["routes"][0]
    far = _far(answer["waypoints"])
    legs = [
        straight(points[number], points[number + 1]) if {number, number + 1} & far else Leg(leg["duration"], leg["distance"], ROAD)
        for number, leg in enumerate(found["legs"])
    ]
    if far and with_line:  # a line must not lead along roads to where no road leads
        line = _piece_by_piece(points, legs, until)
    else:
        line = _line_of(found)
    return Route(_source_of(legs), legs, line, sorted(far))


def _source_of(legs: Sequence[Leg]) -> Source:
    return ROAD if any(leg.source == ROAD for leg in legs) else STRAIGHT_LINE


def _line_of(found: dict[str, Any]) -> list[Point]:
    return [(lat, lng) for lng, lat in found.get("geometry", {}).get("coordinates", [])]


def _leg_by_leg(points: Sequence[Point], *, with_line: bool, until: float) -> Route:
    """Return which legs have no way: the engine refuses a whole route for one of them."""
    rows = matrix(points, points, within=max(until - time.monotonic(), _TOO_LITTLE))
    legs = [rows[number][number + 1] for number in range(len(points) - 1)]
    return Route(_source_of(legs), legs, _piece_by_piece(points, legs, until) if with_line else [])


def _piece_by_piece(points: Sequence[Point], legs: Sequence[Leg], until: float) -> list[Point]:
    """Draw each leg for itself: by road where one leads on, else straight; straight, too, once the time is over."""
    line = [points[0]]
    for leg, pair in zip(legs, pairwise(points), strict=True):
        line += (_piece(pair, until) if leg.source == ROAD and leg.duration_s is not None else []) or [pair[1]]
    return line


def _piece(pair: tuple[Point, Point], until: float) -> list[Point]:
    left = until - time.monotonic()
    if left < _TOO_LITTLE:
        return []
    try:
        return _line_of(osrm.ask("route", pair, within=left, **_shape(with_line=True))["routes"][0])
    except (NoAnswer, Refused, KeyError, TypeError, IndexError):
        return []


def _far(waypoints: Sequence[dict[str, Any]]) -> set[int]:
    return {number for number, waypoint in enumerate(waypoints) if waypoint["distance"] > SNAP_WITHIN}


def _sum(numbers: Sequence[float | None]) -> float | None:
    total = 0.0
    for number in numbers:
        if number is None:
            return None
        total += number
    return total
