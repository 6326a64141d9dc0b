"""Lines on the globe, of (latitude, longitude) points: how long they are, and what lies how far along."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from depannini_dashmap.lib.geo import haversine_km

Point = tuple[float, float]


def length_km(line: Sequence[Point]) -> float:
    """Return the length of a line."""
    return sum(haversine_km(*start, *end) for start, end in pairwise(line))


def along(line: Sequence[Point], kilometres: float) -> tuple[Point, list[Point]]:
    """Return the point so far along a line, and what is left of the line from there; beyond its end, its end."""
    for number, (start, end) in enumerate(pairwise(line)):
        leg = haversine_km(*start, *end)
        if kilometres < leg:
            share = kilometres / leg
            here = (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)
            return here, [here, *line[number + 1 :]]
        kilometres -= leg
    return line[-1], [line[-1]]
