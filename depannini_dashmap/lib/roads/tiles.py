"""Street tiles out of the MBTiles file of a build: read by number, sent as they lie there, compressed."""

from __future__ import annotations

import re
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path

from depannini_dashmap.lib.roads import data

_NAME = re.compile(r"[0-9A-Za-z:T-]{1,40}\Z")
_local = threading.local()


@dataclass(frozen=True)
class Streets:
    """The street map in use: the name of its build, what it covers, and how far its tiles go."""

    build: str
    south: float
    west: float
    north: float
    east: float
    max_zoom: int


def in_use() -> Streets | None:
    """Return the street map in use, or None."""
    build = data.current()
    if build is None or build.file(data.STREETS) is None:
        return None
    return Streets(build.name, *build.box, max_zoom=14)


def read_tile(build: str, z: int, x: int, y: int) -> bytes | None:
    """Return one tile, gzip-compressed; empty where nothing is drawn, None where there is no such build."""
    connection = _open(build)
    if connection is None:
        return None
    try:
        row = connection.execute(
            "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?", (z, x, (1 << z) - 1 - y)
        ).fetchone()
    except sqlite3.Error:
        return None
    return row[0] if row else b""


def _open(build: str) -> sqlite3.Connection | None:
    """Return this thread's connection to a build that is still there."""
    kept: tuple[str, Path, sqlite3.Connection] | None = getattr(_local, "kept", None)
    root = data.root()
    if kept is not None and kept[0] == build and kept[1] == root:
        return kept[2]
    if not _NAME.match(build):
        return None
    path = root / build / data.STREETS
    if not path.is_file():
        return None
    if kept is not None:
        kept[2].close()
        _local.kept = None
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    except sqlite3.Error:
        return None
    _local.kept = build, root, connection
    return connection
