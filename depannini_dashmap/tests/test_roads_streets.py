"""Streets: tiles of both extracts, how they are sent, the sea, and the console's maps."""

import gzip

import pytest
from django.test import Client
from django.urls import reverse

from depannini_dashmap.lib.roads import data, tiles
from depannini_dashmap.lib.roads.build import coast
from depannini_dashmap.lib.roads.build.pipeline import read_box
from testing.roads import LIECHTENSTEIN, MONACO, put_into_use

HARBOUR_TILE = (14, 8529, 5974)  # around 43.735, 7.42
SQUARE = (0.0, 0.0, 10.0, 10.0)


@pytest.fixture(scope="session", params=["tilemaker", "tippecanoe"])
def streets_file(request, tmp_path_factory):
    pytest.importorskip("osmium", reason="needs the packages of requirements-roads.txt")
    from depannini_dashmap.lib.roads.build import street_tiles, tilemaker
    from depannini_dashmap.lib.roads.build.failures import Unavailable

    if request.param == "tilemaker" and tilemaker.program() is None:
        pytest.skip("needs the program tilemaker (Debian's package)")
    make = street_tiles.build_streets if request.param == "tilemaker" else street_tiles._by_tippecanoe
    target = tmp_path_factory.mktemp("streets") / "streets.mbtiles"
    try:
        assert make(MONACO, target, read_box(MONACO)).endswith(f"by {request.param}")
    except Unavailable as error:
        pytest.skip(str(error))
    return target


@pytest.fixture
def use_streets(streets_file, settings, tmp_path):
    settings.ROADS_DIR = tmp_path / "roads"
    put_into_use(settings.ROADS_DIR, "2026-11-28T100000", read_box(MONACO), {data.STREETS: streets_file})


def _path(build="2026-11-28T100000", z=14, x=HARBOUR_TILE[1], y=HARBOUR_TILE[2]):
    return f"/streets/{build}/{z}/{x}/{y}.mvt"


def test_a_tile_holds_streets_with_their_names(use_streets):
    tile = gzip.decompress(tiles.read_tile("2026-11-28T100000", *HARBOUR_TILE))
    for word in ("roads", "buildings", "water", "earth", "Rue Grimaldi", "minor_road"):
        assert word.encode() in tile


@pytest.mark.parametrize("program", ["#!/bin/sh\necho cannot >&2\nexit 3\n", "#!/bin/sh\nexit 0\n", "no program"])
def test_where_tilemaker_fails_the_other_way_is_taken(program, tmp_path, monkeypatch):
    pytest.importorskip("osmium", reason="needs the packages of requirements-roads.txt")
    from depannini_dashmap.lib.roads.build import street_tiles, tilemaker

    false = tmp_path / "tilemaker"
    false.write_text(program)
    false.chmod(0o755)
    monkeypatch.setattr(tilemaker, "program", lambda: str(false))
    monkeypatch.setattr(street_tiles, "_by_tippecanoe", lambda *_: "by tippecanoe")
    assert street_tiles.build_streets(MONACO, tmp_path / "s.mbtiles", read_box(MONACO)) == "by tippecanoe"
    assert [path.name for path in tmp_path.iterdir()] == ["tilemaker"]


def test_a_tile_is_sent_as_it_lies_there_and_kept_for_ever(use_streets):
    answer = Client().get(_path(), headers={"Accept-Encoding": "gzip, br"})
    assert answer.status_code == 200
    assert answer.content == tiles.read_tile("2026-11-28T100000", *HARBOUR_TILE)
    assert answer["Content-Encoding"] == "gzip"
    assert answer["Content-Type"] == "application/vnd.mapbox-vector-tile"
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    plain = Client().get(_path())
    assert "Content-Encoding" not in plain.headers
    assert plain.content == gzip.decompress(answer.content)


@pytest.mark.parametrize("numbers", [(14, 0, 0), (14, 99999999, 1), (3, 1, 1), (22, 1, 1), (60, 1, 1), (0, 5, 5)])
def test_where_nothing_is_drawn_the_answer_is_empty(use_streets, numbers):
    answer = Client().get(_path("2026-11-28T100000", *numbers))
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("build", ["2020-01-01T000000", "current", "..", "x%00", "a" * 300])
def test_a_build_that_is_not_there(use_streets, build):
    answer = Client().get(_path(build))
    assert answer.status_code in ((404,) if build != "current" else (200, 404))


