"""Writes polygons as a shapefile of three parts, the form that tilemaker reads besides an extract.

Source: ESRI Shapefile Technical Description (1998); dBASE III for the one column, `kind`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

Ring = list[tuple[float, float]]  # (longitude, latitude), closed
_POLYGON, _WIDTH = 5, 16


def write_shapes(base: Path, polygons: Sequence[tuple[str, Sequence[Ring]]], box: tuple[float, float, float, float]) -> None:
    """Write (kind, an outer ring and its holes) each, into `base` with .shp, .shx and .dbf; `box` is west, south, east, north."""
    records = [_record([_turned(ring, is_outer=not number) for number, ring in enumerate(rings)]) for _, rings in polygons]
    shapes, index, at = b"", b"", 50  # counted in words of two bytes
    for number, record in enumerate(records, 1):
        length = len(record) // 2
        index += struct.pack(">2i", at, length)
        shapes += struct.pack(">2i", number, length) + record
        at += 4 + length
    base.with_suffix(".shp").write_bytes(_header(len(shapes), box) + shapes)
    base.with_suffix(".shx").write_bytes(_header(len(index), box) + index)
    base.with_suffix(".dbf").write_bytes(_table([kind for kind, _ in polygons]))


def _header(length: int, box: tuple[float, float, float, float]) -> bytes:
    return struct.pack(">7i", 9994, 0, 0, 0, 0, 0, (100 + length) // 2) + struct.pack("<2i8d", 1000, _POLYGON, *box, 0, 0, 0, 0)


def _record(rings: Sequence[Ring]) -> bytes:
    points = [point for ring in rings for point in ring]
    lngs, lats = [lng for lng, _ in points], [lat for _, lat in points]
    starts = [sum(len(ring) for ring in rings[:number]) for number in range(len(rings))]
    head = struct.pack("<i4d2i", _POLYGON, min(lngs), min(lats), max(lngs), max(lats), len(rings), len(points))
    return head + struct.pack(f"<{len(starts)}i", *starts) + b"".join(struct.pack("<2d", *point) for point in points)


def _turned(ring: Ring, *, is_outer: bool) -> Ring:
    """Return a ring in its direction: clockwise the outer one, the holes against the clock."""
    twice_the_area = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise(ring))
    return ring if (twice_the_area < 0) == is_outer else ring[::-1]


def _table(kinds: Sequence[str]) -> bytes:
    column = struct.pack("<11sc4xBB14x", b"kind", b"C", _WIDTH, 0)
    head = struct.pack("<4BIHH20x", 3, 126, 1, 1, len(kinds), 32 + len(column) + 1, 1 + _WIDTH)
    return head + column + b"\r" + b"".join(b" " + kind.encode().ljust(_WIDTH) for kind in kinds) + b"\x1a"
