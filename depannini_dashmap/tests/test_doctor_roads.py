"""What doctor says of the roads data: none, whole, without a part, old, elsewhere, without its engine."""

import json

import pytest

from depannini_dashmap.lib.roads import data, osrm
from depannini_dashmap.operations.doctor_findings import Broken, Doubtful
from depannini_dashmap.operations.doctor_roads import roads
from orders.models import Stop

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_rests():
    osrm.forget()
    yield
    osrm.forget()


@pytest.fixture
def build(settings, tmp_path):
    settings.ROADS_DIR = tmp_path
    settings.ROUTING_URL = "off"

    def make(*, data_of="2099-01-01T00:00:00Z", parts=(data.PLACES, data.STREETS, data.ENGINE_FILES)):
        directory = tmp_path / f"b{len(list(tmp_path.iterdir()))}"
        directory.mkdir()
        for part in parts:
            (directory / part).touch()
        (directory / data.SOURCE).write_text(json.dumps({"file": "algeria.osm.pbf", "data_of": data_of, "box": [36, 2, 37, 4]}))
        data.switch_to(directory)

    return make


def test_without_data_it_says_what_that_means():
    with pytest.raises(Doubtful, match="None: no streets"):
        roads()


def test_a_whole_build(build):
    build()
    assert roads() == "algeria.osm.pbf of 2099-01-01, driving times switched off (ROUTING_URL), 0 of the newest 0 stops outside"


def test_data_that_cannot_be_read_is_broken(build, tmp_path):
    build()
    (tmp_path / "current").unlink()
    (tmp_path / "current").symlink_to("gone")
    with pytest.raises(Broken, match="cannot be read"):
        roads()


def test_a_part_that_is_missing_is_named(build):
    build(parts=(data.PLACES,))
    with pytest.raises(Doubtful, match=r"has no streets.mbtiles, osrm"):
        roads()


def test_old_data_is_doubtful(build):
    build(data_of="2015-07-27T00:00:00Z")
    with pytest.raises(Doubtful, match="is old"):
        roads()


def test_stops_elsewhere_are_counted(build, company_a):
    build()
    Stop.objects.create(company=company_a, name="x", address="x", latitude="48.8", longitude="2.3")
    with pytest.raises(Doubtful, match="1 of the newest 1 stops lie outside"):
        roads()


def test_an_engine_that_does_not_answer_is_doubtful(build, settings):
    build()
    settings.ROUTING_URL = "http://127.0.0.1:9"
    with pytest.raises(Doubtful, match="does not answer"):
        roads()
