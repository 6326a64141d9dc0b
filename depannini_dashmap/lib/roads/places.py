"""Search for streets, towns and places, and what is nearest to a point: one read-only SQLite file, made by `build/places.py`."""

from __future__ import annotations

import logging
import math
import sqlite3
import threading
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from struct import unpack
from typing import Any

from depannini_dashmap.lib.geo import haversine_km
from depannini_dashmap.lib.roads import data, spelling
from depannini_dashmap.lib.roads.data import PLACES

logger = logging.getLogger(__name__)

CELL = 0.1  # degrees: a search near somewhere looks into the cell and those around it first
_CANDIDATES = 60
_MOST_WORDS = 8
_METRES_A_DEGREE = 111_195.0
_STREET_WITHIN = (60.0, 400.0, 2000.0)  # metres: the rings in which the nearest street is looked for
_PLACE_WITHIN = 0.25  # degrees
COLUMNS = "id, kind, weight, name, name_fr, name_ar, name_en, context, lat, lng"
_local = threading.local()


@dataclass(frozen=True)
class Place:
    """Something that has a name. `kind`: city, town, village, suburb, street, square, address, poi."""

    kind: str
    name: str
    context: str
    lat: float
    lng: float


def search(text: str, *, near: tuple[float, float] | None = None, language: str = "", limit: int = 8) -> list[Place]:
    """Find places by name, the best first: exact matches, then by kind and by nearness to `near`.

    Fewer words are asked for where all of them find nothing. Empty without data, or for less than two letters.
    """
    asked = spelling.words(text)[:_MOST_WORDS]
    if sum(map(len, asked)) < 2:
        return []
    connection = _open()
    if connection is None:
        return []
    try:
        found = _candidates(connection, asked, near)
    except sqlite3.Error as error:
        logger.warning("The place search failed: %s", type(error).__name__)
        return []
    folded = " ".join(asked)
    found.sort(key=lambda row: -_score(row, folded, near))
    return [_place(row, language) for row in found[:limit]]


def locality(name: str) -> tuple[float, float] | None:
    """Return the point of a town by its name, for codes that need one."""
    found = [place for place in search(name, limit=3) if place.kind in {"city", "town", "village", "suburb"}]
    return (found[0].lat, found[0].lng) if found else None


def nearest(lat: float, lng: float, *, language: str = "") -> tuple[dict[str, Any] | None, Place | None]:
    """Return the nearest named street (name, context, distance_m, and its nearest point) and the nearest town or place."""
    connection = _open()
    if connection is None:
        return None, None
    try:
        return _nearest_street(connection, lat, lng, language), _nearest_place(connection, lat, lng, language)
    except sqlite3.Error as error:
        logger.warning("The place search failed: %s", type(error).__name__)
        return None, None


def _open() -> sqlite3.Connection | None:
    """Return this thread's connection to the build in use."""
    build = data.current()
    path = build.file(PLACES) if build else None
    if path is None:
        return None
    kept: tuple[Path, sqlite3.Connection] | None = getattr(_local, "kept", None)
    if kept is not None and kept[0] == path:
        return kept[1]
    if kept is not None:
        kept[1].close()
        _local.kept = None
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
        connection.execute("PRAGMA mmap_size=268435456")
        connection.execute("SELECT 1 FROM place LIMIT 1")
    except sqlite3.Error as error:
        logger.warning("The places of %s cannot be read: %s", path.parent.name, type(error).__name__)
        return None
    _local.kept = path, connection
    return connection


# --- By name -------------------------------------------------------------------------------------------------------------
def _candidates(connection: sqlite3.Connection, asked: list[str], near: tuple[float, float] | None) -> list[Any]:
    for some in _fewer_and_fewer(asked):
        wanted = _match(some)
        ids: dict[int, None] = {}
        if near is not None:
            ids.update(dict.fromkeys(_matching(connection, f"{wanted} AND {cells_around(*near)}")))
        if len(ids) < _CANDIDATES:
            ids.update(dict.fromkeys(_matching(connection, wanted)))
        if ids:
            marks = ",".join("?" * len(ids))
            return connection.execute(f"SELECT {COLUMNS} FROM place WHERE id IN ({marks})", list(ids)).fetchall()  # noqa: S608
    return []


def _matching(connection: sqlite3.Connection, query: str) -> list[int]:
    # Rows were written by their weight, so the first are the best, and the index need not be read to its end.
    found = connection.execute("SELECT rowid FROM name WHERE name MATCH ? ORDER BY rowid LIMIT ?", (query, _CANDIDATES))
    return [row[0] for row in found]


def _match(some: list[str]) -> str:
    *whole, last = (f'"{word}"' for word in some)
    return "text : (" + " AND ".join([*whole, f"{last} *"]) + ")"


