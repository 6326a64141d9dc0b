"""Old tracks as files: GPX, KML and CSV, read into reports as a device would send them; no database.

Source: GPX 1.0/1.1 (topografix.com), KML 2.3 with gx:Track (OGC 12-007r2).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple
from xml.etree import ElementTree

from telematics.protocols import KMH, KNOTS, METRES_A_SECOND, Report

COLUMNS = {
    "latitude": ("latitude", "lat", "y"),
    "longitude": ("longitude", "lon", "lng", "long", "x"),
    "timestamp": ("timestamp", "time", "datetime", "date time", "fixtime", "utc", "date", "heure", "horodatage"),
    "speed": ("speed", "vitesse", "velocity", "sog"),
    "heading": ("heading", "course", "bearing", "cap", "direction"),
    "altitude": ("altitude", "elevation", "ele", "alt"),
    "accuracy_m": ("accuracy", "acc", "precision"),
    "hdop": ("hdop",),
    "satellites": ("satellites", "sat"),
    "is_valid": ("valid",),
}
# A unit in a heading; without one it is km/h, but GPSLogger writes metres a second.
SPEED_UNITS = {
    "km/h": KMH, "kmh": KMH, "kph": KMH, "m/s": METRES_A_SECOND, "mps": METRES_A_SECOND, "ms": METRES_A_SECOND,
    "kn": KNOTS, "kt": KNOTS, "kts": KNOTS, "knots": KNOTS, "noeuds": KNOTS, "nœuds": KNOTS,
}  # fmt: skip
OF_GPSLOGGER = {"provider", "geoidheight", "ageofdgpsdata"}
MOST_BYTES = 200 * 1024 * 1024


class UnreadableTrack(Exception):
    """The file is no track that can be read; the text is a sentence for people."""


class Entry(NamedTuple):
    """One point of the file: where it stands there (a line or a number), and its values; None where it has no time."""

    place: str
    report: Report | None


def read_track(name: str, content: bytes) -> list[Entry]:
    """Return the points of a track file in their order, by its ending and its first bytes. Raises: UnreadableTrack."""
    if len(content) > MOST_BYTES:
        raise UnreadableTrack(f"The file is larger than {MOST_BYTES // 1024 // 1024} MB.")
    ending = name.rpartition(".")[2].lower()
    if ending in ("gpx", "kml") or content.lstrip()[:1] == b"<":
        entries = list(_xml(content))
    else:
        entries = list(_csv(content))
    if not entries:
        raise UnreadableTrack("There is no point in the file.")
    return entries


# --- XML -----------------------------------------------------------------------------------------------------------------
def _xml(content: bytes) -> Iterator[Entry]:
    # Entities are declared in a DOCTYPE, which neither format has.
    if b"<!DOCTYPE" in content[:100_000] or b"<!ENTITY" in content:
        raise UnreadableTrack("The file declares entities, which no track needs.")
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - see above
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise UnreadableTrack(f"The file is no XML: {error}.") from error
    kind = _tag(root)
    if kind == "gpx":
        return _gpx(root)
    if kind == "kml":
        return _kml(root)
    raise UnreadableTrack(f"The file is neither GPX nor KML but <{kind}>.")


def _gpx(root: ElementTree.Element) -> Iterator[Entry]:
    points = (point for point in root.iter() if _tag(point) == "trkpt")
    for number, point in enumerate(points, start=1):
        inside = {_tag(child): (child.text or "").strip() for child in point.iter() if child is not point}
        yield _entry(
            f"point {number}",
            METRES_A_SECOND,
            latitude=point.get("lat"),
            longitude=point.get("lon"),
            timestamp=inside.get("time"),
            altitude=inside.get("ele"),
            speed=inside.get("speed"),
            heading=inside.get("course"),
            satellites=inside.get("sat"),
            hdop=inside.get("hdop"),
        )


def _kml(root: ElementTree.Element) -> Iterator[Entry]:
    number = 0
    for element in root.iter():
        if _tag(element) == "Track":
            whens = [(child.text or "").strip() for child in element if _tag(child) == "when"]
            coordinates = [(child.text or "").split() for child in element if _tag(child) == "coord"]
            # A time without its place, or a place without its time, is left out by name.
            for when, parts in zip_longest(whens, coordinates, fillvalue=""):
                number += 1
                yield _kml_entry(number, when, list(parts))
        elif _tag(element) == "Placemark":
            when = next((child.text or "" for child in element.iter() if _tag(child) == "when"), "")
            point = next((child for child in element.iter() if _tag(child) == "Point"), None)
            if point is not None:
                number += 1
                text = next((child.text or "" for child in point.iter() if _tag(child) == "coordinates"), "")
                yield _kml_entry(number, when.strip(), text.strip().split(","))


def _kml_entry(number: int, when: str, parts: list[str]) -> Entry:
    longitude, latitude, altitude = [*parts, "", "", ""][:3]
    return _entry(f"point {number}", KMH, latitude=latitude, longitude=longitude, altitude=altitude, timestamp=when)


def _tag(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


# --- CSV -----------------------------------------------------------------------------------------------------------------
def _csv(content: bytes) -> Iterator[Entry]:
    text = _decoded(content)
    first = text.lstrip("\ufeff").partition("\n")[0]
    delimiter = max(";\t,", key=first.count)
    rows = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter, strict=True)
    try:
        header, units = _header(next(rows, []))
        columns = {name: _column(header, words) for name, words in COLUMNS.items()}
        missing = [name for name in ("latitude", "longitude", "timestamp") if columns[name] is None]
        if missing:
            raise UnreadableTrack(f"The first line names no column for {', '.join(missing)}; it says: {first.strip()[:200]}.")
        for row in rows:
            if any(cell.strip() for cell in row):
                values = {name: row[at].strip() for name, at in columns.items() if at is not None and at < len(row)}
                yield _entry(f"line {rows.line_num}", units.get(columns["speed"], KMH), **values)
    except csv.Error as error:
        raise UnreadableTrack(f"Line {rows.line_num} cannot be read: {error}.") from error


def _header(cells: list[str]) -> tuple[list[str], dict[int | None, str]]:
    """Return the headings without their units, and the units of speed by column."""
    header, units = [], dict[int | None, str]()
    for index, cell in enumerate(cells):
        words = [word for word in re.split(r"[\s_()\[\]]+", cell.strip().lower()) if word]
        if len(words) > 1 and (unit := SPEED_UNITS.get(words[-1])):
            units[index], words = unit, words[:-1]
        header.append(" ".join(words))
    if set(header) >= OF_GPSLOGGER and "speed" in header:
        units.setdefault(header.index("speed"), METRES_A_SECOND)
    return header, units


def _decoded(content: bytes) -> str:
    for encoding in ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252", "latin-1"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableTrack("The text of the file cannot be read.")


def _column(header: list[str], words: tuple[str, ...]) -> int | None:
    return next((header.index(word) for word in words if word in header), None)


def _entry(place: str, speed_unit: str, **values: str | None) -> Entry:
    return Entry(place, Report(dict(values), speed_unit) if values.get("timestamp") else None)
