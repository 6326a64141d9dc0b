"""Places: their spelling, what names one by numbers, the search in both extracts, the nearest street, what is no data."""

import sqlite3
import threading

import pytest

from depannini_dashmap.lib.roads import data, external_geocoder, places, spelling, typed_coordinates
from testing.roads import LIECHTENSTEIN, MONACO

HARBOUR = (43.735, 7.42)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Bd. Zighoud Youcef", ["boulevard", "zighoud", "youcef"]),
        ("HÔTEL de l'Œuvre", ["hotel", "de", "l", "oeuvre"]),
        ("شَارِع الأمير عبد القادر", ["شارع", "امير", "عبد", "قادر"]),
        ("مستشفى الجزيرة", ["مستشفي", "جزيره"]),
        ("ال", ["ال"]),
        ("١٢ Straße", ["12", "strasse"]),
        ("  ,;- ", []),
    ],
)
def test_names_have_one_spelling(typed, read):
    assert spelling.words(typed) == read


@pytest.mark.parametrize(
    ("typed", "kind", "lat", "lng"),
    [
        ("36.76, 3.05", "coordinates", 36.76, 3.05),
        (" 36.76 3.05 ", "coordinates", 36.76, 3.05),
        ("-33.9;18.4", "coordinates", -33.9, 18.4),
        ("36,76 ; 3,05", "coordinates", 36.76, 3.05),
        ("٣٦٫٧٦، ٣٫٠٥", "coordinates", 36.76, 3.05),
        ("36°45'36\"N 3°3'E", "coordinates", 36.76, 3.05),
        ("33°54'S, 18°24'O", "coordinates", -33.9, -18.4),
        ("geo:36.76,3.05?z=17", "link", 36.76, 3.05),
        ("https://www.google.com/maps/place/Alger/@36.7,3.0,15z/data=!3d36.76!4d3.05", "link", 36.76, 3.05),
        ("https://www.google.com/maps/@36.76,3.05,15z", "link", 36.76, 3.05),
        ("https://maps.google.com/?q=36.76,3.05", "link", 36.76, 3.05),
        ("https://www.google.com/maps/search/?api=1&query=36.76%2C3.05", "link", 36.76, 3.05),
        ("https://www.openstreetmap.org/#map=17/36.76/3.05", "link", 36.76, 3.05),
        ("https://www.openstreetmap.org/?mlat=36.76&mlon=3.05#map=4/1/1", "link", 36.76, 3.05),
        ("https://maps.apple.com/?ll=36.76,3.05&q=Here", "link", 36.76, 3.05),
        ("https://waze.com/ul?ll=36.76,3.05&navigate=yes", "link", 36.76, 3.05),
        ("https://www.bing.com/maps?cp=36.76~3.05&lvl=11", "link", 36.76, 3.05),
        ("https://yandex.com/maps/?ll=3.05%2C36.76&z=12", "link", 36.76, 3.05),
        ("8F85Q322+XW", "plus_code", 36.752437, 3.052312),
    ],
)
def test_numbers_name_a_place(typed, kind, lat, lng):
    pin = typed_coordinates.read_pin(typed)
    assert (pin.kind, round(pin.lat, 3), round(pin.lng, 3)) == (kind, round(lat, 3), round(lng, 3))


@pytest.mark.parametrize(
    "typed",
    ["", "rue", "16 1234", "91.5, 3.0", "36.7, 181", "36.7", "1.2, 3.4, 5.6", "https://[", "http://example.com/", "geo:x", "geo:99,3", "Q322+XW",
     "8F8G0000", "https://maps.app.goo.gl/abc", "a" * 300_0, "https://x/?" + "a=1&" * 600, "36°99'N"],
)  # fmt: skip
def test_other_texts_name_none(typed):
    assert typed_coordinates.read_pin(typed) is None


def test_a_short_code_needs_its_town():
    assert typed_coordinates.read_pin("Q322+XW Alger", {"Alger": (36.77, 3.06)}.get).lat == pytest.approx(36.7524, abs=1e-3)
    assert typed_coordinates.read_pin("Q322+XW", lambda town: None) is None


def test_short_links_are_known():
    assert typed_coordinates.is_short_link("https://maps.app.goo.gl/abc")
    assert not typed_coordinates.is_short_link("https://www.google.com/maps/@36.7,3.0,15z")
    assert not typed_coordinates.is_short_link("https://[")