def _fewer_and_fewer(asked: list[str]) -> list[list[str]]:
    """Return what to ask for, one after the other: all words, then without one (numbers and short ones first), then the longest."""
    tries = [asked]
    if len(asked) > 1:
        order = sorted(range(len(asked)), key=lambda at: (not asked[at].isdigit(), len(asked[at])))
        tries += [asked[:at] + asked[at + 1 :] for at in order]
        longest = max((word for word in asked if not word.isdigit()), key=len, default="")
        tries += [[longest]] if len(longest) > 3 and [longest] not in tries else []
    return tries


def cells_around(lat: float, lng: float) -> str:
    """Write the condition on the cells around a point."""
    y, x = cell_of(lat, lng)
    return "cell : (" + " OR ".join(cell_name(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)) + ")"


def cell_of(lat: float, lng: float) -> tuple[int, int]:
    """Return row and column of a point's cell."""
    return math.floor((lat + 90) / CELL), math.floor((lng + 180) / CELL)


def cell_name(y: int, x: int) -> str:
    """Return a cell as one word of the index."""
    return f"c{y}x{x % round(360 / CELL)}"


def _score(row: Any, folded: str, near: tuple[float, float] | None) -> float:
    score = float(row[2])
    names = [" ".join(spelling.words(name)) for name in row[3:7] if name]
    if folded in names:
        score += 30
    elif any(name.startswith(folded) for name in names):
        score += 15
    if set(folded.split()) <= set(spelling.words(" ".join((*names, row[7])))):
        score += 5  # rather "Triesen" than "Triesenberg" for a search for the first
    if near is not None:
        score -= 9 * math.log2(1 + haversine_km(*near, row[8], row[9]))
    return score


def _place(row: Any, language: str) -> Place:
    return Place(row[1], _name(row, language), row[7], row[8], row[9])


def _name(row: Any, language: str) -> str:
    return {"fr": row[4], "ar": row[5], "en": row[6]}.get(language) or row[3]


# --- By place ------------------------------------------------------------------------------------------------------------
def _nearest_street(connection: sqlite3.Connection, lat: float, lng: float, language: str) -> dict[str, Any] | None:
    scale = math.cos(math.radians(lat)) or 1e-9
    for metres in _STREET_WITHIN:
        high, wide = metres / _METRES_A_DEGREE, metres / (_METRES_A_DEGREE * scale)
        rows = connection.execute(
            "SELECT piece.place, piece.line FROM box JOIN piece ON piece.id = box.id"
            " WHERE south <= ? AND north >= ? AND west <= ? AND east >= ?",
            (lat + high, lat - high, lng + wide, lng - wide),
        )
        best = min(((*_distance_to_line(lat, lng, scale, line), place) for place, line in rows), default=None)
        if best is not None and best[0] <= metres:
            row = connection.execute(f"SELECT {COLUMNS} FROM place WHERE id = ?", (best[3],)).fetchone()  # noqa: S608
            found = _place(row, language)
            return {
                "name": found.name,
                "context": found.context,
                "distance_m": round(best[0]),
                "lat": round(best[1], 6),
                "lng": round(best[2], 6),
            }
    return None


def _distance_to_line(lat: float, lng: float, scale: float, line: bytes) -> tuple[float, float, float]:
    """Return the distance in metres to a line of packed coordinates, and its nearest point; planar, as it is near."""
    numbers = unpack(f"<{len(line) // 4}i", line)
    points = [((numbers[i] / 1e7 - lat), (numbers[i + 1] / 1e7 - lng) * scale) for i in range(0, len(numbers), 2)]
    best = (math.inf, 0.0, 0.0)
    for (y1, x1), (y2, x2) in pairwise(points if len(points) > 1 else points * 2):
        dy, dx = y2 - y1, x2 - x1
        length = dy * dy + dx * dx
        along = max(0.0, min(1.0, -(y1 * dy + x1 * dx) / length)) if length else 0.0
        y, x = y1 + along * dy, x1 + along * dx
        best = min(best, (math.hypot(y, x) * _METRES_A_DEGREE, lat + y, lng + x / scale))
    return best


def _nearest_place(connection: sqlite3.Connection, lat: float, lng: float, language: str) -> Place | None:
    wide = min(_PLACE_WITHIN / max(math.cos(math.radians(lat)), 0.01), 180.0)
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM place WHERE settled = 1 AND lat BETWEEN ? AND ? AND lng BETWEEN ? AND ?",  # noqa: S608
        (lat - _PLACE_WITHIN, lat + _PLACE_WITHIN, lng - wide, lng + wide),
    ).fetchall()
    if not rows:
        return None
    return _place(min(rows, key=lambda row: haversine_km(lat, lng, row[8], row[9])), language)