def test_a_broken_file_shows_nothing(use_streets, settings):
    file = settings.ROADS_DIR / "2026-11-28T100001" / data.STREETS
    file.parent.mkdir()
    file.write_bytes(b"no database" * 1000)
    assert Client().get(_path("2026-11-28T100001")).status_code == 404


@pytest.mark.django_db
def test_the_map_names_its_streets(use_streets, dispatcher, client):
    client.force_login(dispatcher)
    page = client.get(reverse("admin:map")).content.decode()
    assert 'data-streets-url="/streets/2026-11-28T100000/{z}/{x}/{y}.mvt"' in page
    assert 'data-streets-box="43.72335,7.409205,43.75169,7.448637"' in page


@pytest.mark.django_db
def test_other_tiles_win_and_without_data_the_map_is_that_of_before(use_streets, dispatcher, client, settings, tmp_path):
    client.force_login(dispatcher)
    settings.MAP_TILE_URL = "https://tiles.example.com/{z}/{x}/{y}.png"
    page = client.get(reverse("admin:map")).content.decode()
    assert "data-streets-url" not in page
    assert 'data-tile-url="https://tiles.example.com/{z}/{x}/{y}.png"' in page
    settings.MAP_TILE_URL, settings.ROADS_DIR = "", tmp_path / "none"
    page = client.get(reverse("admin:map")).content.decode()
    assert "data-streets-url" not in page
    assert "basemap/world.geojson" in page


# --- The sea: land lies to the left of a coast -----------------------------------------------------------------------------
def _is_sea(polygons, x, y):
    return any(coast._holds(ring[0], (x, y)) and not any(coast._holds(island, (x, y)) for island in ring[1:]) for ring in polygons)


@pytest.mark.parametrize(
    ("coasts", "at_sea", "ashore"),
    [
        ([], [], [(5, 5)]),
        ([[(-5, 5), (15, 5)]], [(5, 2)], [(5, 8)]),
        ([[(15, 5), (-5, 5)]], [(5, 8)], [(5, 2)]),
        ([[(-5, 5), (5, 5)], [(5, 5), (15, 5)]], [(5, 2)], [(5, 8)]),
        ([[(1, 5), (9, 5)]], [(5, 2)], [(5, 8)]),  # as an extract was cut
        ([[(5, 15), (5, -5)]], [(2, 5)], [(8, 5)]),
        ([[(-5, 3), (15, 3)], [(15, 7), (-5, 7)]], [(5, 1), (5, 9)], [(5, 5)]),
        ([[(15, 3), (-5, 3)], [(-5, 7), (15, 7)]], [(5, 5)], [(5, 1), (5, 9)]),
        ([[(-5, 5), (15, 5)], [(4, 1), (6, 1), (6, 3), (4, 3), (4, 1)]], [(1, 1), (9, 4)], [(5, 2), (5, 8)]),  # an island
        ([[(4, 4), (6, 4), (6, 6), (4, 6), (4, 4)]], [(1, 1), (9, 9)], [(5, 5)]),
        ([[(8, 8), (12, 8), (12, 12), (8, 12), (8, 8)]], [(1, 1), (7, 9)], [(9, 9)]),  # an island that the box cuts
    ],
)  # fmt: skip
def test_coasts_become_sea(coasts, at_sea, ashore):
    polygons = coast.sea([[(float(x), float(y)) for x, y in line] for line in coasts], SQUARE)
    assert [point for point in at_sea if not _is_sea(polygons, *point)] == []
    assert [point for point in ashore if _is_sea(polygons, *point)] == []


@pytest.mark.slow
def test_monaco_lies_at_the_sea_and_liechtenstein_does_not():
    osmium = pytest.importorskip("osmium", reason="needs the packages of requirements-roads.txt")
    for extract, at_sea, ashore in ((MONACO, [(7.435, 43.728), (7.445, 43.735)], [(7.4200, 43.7390), (7.4270, 43.7420)]), (LIECHTENSTEIN, [], [(9.52, 47.14)])):
        south, west, north, east = read_box(extract)
        lines = [
            [(node.lon, node.lat) for node in way.nodes if node.location.valid()]
            for way in osmium.FileProcessor(str(extract)).with_locations().with_filter(osmium.filter.TagFilter(("natural", "coastline")))
            if way.is_way()
        ]
        polygons = coast.sea(lines, (west, south, east, north))
        assert [point for point in at_sea if not _is_sea(polygons, *point)] == []
        assert [point for point in ashore if _is_sea(polygons, *point)] == []
