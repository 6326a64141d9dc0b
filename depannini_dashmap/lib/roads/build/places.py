"""Reads the names of an extract into one SQLite file that `lib/roads/places.py` searches."""

from __future__ import annotations

import math
import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from depannini_dashmap.lib.geo import haversine_km
from depannini_dashmap.lib.roads import spelling
from depannini_dashmap.lib.roads.places import cell_name, cell_of

# kind, weight, and within how many km of it something belongs to it
SETTLEMENTS = {
    "city": ("city", 100, 14.0),
    "town": ("town", 85, 7.0),
    "village": ("village", 70, 4.0),
    "suburb": ("suburb", 65, 2.5),
    "borough": ("suburb", 65, 3.0),
    "quarter": ("suburb", 60, 1.5),
    "neighbourhood": ("suburb", 55, 1.0),
    "hamlet": ("village", 55, 2.0),
    "locality": ("poi", 30, 0.0),
    "island": ("poi", 45, 0.0),
    "square": ("square", 46, 0.0),
}
STREET_WEIGHT, ADDRESS_WEIGHT, POI_WEIGHT = 45, 20, 28
_HIGHER = {"hospital": 42, "university": 38, "bus_station": 40, "station": 42, "aerodrome": 50, "fuel": 34, "townhall": 38, "marketplace": 36}
POI_KEYS = ("amenity", "shop", "tourism", "office", "leisure", "railway", "aeroway", "healthcare", "historic", "craft", "industrial", "man_made", "building")
NAMES = ("name", "name:fr", "name:ar", "name:en")
OTHER_NAMES = ("alt_name", "old_name", "int_name", "official_name", "short_name", "loc_name", "ref", "name:de", "alt_name:fr", "alt_name:ar")
_NUMBER_FIRST = frozenset(["rue", "avenue", "boulevard", "place", "chemin", "impasse", "route", "allee", "square", "quai", "cite", "passage", "ruelle", "lotissement", "promenade", "escalier", "villa"])
PIECE = 8  # nodes of a street in one box of the index
_ROWS = "INSERT INTO place VALUES (?,?,?,?,?,?,?,?,?,?,?)"


@dataclass
class Found:
    """A named thing, before it is known what it lies in."""

    kind: str
    weight: int
    names: tuple[str, str, str, str]
    others: str
    lat: float
    lng: float
    reach: float = 0.0
    lines: list[array] = field(default_factory=list)
    context: str = ""


def build_places(extract: Path, target: Path) -> int:
    """Write the places of an extract into a new file; return how many there are. Raises: RuntimeError of osmium for what is no extract."""
    settlements, streets, rest = _read(extract)
    grid = _grid(settlements)
    for found in settlements:
        found.context = _context(grid, found)
    found_all = [*settlements, *_joined(streets, grid), *_once(rest, grid)]
    found_all.sort(key=lambda found: -found.weight)
    write_places(target, found_all)
    return len(found_all)


# --- Reading -------------------------------------------------------------------------------------------------------------
def _read(extract: Path) -> tuple[list[Found], list[Found], list[Found]]:
    import osmium

    settlements: list[Found] = []
    streets: list[Found] = []
    rest: list[Found] = []
    things = osmium.FileProcessor(str(extract)).with_locations().with_filter(osmium.filter.KeyFilter("name", "addr:housenumber"))
    for thing in things:
        shape = _shape(thing)
        if shape is None:
            continue
        tags = thing.tags
        names = tuple(_text(tags.get(name)) for name in NAMES)
        others = " ".join(_text(tags[name]) for name in OTHER_NAMES if name in tags)
        lat, lng = _middle(shape)
        if names[0] or names[1] or names[2]:
            found = Found("", 0, (names[0] or names[1] or names[2], *names[1:]), others, lat, lng)  # type: ignore[arg-type]
            if (place := tags.get("place")) in SETTLEMENTS:
                found.kind, found.weight, found.reach = SETTLEMENTS[place]
                (settlements if found.reach else rest).append(found)
            elif len(shape) > 2 and tags.get("highway") not in (None, "bus_stop", "platform", "proposed"):
                found.kind, found.weight, found.lines = "street", STREET_WEIGHT, [shape]
                streets.append(found)
            elif (weight := _weight(tags)) is not None:
                found.kind, found.weight = "poi", weight
                rest.append(found)
        if "addr:housenumber" in tags and (street := _text(tags.get("addr:street")) or _text(tags.get("addr:place"))):
            rest.append(Found("address", ADDRESS_WEIGHT, (_address(_text(tags["addr:housenumber"]), street), "", "", ""), _text(tags.get("addr:city")), lat, lng))
    return settlements, streets, rest


def _text(value: str | None) -> str:
    return " ".join((value or "").split())[:200]


def _shape(thing: Any) -> array | None:
    """Return the coordinates as lat, lng, lat, lng … in 1e-7 degrees; None where the extract does not hold them."""
    shape = array("i")
    if thing.is_node():
        if thing.location.valid():
            shape.extend((round(thing.location.lat * 1e7), round(thing.location.lon * 1e7)))
    elif thing.is_way():
        for node in thing.nodes:
            if node.location.valid():
                shape.extend((round(node.lat * 1e7), round(node.lon * 1e7)))
    return shape or None


def _middle(shape: array) -> tuple[float, float]:
    if len(shape) > 2 and shape[:2] == shape[-2:]:  # around an area
        corners = len(shape) // 2 - 1
        return sum(shape[0:-2:2]) / corners / 1e7, sum(shape[1:-2:2]) / corners / 1e7
    at = len(shape) // 4 * 2
    return shape[at] / 1e7, shape[at + 1] / 1e7


