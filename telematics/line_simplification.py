"""Fewer points, the same line: plain values only."""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from math import cos, radians


def thin(points: Sequence[tuple[float, float]], limit: int) -> list[int]:
    """Choose at most `limit` points, given as (latitude, longitude), that keep the shape of the line.

    Returns the indexes of the chosen points, in order; the first and last always stay. Points go one by one, the one
    whose triangle with its two neighbours has the least area first. O(n log n).
    Source: M. Visvalingam, J. D. Whyatt, "Line generalisation by repeated elimination of points", The Cartographic
    Journal 30 (1993); areas are planar with longitudes scaled by the cosine of the mean latitude.
    """
    count = len(points)
    if count <= limit:
        return list(range(count))
    if limit < 2:
        raise ValueError("a line needs two points")
    xs, ys = _planar(points)
    before = list(range(-1, count - 1))
    after = list(range(1, count + 1))
    areas = [0.0, *(_area(xs, ys, i - 1, i, i + 1) for i in range(1, count - 1)), 0.0]
    heap = [(areas[i], i) for i in range(1, count - 1)]
    heapify(heap)
    alive = [True] * count
    left = count
    while left > limit:
        area, i = heappop(heap)
        if not alive[i] or area != areas[i]:
            continue
        alive[i] = False
        left -= 1
        west, east = before[i], after[i]
        after[west], before[east] = east, west
        for j in (west, east):
            if 0 < j < count - 1:
                # Never less than the area just given up, so that a detail goes before its parts.
                areas[j] = max(area, _area(xs, ys, before[j], j, after[j]))
                heappush(heap, (areas[j], j))
    return [i for i in range(count) if alive[i]]


def _planar(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    squeeze = cos(radians(sum(lat for lat, _ in points) / len(points)))
    xs, ys = [], []
    turn, last = 0.0, points[0][1]
    for lat, lng in points:
        # Unrolled across the 180th meridian.
        turn += -360.0 if lng - last > 180 else 360.0 if lng - last < -180 else 0.0
        last = lng
        xs.append((lng + turn) * squeeze)
        ys.append(lat)
    return xs, ys


def _area(xs: list[float], ys: list[float], a: int, b: int, c: int) -> float:
    return abs((xs[b] - xs[a]) * (ys[c] - ys[a]) - (xs[c] - xs[a]) * (ys[b] - ys[a]))
