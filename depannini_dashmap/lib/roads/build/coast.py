"""The sea of an extract: its coastlines, closed along the edge of its box. Plain coordinates (longitude, latitude) in and out."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

Point = tuple[float, float]
Line = list[Point]
Box = tuple[float, float, float, float]  # west, south, east, north

SLIVER = 0.02  # of the box's width and height


def sea(coastlines: Iterable[Line], box: Box) -> list[list[Line]]:
    """Return the sea as polygons (an outer ring, then islands); empty where there is no coast, or it cannot be closed.

    OpenStreetMap draws coasts with the land on their left.
    """
    chains = joined(coastlines)
    islands = [chain for chain in chains if chain[0] == chain[-1] and len(chain) > 3]
    open_ends = [part for chain in chains if chain[0] != chain[-1] for part in _inside(_reaching(chain, box), box) if not _is_sliver(part, box)]
    # An island that the box cuts is a coast like any other.
    cut = [part for island in islands if not all(_is_in(point, box) for point in island) for part in _inside(island, box)]
    whole = [island for island in islands if all(_is_in(point, box) for point in island)]
    rings = _closed(open_ends + [part for part in cut if part[0] != part[-1]], box)
    if not rings:
        return [[_ring_of(box), *whole]] if whole and not open_ends else []
    return [[ring, *(island for island in whole if _holds(ring, island[0]))] for ring in rings]


def joined(lines: Iterable[Line]) -> list[Line]:
    """Join lines that go on where another ends, in their direction."""
    starts: dict[Point, Line] = {}
    ends: dict[Point, Line] = {}
    for line in lines:
        if len(line) < 2:
            continue
        chain = list(line)
        before = ends.pop(chain[0], None)
        if before is not None:
            starts.pop(before[0], None)
            chain = before + chain[1:]
        after = starts.pop(chain[-1], None)
        if after is not None and after is not chain:
            ends.pop(after[-1], None)
            chain = chain + after[1:]
        starts[chain[0]] = chain
        ends[chain[-1]] = chain
    return list({id(chain): chain for chain in (*starts.values(), *ends.values())}.values())


def _is_in(point: Point, box: Box) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _reaching(chain: Line, box: Box) -> Line:
    """Lengthen a coast that ends inside the box, as its extract was cut, to the nearest edge."""
    first, last = chain[0], chain[-1]
    head = [_on_edge(first, box)] if _is_in(first, box) else []
    tail = [_on_edge(last, box)] if _is_in(last, box) else []
    return head + chain + tail


def _on_edge(point: Point, box: Box) -> Point:
    x, y = point
    west, south, east, north = box
    distance, found = min((x - west, (west, y)), (east - x, (east, y)), (y - south, (x, south)), (north - y, (x, north)))
    return found if distance >= 0 else point


def _is_sliver(part: Line, box: Box) -> bool:
    """Return whether a coast only grazes the edge: where an extract was cut, such an end may turn land into sea."""
    xs, ys = [x for x, _ in part], [y for _, y in part]
    return max(xs) - min(xs) < SLIVER * (box[2] - box[0]) and max(ys) - min(ys) < SLIVER * (box[3] - box[1])


def _inside(chain: Line, box: Box) -> list[Line]:
    """Cut a line at the edges of the box; parts inside begin and end on an edge, unless the whole line is inside."""
    parts: list[Line] = []
    part: Line = []
    for start, end in itertools.pairwise(chain):
        clipped = _clipped(start, end, box)
        if clipped is None:
            continue
        first, last = clipped
        if not part or part[-1] != first:
            if len(part) > 1:
                parts.append(part)
            part = [first]
        part.append(last)
    if len(part) > 1:
        parts.append(part)
    if len(parts) > 1 and parts[0][0] == parts[-1][-1]:  # a ring that began inside
        parts[0] = parts.pop() + parts[0][1:]
    return parts


def _clipped(start: Point, end: Point, box: Box) -> tuple[Point, Point] | None:
    """Return the part of a segment inside the box. Source: Y.-D. Liang, B. Barsky, ACM TOG 3 (1984)."""
    (x, y), (dx, dy) = start, (end[0] - start[0], end[1] - start[1])
    enter, leave = 0.0, 1.0
    for step, room in ((-dx, x - box[0]), (dx, box[2] - x), (-dy, y - box[1]), (dy, box[3] - y)):
        if step == 0:
            if room < 0:
                return None
            continue
        at = room / step
        if step < 0:
            enter = max(enter, at)
        else:
            leave = min(leave, at)
    if enter > leave:
        return None
    first = start if enter == 0 else (x + enter * dx, y + enter * dy)
    last = end if leave == 1 else (x + leave * dx, y + leave * dy)
    return (first, last) if first != last else None


def _closed(coasts: Sequence[Line], box: Box) -> list[Line]:
    """Close coasts to rings around the sea: each goes on clockwise along the edge to where the next one begins."""
    left = dict(enumerate(coasts))
    begins = {number: _along(coast[0], box) for number, coast in left.items()}
    rings = []
    while left:
        first, ring = left.popitem()
        ring = list(ring)
        while True:
            here = _along(ring[-1], box)
            candidates = [*left, first]
            following = min(candidates, key=lambda number: (begins[number] - here) % 4)
            ring += _corners(here, begins[following], box)
            if following == first:
                break
            ring += left.pop(following)
        ring.append(ring[0])
        rings.append(ring)
    return rings


def _along(point: Point, box: Box) -> float:
    """Return how far along the edge a point is, clockwise from the south-west corner; each side counts 1."""
    west, south, east, north = box
    x, y = (point[0] - west) / (east - west), (point[1] - south) / (north - south)
    return min((x, y), (1 - y, 1 + x), (1 - x, 3 - y), (y, 4 - x))[1] % 4


def _corners(start: float, end: float, box: Box) -> Line:
    west, south, east, north = box
    around = [(west, south), (west, north), (east, north), (east, south)]
    span = (end - start) % 4
    passed = int(start) + 1
    found = []
    while passed - start < span:
        found.append(around[passed % 4])
        passed += 1
    return found


def _ring_of(box: Box) -> Line:
    west, south, east, north = box
    return [(west, south), (west, north), (east, north), (east, south), (west, south)]


def _holds(ring: Line, point: Point) -> bool:
    """Return whether a point lies inside a ring (even-odd rule)."""
    x, y = point
    is_in = False
    for (x1, y1), (x2, y2) in itertools.pairwise(ring):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            is_in = not is_in
    return is_in
