"""Fixtures: builds of the extracts that ship with the product, made once a run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from depannini_dashmap.lib import roads

EXTRACTS = Path(roads.__file__).parent / "extracts"
MONACO = EXTRACTS / "monaco-2021.osm.pbf"
LIECHTENSTEIN = EXTRACTS / "liechtenstein-2015.osm.pbf"


@pytest.fixture(scope="session")
def places_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Give the places of an extract as a file, made once."""
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