def _weight(tags: Any) -> int | None:
    for key in POI_KEYS:
        if key in tags:
            return _HIGHER.get(tags[key], POI_WEIGHT if key != "building" else POI_WEIGHT - 4)
    return POI_WEIGHT + 6 if tags.get("highway") in ("bus_stop", "services", "rest_area", "motorway_junction") else None


def _address(number: str, street: str) -> str:
    first = (spelling.words(street) or [""])[0]
    return f"{number} {street}" if first in _NUMBER_FIRST else f"{street} {number}"


# --- What lies where --------------------------------------------------------------------------------------------------------
Grid = dict[tuple[int, int], list[Found]]


def _grid(settlements: list[Found]) -> Grid:
    grid: Grid = defaultdict(list)
    for found in settlements:
        grid[cell_of(found.lat, found.lng)].append(found)
    return grid


def _around(grid: Grid, found: Found) -> Iterator[tuple[float, Found]]:
    y, x = cell_of(found.lat, found.lng)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            for other in grid.get((y + dy, x + dx), ()):
                if other is not found and other.weight > found.weight and other.names[0] != found.names[0]:
                    distance = haversine_km(found.lat, found.lng, other.lat, other.lng)
                    if distance <= other.reach:
                        yield distance / other.reach, other


def _context(grid: Grid, found: Found) -> str:
    """Name what something lies in: the nearest quarter, then the nearest town, each weighed by how far it reaches."""
    around = sorted(_around(grid, found), key=lambda pair: pair[0])
    small = next((other for _, other in around if other.weight < 70), None)
    big = next((other for _, other in around if other.weight >= 70), None)
    return ", ".join(other.names[0] for other in (small, big) if other is not None)


def _joined(streets: Iterable[Found], grid: Grid) -> Iterator[Found]:
    """Make one street of its pieces: OpenStreetMap splits a street at every change of its tags."""
    together: dict[tuple[str, str, tuple[int, int]], Found] = {}
    for piece in streets:
        piece.context = _context(grid, piece)
        town = piece.context.rpartition(", ")[2]
        key = (spelling.fold(piece.names[0]), town, (0, 0) if town else cell_of(piece.lat, piece.lng))
        street = together.setdefault(key, piece)
        if street is not piece:
            street.lines += piece.lines
            street.names = tuple(own or other for own, other in zip(street.names, piece.names, strict=True))  # type: ignore[assignment]
            street.others = street.others if piece.others in street.others else f"{street.others} {piece.others}"
    for street in together.values():
        longest = max(street.lines, key=len)
        street.lat, street.lng = _middle(longest) if longest[:2] != longest[-2:] else (longest[0] / 1e7, longest[1] / 1e7)
        yield street


def _once(rest: Iterable[Found], grid: Grid) -> Iterator[Found]:
    """Leave out what is there twice: a shop and the building around it, a way and its node."""
    seen: set[tuple[str, str, int, int]] = set()
    for found in rest:
        key = (found.kind, spelling.fold(found.names[0]), math.floor(found.lat * 400), math.floor(found.lng * 400))
        if key not in seen:
            seen.add(key)
            found.context = _context(grid, found)
            yield found


# --- Writing -------------------------------------------------------------------------------------------------------------
def write_places(target: Path, rows: list[Found]) -> None:
    """Write a new file of places, which are sorted by their weight, the heaviest first."""
    connection = sqlite3.connect(target, isolation_level=None)
    try:
        connection.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA page_size=8192;"
            "CREATE TABLE place (id INTEGER PRIMARY KEY, kind TEXT, weight INTEGER, name TEXT, name_fr TEXT, name_ar TEXT,"
            " name_en TEXT, context TEXT, lat REAL, lng REAL, settled INTEGER);"
            "CREATE TABLE piece (id INTEGER PRIMARY KEY, place INTEGER, line BLOB);"
            "CREATE VIRTUAL TABLE box USING rtree(id, south, north, west, east);"
            "CREATE VIRTUAL TABLE name USING fts5(text, cell, content='', detail='column', tokenize='unicode61', prefix='2 3');"
        )
        connection.execute("BEGIN")
        connection.executemany(_ROWS, (_row(number, found) for number, found in enumerate(rows, 1)))
        connection.executemany("INSERT INTO name(rowid, text, cell) VALUES (?,?,?)", (_words(number, found) for number, found in enumerate(rows, 1)))
        for number, (place, line) in enumerate(_pieces(rows), 1):
            connection.execute("INSERT INTO piece VALUES (?,?,?)", (number, place, line.tobytes()))
            lats, lngs = line[0::2], line[1::2]
            connection.execute("INSERT INTO box VALUES (?,?,?,?,?)", (number, min(lats) / 1e7, max(lats) / 1e7, min(lngs) / 1e7, max(lngs) / 1e7))
        connection.execute("INSERT INTO name(name) VALUES('optimize')")
        connection.execute("COMMIT")
        connection.executescript(
            "CREATE INDEX place_settled ON place (lat, lng) WHERE settled = 1; ANALYZE;"
        )
    finally:
        connection.close()


def _row(number: int, found: Found) -> tuple[Any, ...]:
    return number, found.kind, found.weight, *found.names, found.context, round(found.lat, 6), round(found.lng, 6), int(found.reach > 0)


def _words(number: int, found: Found) -> tuple[int, str, str]:
    text = spelling.words(" ".join((*dict.fromkeys(found.names), found.others, found.context)))
    return number, " ".join(dict.fromkeys(text)), cell_name(*cell_of(found.lat, found.lng))


def _pieces(rows: list[Found]) -> Iterator[tuple[int, array]]:
    for number, found in enumerate(rows, 1):
        for line in found.lines:
            for start in range(0, max(len(line) - 2, 2), 2 * (PIECE - 1)):
                yield number, line[start : start + 2 * PIECE]
