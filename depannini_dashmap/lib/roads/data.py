"""Which build of the roads data is in use: a directory a build, and one pointer that is switched in one step."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

POINTER = "current"
PLACES, STREETS, ENGINE_FILES, SOURCE = "places.sqlite", "streets.mbtiles", "osrm", "SOURCE"
ATTRIBUTION = "© OpenStreetMap contributors"
KEPT = 2  # builds: the one in use, and the one before it, whose files a server may still read


@dataclass(frozen=True)
class Build:
    """One build: where its files are, and what its SOURCE says."""

    directory: Path
    source: dict[str, Any] = field(hash=False, compare=False)

    @property
    def name(self) -> str:
        """Name the build, as its pages' addresses do."""
        return self.directory.name

    def file(self, name: str) -> Path | None:
        """Return a part of the build; None where this machine could not make it."""
        path = self.directory / name
        return path if path.exists() else None

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return (south, west, north, east) of what the data covers, in degrees."""
        south, west, north, east = self.source["box"]
        return south, west, north, east

    def covers(self, lat: float, lng: float) -> bool:
        """Return whether a place lies in the box of the data."""
        south, west, north, east = self.box
        return south <= lat <= north and west <= lng <= east


def root() -> Path:
    """Return where builds are kept."""
    return Path(settings.ROADS_DIR)


def current() -> Build | None:
    """Return the build in use, None without one, or where it cannot be read; costs one read of the pointer."""
    try:
        name = (root() / POINTER).readlink().name
    except OSError:
        return None
    return _read(root() / name)


@lru_cache(maxsize=4)
def _read(directory: Path) -> Build | None:
    try:
        source = json.loads((directory / SOURCE).read_text())
        build = Build(directory, source)
        build.box  # noqa: B018 - raises for a SOURCE without it
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return build


def engine_home() -> Path:
    """Return where the road engine's programs are stored, next to the builds."""
    return root() / "engine"


def engine_program() -> Path | None:
    """Return the routing program: ours, else one of the system, else None."""
    own = engine_home() / "osrm" / "bin" / "osrm-routed"
    if own.exists():
        return own
    system = shutil.which("osrm-routed")
    return Path(system) if system else None


def engine_files(directory: Path) -> Path | None:
    """Return the base name of the files that the engine reads; None where they are missing."""
    base = directory / "roads.osrm"
    return base if base.with_name("roads.osrm.hsgr").exists() else None


def switch_to(directory: Path) -> None:
    """Make a finished build the one in use, in one step, and remove those before the last."""
    beside = root() / f".{POINTER}-{directory.name}"
    beside.unlink(missing_ok=True)
    beside.symlink_to(directory.name, target_is_directory=True)
    beside.replace(root() / POINTER)
    builds = sorted((path for path in root().iterdir() if (path / SOURCE).is_file() and not path.is_symlink()), key=lambda path: path.stat().st_mtime)
    for old in builds[:-KEPT]:
        if old.name != directory.name:
            shutil.rmtree(old, ignore_errors=True)
