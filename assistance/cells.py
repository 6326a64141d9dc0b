"""The grid of 0.01° on which assistants are looked up: boxes around a point, across the 180th meridian and the poles.

Plain numbers in and out; the SQL that uses the boxes is in nearby.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from depannini_dashmap.lib import geo

CELLS_PER_DEGREE = 100
FIRST_ROW, LAST_ROW = -90 * CELLS_PER_DEGREE, 90 * CELLS_PER_DEGREE - 1
FIRST_COLUMN, LAST_COLUMN = -180 * CELLS_PER_DEGREE, 180 * CELLS_PER_DEGREE - 1
COLUMNS = 360 * CELLS_PER_DEGREE
# What a stranger is shown of a place, and how far it may lie from the place itself: half a step to the north and east.
PUBLIC_PLACES = 3
ROUNDED_BY_KM = 0.08
EVERY_COLUMN = ((FIRST_COLUMN, LAST_COLUMN),)


@dataclass(frozen=True)
class Box:
    """Rows of cells from first to last, in one range of columns or, across the 180th meridian, in two."""

    first_row: int
    last_row: int
    columns: tuple[tuple[int, int], ...]

    @property
    def rows(self) -> int:
        """How many rows of cells it has."""
        return self.last_row - self.first_row + 1

    def holds(self, lat: float, lng: float) -> bool:
        """Return whether a point lies in one of its cells."""
        row, column = row_of(lat), column_of(lng)
        return self.first_row <= row <= self.last_row and any(west <= column <= east for west, east in self.columns)


def public_place(lat: float, lng: float) -> tuple[float, float]:
    """Return a place as strangers are shown it, to about a hundred metres."""
    return round(lat, PUBLIC_PLACES), round(lng, PUBLIC_PLACES)


def row_of(lat: float) -> int:
    """Return the row of cells of a latitude; the north pole belongs to the last row."""
    return min(math.floor(lat * CELLS_PER_DEGREE), LAST_ROW)


def column_of(lng: float) -> int:
    """Return the column of cells of a longitude; +180 is -180."""
    return (math.floor(lng * CELLS_PER_DEGREE) - FIRST_COLUMN) % COLUMNS + FIRST_COLUMN


def box_around(lat: float, lng: float, radius_km: float) -> Box:
    """Return a box of cells that holds every point within the radius."""
    south, west, north, east = geo.box_around(lat, lng, radius_km * (1 + 1e-9))
    return Box(row_of(south), row_of(north), _columns(west, east))


def _columns(west: float, east: float) -> tuple[tuple[int, int], ...]:
    first, last = math.floor(west * CELLS_PER_DEGREE), math.floor(east * CELLS_PER_DEGREE)
    if last - first + 1 >= COLUMNS:
        return EVERY_COLUMN
    if first < FIRST_COLUMN:
        return ((first + COLUMNS, LAST_COLUMN), (FIRST_COLUMN, last))
    if last > LAST_COLUMN:
        return ((first, LAST_COLUMN), (FIRST_COLUMN, last - COLUMNS))
    return ((first, last),)
