"""Has tilemaker cut the street map, where that program is there (Debian's package): it reads an extract by itself, in a tenth of the time.

What becomes which layer is written in streets.lua, by the tables of `streets`; the sea and the land come as shapes.
"""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from depannini_dashmap.lib.roads import data
from depannini_dashmap.lib.roads.build import coast
from depannini_dashmap.lib.roads.build.shapefile import write_shapes

CUT_WITHIN = 6 * 3600  # seconds
_RULES = Path(__file__).with_name("streets.lua")
_SIMPLER = {"simplify_below": 14, "simplify_level": 0.0001, "simplify_ratio": 2.0}
Box = tuple[float, float, float, float]  # south, west, north, east


class NotCut(Exception):
    """tilemaker could not do it; the text says why."""


def program() -> str | None:
    """Return where tilemaker is; None where it is not installed."""
    return shutil.which("tilemaker")


def cut(extract: Path, target: Path, box: Box, tables: Mapping[str, Any], zooms: tuple[int, int]) -> None:
    """Write the tiles of an extract into a new file. Raises: NotCut, OSError."""
    work = target.with_name(".tilemaker")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        _write_land_and_sea(extract, work, box)
        rules = "\n".join(f"{name} = {_lua(table)}" for name, table in tables.items())
        (work / "process.lua").write_text(f"{rules}\n{_RULES.read_text()}")
        (work / "config.json").write_text(json.dumps(_config(work, zooms), ensure_ascii=False))
        south, west, north, east = box
        command = [program() or "tilemaker", "--input", str(extract.resolve()), "--output", str(target), "--bbox", f"{west},{south},{east},{north}"]
        command += ["--config", str(work / "config.json"), "--process", str(work / "process.lua")]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=CUT_WITHIN, check=False)  # noqa: S603 - our own words
    except (OSError, subprocess.SubprocessError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise NotCut(type(error).__name__) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
        target.with_name(target.name + "-journal").unlink(missing_ok=True)
    if done.returncode != 0 or not target.is_file():
        target.unlink(missing_ok=True)
        raise NotCut((done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1])


def _config(work: Path, zooms: tuple[int, int]) -> dict[str, Any]:
    least, most = zooms
    reach = {"minzoom": least, "maxzoom": most}
    drawn = dict.fromkeys(("buildings", "places"), reach) | dict.fromkeys(("landuse", "water", "boundaries", "roads"), reach | _SIMPLER)
    shapes = {name: reach | {"source": str(work / f"{name}.shp"), "source_columns": ["kind"]} for name in ("earth", "sea")}
    shapes["sea"]["write_to"] = "water"
    # Lines of the same names become one wherever they meet: a name is drawn only along a line that is long enough.
    settings = reach | {"basezoom": most, "include_ids": False, "combine_below": most + 1, "compress": "gzip"}
    settings |= {"name": "streets", "version": "1", "description": "streets", "metadata": {"attribution": data.ATTRIBUTION}}
    return {"layers": drawn | shapes, "settings": settings}


def _write_land_and_sea(extract: Path, work: Path, box: Box) -> None:
    import osmium

    south, west, north, east = box
    edge = (west, south, east, north)
    ways: Any = osmium.FileProcessor(str(extract)).with_locations().with_filter(osmium.filter.TagFilter(("natural", "coastline")))
    coasts = [[(round(node.lon, 7), round(node.lat, 7)) for node in way.nodes if node.location.valid()] for way in ways if way.is_way()]
    land = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    write_shapes(work / "earth", [("earth", [land])], edge)
    write_shapes(work / "sea", [("ocean", rings) for rings in coast.sea(coasts, edge)], edge)


def _lua(value: Any) -> str:
    """Write a table of texts and numbers as Lua does."""
    if isinstance(value, dict):
        return "{" + ",".join(f"[{json.dumps(key)}]={_lua(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "{" + ",".join(_lua(one) for one in value) + "}"
    return json.dumps(value, ensure_ascii=False)
