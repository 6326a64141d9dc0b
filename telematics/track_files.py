"""Old tracks as files: GPX, KML and CSV, read into reports as a device would send them; no database.

Source: GPX 1.0/1.1 (topografix.com), KML 2.3 with gx:Track (OGC 12-007r2).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree

from telematics.protocols import KMH, METRES_A_SECOND, Report

COLUMNS = {
    "latitude": ("latitude", "lat", "y"),
    "longitude": ("longitude", "lon", "lng", "long", "x"),
    "timestamp": ("timestamp", "time", "datetime", "date_time", "date time", "fixtime", "utc", "date", "heure", "horodatage"),
    "speed": ("speed", "speed_kmh", "speed (km/h)", "vitesse", "velocity"),
    "heading": ("heading", "course", "bearing", "cap", "direction"),
    "altitude": ("altitude", "elevation", "ele", "alt"),
}
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
        )


def _kml(root: ElementTree.Element) -> Iterator[Entry]:
    number = 0
    for element in root.iter():
        if _tag(element) == "Track":
            whens = [(child.text or "").strip() for child in element if _tag(child) == "when"]
            coordinates = [(child.text or "").split() for child in element if _tag(child) == "coord"]
            for when, parts in zip(whens, coordinates, strict=False):
                number += 1
                yield _kml_entry(number, when, parts)
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
    rows = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter)
    try:
        header = [cell.strip().lower() for cell in next(rows, [])]
        columns = {name: _column(header, words) for name, words in COLUMNS.items()}
        missing = [name for name in ("latitude", "longitude", "timestamp") if columns[name] is None]
        if missing:
            raise UnreadableTrack(f"The first line names no column for {', '.join(missing)}; it says: {first.strip()[:200]}.")
        for row in rows:
            if any(cell.strip() for cell in row):
                values = {name: row[at].strip() for name, at in columns.items() if at is not None and at < len(row)}
                yield _entry(f"line {rows.line_num}", KMH, **values)
    except csv.Error as error:
        raise UnreadableTrack(f"Line {rows.line_num} cannot be read: {error}.") from error


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
