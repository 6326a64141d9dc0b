"""Make a whole build out of one extract, next to the one in use, and switch to it when it is finished."""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from depannini_dashmap.lib.roads import data
from depannini_dashmap.lib.roads.build.engine import build_engine_files
from depannini_dashmap.lib.roads.build.failures import BuildFailed, Unavailable
from depannini_dashmap.lib.roads.build.places import build_places
from depannini_dashmap.lib.roads.build.street_tiles import build_streets

Say = Callable[[str], None]
Part = Callable[[Path, Path], str]
# Free space that a build needs, as a multiple of the extract: measured 4 to 5 with the road engine's files.
ROOM = 8
DISK_IS_FULL = ("no space left", "disk is full")  # as the programs that we call say it


def build(extract: Path, say: Say = lambda line: None) -> data.Build:
    """Build everything this machine can out of an extract, and make it the build in use.

    Effects: a directory below `ROADS_DIR`, the pointer; nothing of either where it fails. Raises: BuildFailed with a
    sentence for people: no extract, no room on the disk, another build under way, a part that failed.
    """
    box = read_box(extract)
    root = data.root()
    root.mkdir(parents=True, exist_ok=True)
    _refuse_a_full_disk(extract, root)
    with _alone(root):
        name = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H%M%S")
        work = root / f".building-{name}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        try:
            made = _build_parts(extract, work, say)
            (work / data.SOURCE).write_text(json.dumps(_source(extract, box, made), indent=1, ensure_ascii=False) + "\n")
            finished = root / _free_name(root, name)
            work.rename(finished)
            data.switch_to(finished)
        except (OSError, sqlite3.Error) as error:
            why = getattr(error, "strerror", None) or error
            raise BuildFailed(f"The build could not be written ({why}); the data of before stays in use.") from error
        finally:
            shutil.rmtree(work, ignore_errors=True)
    built = data.current()
    if built is None or built.directory != finished:
        raise BuildFailed("The finished build could not be read back; the data of before stays in use.")
    return built


def parts() -> dict[str, tuple[str, Part]]:
    """Return what a build is made of, by its file: a word for it, and what makes it and says what was made."""
    return {
        data.PLACES: ("Places", lambda extract, work: f"{build_places(extract, work / data.PLACES):,} names"),
        data.STREETS: ("Streets", lambda extract, work: build_streets(extract, work / data.STREETS, read_box(extract))),
        data.ENGINE_FILES: ("Roads", lambda extract, work: build_engine_files(extract, work / data.ENGINE_FILES)),
    }


def read_box(extract: Path) -> tuple[float, float, float, float]:
    """Return (south, west, north, east) of an extract. Raises: BuildFailed for another file."""
    try:
        import osmium
    except ImportError:
        raise BuildFailed("The package osmium is missing: pip install -r requirements-roads.txt (make roads does it).") from None
    if not extract.is_file():
        raise BuildFailed(f"{extract} is not there.")
    try:
        with osmium.io.Reader(str(extract)) as reader:
            box = reader.header().box()
        if box.valid():
            return box.bottom_left.lat, box.bottom_left.lon, box.top_right.lat, box.top_right.lon
        lats, lngs = _corners(osmium, extract)
    except RuntimeError:
        raise BuildFailed(f"{extract.name} is no OpenStreetMap extract: a file like algeria-latest.osm.pbf is needed.") from None
    if lats[0] > lats[1]:
        raise BuildFailed(f"{extract.name} holds no place at all.")
    return lats[0], lngs[0], lats[1], lngs[1]


def _corners(osmium: Any, extract: Path) -> tuple[list[float], list[float]]:
    lats, lngs = [90.0, -90.0], [180.0, -180.0]
    for node in osmium.FileProcessor(str(extract), osmium.osm.NODE):
        if node.location.valid():
            lats = [min(lats[0], node.lat), max(lats[1], node.lat)]
            lngs = [min(lngs[0], node.lon), max(lngs[1], node.lon)]
    return lats, lngs


def _build_parts(extract: Path, work: Path, say: Say) -> dict[str, str]:
    made = {}
    for name, (called, make) in parts().items():
        began = time.monotonic()
        say(f"{called} ...")
        try:
            made[name] = make(extract, work)
        except Unavailable as error:
            _remove(work / name)
            made[name] = str(error)
            say(f"  left out: {error}")
            continue
        except RuntimeError as error:
            if any(sign in str(error).lower() for sign in DISK_IS_FULL):
                raise BuildFailed(f"{called}: the disk is full; the data of before stays in use.") from error
            raise BuildFailed(f"{called}: {extract.name} cannot be read ({error}); the data of before stays in use.") from error
        say(f"  {made[name]}, {size_of(work / name) / 1e6:.1f} MB, {time.monotonic() - began:.1f} s")
    return made


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files below a directory."""
    return sum(file.stat().st_size for file in path.rglob("*")) if path.is_dir() else path.stat().st_size


def _source(extract: Path, box: tuple[float, float, float, float], made: dict[str, str]) -> dict[str, Any]:
    with extract.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "file": extract.name,
        "sha256": digest,
        "bytes": extract.stat().st_size,
        "data_of": _data_of(extract),
        "built_at": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "box": list(box),
        "made": made,
        "attribution": data.ATTRIBUTION,
        "licence": "Open Database License 1.0, https://opendatacommons.org/licenses/odbl/1-0/",
    }


def _data_of(extract: Path) -> str:
    """Return the instant that the extract shows, or the day of the file where it does not say."""
    import osmium

    with osmium.io.Reader(str(extract)) as reader:
        said = reader.header().get("osmosis_replication_timestamp", "")
    return said or dt.datetime.fromtimestamp(extract.stat().st_mtime, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _free_name(root: Path, name: str) -> str:
    return name if not (root / name).exists() else f"{name}-{time.time_ns() % 1_000_000}"


def _refuse_a_full_disk(extract: Path, root: Path) -> None:
    need, free = extract.stat().st_size * ROOM, shutil.disk_usage(root).free
    if free < need:
        raise BuildFailed(f"A build of {extract.name} needs about {need / 1e6:,.0f} MB in {root}; {free / 1e6:,.0f} MB are free.")


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    with (root / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BuildFailed("Another build is under way; wait for it.") from None
        yield
