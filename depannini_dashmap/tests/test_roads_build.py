"""`manage.py roads`: a whole build of each extract, and files that are not extracts, and failures."""

import shutil
import sqlite3
from collections import namedtuple
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from depannini_dashmap.lib.roads import data, places
from depannini_dashmap.lib.roads.build import pipeline
from depannini_dashmap.lib.roads.build.failures import BuildFailed, Unavailable
from testing.roads import LIECHTENSTEIN, MONACO

pytest.importorskip("osmium", reason="needs the packages of requirements-roads.txt")


@pytest.fixture(autouse=True)
def _own_directory(settings, tmp_path):
    settings.ROADS_DIR = tmp_path / "roads"


@pytest.fixture
def only_places(monkeypatch):
    """Build what takes a moment."""
    made = pipeline.parts()[data.PLACES]
    monkeypatch.setattr(pipeline, "parts", lambda: {data.PLACES: made})


@pytest.mark.slow
@pytest.mark.parametrize("extract", [MONACO, LIECHTENSTEIN])
def test_a_whole_build(engine_programs, settings, extract):
    settings.ROADS_DIR.mkdir()
    (settings.ROADS_DIR / "engine").symlink_to(engine_programs.parents[1])
    said = StringIO()
    call_command("roads", str(extract), stdout=said)
    build = data.current()
    assert {path.name for path in build.directory.iterdir()} == {*pipeline.parts(), data.SOURCE}
    assert build.source["file"] == extract.name
    assert build.source["attribution"] == "© OpenStreetMap contributors"
    assert f"In use now: {build.directory}" in said.getvalue()
    assert "left out" not in said.getvalue()


def test_the_next_build_takes_over_and_the_one_before_the_last_goes(only_places, settings):
    for extract in (MONACO, LIECHTENSTEIN, MONACO):
        built = pipeline.build(extract)
        assert data.current() == built
    kept = [path.name for path in settings.ROADS_DIR.iterdir() if path.is_dir() and not path.is_symlink()]
    assert len(kept) == data.KEPT
    assert built.name in kept
    assert built.covers(43.735, 7.42)
    assert not built.covers(47.14, 9.52)


@pytest.mark.parametrize("content", [b"", b"<osm/>", b"\x00" * 1000, b"no extract at all"])
def test_what_is_no_extract_is_refused_and_the_data_of_before_stays(only_places, tmp_path, content):
    before = pipeline.build(MONACO)
    foreign = tmp_path / "foreign.osm.pbf"
    foreign.write_bytes(content)
    with pytest.raises(CommandError, match=r"is no OpenStreetMap extract|holds no place"):
        call_command("roads", str(foreign))
    assert data.current() == before
    assert places.search("rue grimaldi")


def test_half_an_extract_is_refused(only_places, settings, tmp_path):
    half = tmp_path / "half.osm.pbf"
    half.write_bytes(MONACO.read_bytes()[:200_000])
    with pytest.raises(BuildFailed, match="cannot be read"):
        pipeline.build(half)
    assert data.current() is None
    assert [path for path in settings.ROADS_DIR.iterdir() if path.is_dir()] == []


def test_a_file_that_is_not_there():
    with pytest.raises(CommandError, match="is not there"):
        call_command("roads", "/nowhere/algeria.osm.pbf")
    with pytest.raises(CommandError, match="Which extract"):
        call_command("roads")


def test_a_full_disk_is_said_beforehand(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: namedtuple("usage", "total used free")(1, 1, 1000))
    with pytest.raises(BuildFailed, match="needs about"):
        pipeline.build(MONACO)


@pytest.mark.parametrize(
    "error",
    [sqlite3.OperationalError("database or disk is full"), RuntimeError("osrm-extract: Write error (possible cause: \"No space left on device\")"), OSError(28, "No space left on device")],
)
def test_whatever_notices_the_full_disk_says_so(only_places, monkeypatch, settings, error):
    before = pipeline.build(MONACO)

    def fill(extract, work):
        raise error

    monkeypatch.setattr(pipeline, "parts", lambda: {data.PLACES: ("Places", fill)})
    with pytest.raises(CommandError, match=r"disk is full|No space left.*the data of before stays"):
        call_command("roads", str(MONACO))
    assert data.current() == before
    assert [path.name for path in settings.ROADS_DIR.iterdir() if path.is_dir() and not path.is_symlink()] == [before.name]


def test_a_disk_that_fills_on_the_way_leaves_nothing_behind(only_places, monkeypatch, settings):
    before = pipeline.build(MONACO)

    def fill(extract, work):
        (work / "half").write_bytes(b"x")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pipeline, "parts", lambda: {"half": ("Half", fill)})
    with pytest.raises(BuildFailed, match="No space left on device"):
        pipeline.build(MONACO)
    assert data.current() == before
    assert not list(settings.ROADS_DIR.glob(".building-*"))


def test_what_this_machine_cannot_make_is_left_out_and_said(monkeypatch):
    def cannot(extract, work):
        raise Unavailable("there is no engine here")

    made = pipeline.parts()[data.PLACES]
    monkeypatch.setattr(pipeline, "parts", lambda: {data.PLACES: made, data.ENGINE_FILES: ("Roads", cannot)})
    said = []
    built = pipeline.build(MONACO, said.append)
    assert "  left out: there is no engine here" in said
    assert built.source["made"][data.ENGINE_FILES] == "there is no engine here"
    assert built.file(data.ENGINE_FILES) is None
    assert built.file(data.PLACES) is not None


def test_one_build_at_a_time(settings):
    settings.ROADS_DIR.mkdir()
    with pipeline._alone(settings.ROADS_DIR), pytest.raises(BuildFailed, match="Another build is under way"):
        pipeline.build(MONACO)


@pytest.mark.parametrize("where", ["5000", "x:y", "0.0.0.0:0", "0.0.0.0:70000", ":5000"])
def test_where_to_serve_must_be_an_address(where):
    with pytest.raises(CommandError, match="HOST:PORT"):
        call_command("roads", serve=where)
