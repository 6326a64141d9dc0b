"""Fixtures: builds of the extracts that ship with the product, made once a run."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from depannini_dashmap.lib import roads

EXTRACTS = Path(roads.__file__).parent / "extracts"
MONACO = EXTRACTS / "monaco-2021.osm.pbf"
LIECHTENSTEIN = EXTRACTS / "liechtenstein-2015.osm.pbf"


@pytest.fixture(scope="session")
def places_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Return the places of an extract as a file, made once."""
    pytest.importorskip("osmium", reason="needs the packages of requirements-roads.txt")
    from depannini_dashmap.lib.roads.build.places import build_places

    made: dict[Path, Path] = {}

    def give(extract: Path) -> Path:
        if extract not in made:
            made[extract] = tmp_path_factory.mktemp("places") / "places.sqlite"
            build_places(extract, made[extract])
        return made[extract]

    return give


@pytest.fixture
def use_places(places_files: Callable[[Path], Path], settings: Any, tmp_path: Path) -> Callable[[Path], None]:
    """Put the places of an extract into use: `use_places(MONACO)`."""
    from depannini_dashmap.lib.roads import data
    from depannini_dashmap.lib.roads.build.pipeline import read_box

    def use(extract: Path) -> None:
        settings.ROADS_DIR = tmp_path / "roads"
        put_into_use(settings.ROADS_DIR, f"of-{extract.stem}", read_box(extract), {data.PLACES: places_files(extract)})

    return use


def put_into_use(root: Path, name: str, box: tuple[float, float, float, float], files: dict[str, Path]) -> None:
    """Lay a build out of finished files, and point to it."""
    import json

    from depannini_dashmap.lib.roads import data

    directory = root / name
    directory.mkdir(parents=True)
    for called, file in files.items():
        (directory / called).symlink_to(file)
    (directory / data.SOURCE).write_text(json.dumps({"box": box, "made": dict.fromkeys(files, "")}))
    data.switch_to(directory)


@pytest.fixture(scope="session")
def engine_programs() -> Path:
    """Return the directory of the road engine's programs, fetched once a machine; skip where they are unavailable."""
    from depannini_dashmap.lib.roads.build import engine
    from depannini_dashmap.lib.roads.build.failures import Unavailable

    home = Path(django_settings.BASE_DIR) / "var" / "roads"
    before, django_settings.ROADS_DIR = django_settings.ROADS_DIR, home
    try:
        return engine.install_programs()
    except Unavailable as error:
        pytest.skip(str(error))
    finally:
        django_settings.ROADS_DIR = before


@pytest.fixture(scope="session")
def engine_files(engine_programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Return an extract's files of the road engine, prepared once."""
    from depannini_dashmap.lib.roads.build import engine

    made: dict[Path, Path] = {}

    def give(extract: Path) -> Path:
        if extract not in made:
            target = tmp_path_factory.mktemp("engine") / "osrm"
            before, django_settings.ROADS_DIR = django_settings.ROADS_DIR, engine_programs.parents[2]
            try:
                engine.build_engine_files(extract, target)
            finally:
                django_settings.ROADS_DIR = before
            made[extract] = target
        return made[extract]

    return give


@pytest.fixture(scope="session")
def engines(engine_programs: Path, engine_files: Callable[[Path], Path]) -> Iterator[Callable[[Path], str]]:
    """Return the address of a road engine that answers for an extract."""
    running: dict[Path, tuple[subprocess.Popen[bytes], str]] = {}

    def give(extract: Path) -> str:
        if extract not in running:
            running[extract] = start_engine(engine_programs, engine_files(extract))
        return running[extract][1]

    yield give
    for process, _ in running.values():
        process.kill()
        process.wait()


@pytest.fixture
def use_roads(engines: Callable[[Path], str], settings: Any) -> Callable[[Path], None]:
    """Have driving times come from an extract: `use_roads(LIECHTENSTEIN)`."""
    from depannini_dashmap.lib.roads import osrm

    def use(extract: Path) -> None:
        settings.ROUTING_URL = engines(extract)
        osrm.forget()

    return use


def start_engine(programs: Path, files: Path) -> tuple["subprocess.Popen[bytes]", str]:
    """Start an OSRM and wait for its first answer."""
    from depannini_dashmap.lib.roads import engine

    port = engine._free_port()
    command = [programs / "osrm-routed", files / "roads.osrm", "-i", "127.0.0.1", "-p", str(port), "--mmap", "-l", "NONE", *engine._MOST]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not engine._answers(port):
        assert process.poll() is None and time.monotonic() < deadline, "the road engine did not start"
        time.sleep(0.02)
    return process, f"http://127.0.0.1:{port}"


def freeze(pid: int) -> None:
    """Stop a process as a debugger would, and wait until all of it stands still."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + 5
    while any((task / "stat").read_text().rpartition(")")[2].split()[0] != "T" for task in Path(f"/proc/{pid}/task").iterdir()):
        assert time.monotonic() < deadline, "it did not stop"
        time.sleep(0.01)