@pytest.mark.parametrize(
    ("typed", "kind", "name"),
    [
        ("rue grimaldi", "street", "Rue Grimaldi"),
        ("R Grimaldi", "street", "Rue Grimaldi"),
        ("av princesse grace", "street", "Avenue Princesse Grace"),
        ("12 bd des moulins", "street", "Boulevard des Moulins"),
        ("monte carlo", "suburb", "Monte-Carlo"),
        ("موناكو", "city", "Monaco"),
        ("MÓNACO", "city", "Monaco"),
        ("hopit", "poi", "Hôpital"),
        ("34 rue grimaldi", "address", "34 Rue Grimaldi"),
        ("rue grimaldi qqqq", "street", "Rue Grimaldi"),
    ],
)
def test_what_is_typed_is_found(use_places, typed, kind, name):
    use_places(MONACO)
    found = places.search(typed)[0]
    assert (found.kind, found.name) == (kind, name)


@pytest.mark.parametrize("typed", ["", "g", "é", "'", '"', "zzzzzz qqqq", "name : x", "(", "AND", "*", "a" * 5000, "\x00\x00", "\ud800x"])
def test_odd_texts_find_little_and_break_nothing(use_places, typed):
    use_places(MONACO)
    assert isinstance(places.search(typed, near=HARBOUR), list)


def test_the_reader_is_answered_in_their_language(use_places):
    use_places(MONACO)
    assert places.search("monaco", language="ar")[0].name == "موناكو"
    assert places.search("monaco", language="fr")[0].name == "Monaco"


def test_a_street_is_one_street_though_its_pieces_are_many(use_places):
    use_places(MONACO)
    found = [place for place in places.search("avenue princesse grace", limit=20) if place.kind == "street" and place.name == "Avenue Princesse Grace"]
    assert len(found) <= 2


def test_the_nearest_comes_first_among_equals(use_places):
    use_places(LIECHTENSTEIN)
    for town, lat, lng in (("Triesen", 47.1075, 9.528), ("Schaan", 47.165, 9.509)):
        first = places.search("landstrasse", near=(lat, lng))[0]
        assert town in first.context


def test_the_nearest_street_is_named_with_its_distance(use_places):
    use_places(MONACO)
    street, place = places.nearest(*HARBOUR)
    assert street == {"name": "Rue Louis Notari", "context": "La Condamine, Monaco", "distance_m": 38, "lat": 43.735051, "lng": 7.420466}
    assert place.name == "La Condamine"


@pytest.mark.parametrize("point", [(0.0, 0.0), (90.0, 0.0), (-90.0, 180.0), (43.735, -172.0)])
def test_nothing_is_near_a_point_outside(use_places, point):
    use_places(MONACO)
    assert places.nearest(*point) == (None, None)


def test_without_data_nothing_is_found():
    assert data.current() is None
    assert places.search("rue grimaldi") == []
    assert places.nearest(*HARBOUR) == (None, None)


@pytest.mark.parametrize("content", [b"", b"no database at all" * 1000])
def test_a_broken_file_finds_nothing(use_places, settings, content):
    use_places(MONACO)
    file = data.current().directory / data.PLACES
    file.unlink()
    file.write_bytes(content)
    assert places.search("rue grimaldi") == []
    assert places.nearest(*HARBOUR) == (None, None)


def test_a_new_build_is_taken_up_at_once(use_places, settings):
    use_places(MONACO)
    assert places.search("vaduz") == []
    use_places(LIECHTENSTEIN)
    assert places.search("vaduz")[0].name == "Vaduz"


def test_a_hundred_searches_at_once(use_places):
    use_places(MONACO)
    found = []
    threads = [threading.Thread(target=lambda: found.append(places.search("rue grimaldi")[0].name)) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["Rue Grimaldi"] * 100


def test_the_file_says_whose_cells_are_whose():
    assert places.cell_of(36.76, 3.05) == (1267, 1830)
    assert places.cell_name(1267, 3600) == "c1267x0"
    assert "c1267x3599" in places.cells_around(36.76, -179.99)
    with sqlite3.connect(":memory:") as connection:
        assert ("ENABLE_FTS5",) in connection.execute("PRAGMA compile_options").fetchall()


def test_an_outside_search_that_is_away_finds_nothing_and_rests(settings, monkeypatch):
    monkeypatch.setattr(external_geocoder, "_rests_until", 0.0)
    settings.GEOCODER_URL = "http://127.0.0.1:9/"
    assert external_geocoder.search("alger", near=None, language="fr") == []
    assert external_geocoder._rests_until > 0
