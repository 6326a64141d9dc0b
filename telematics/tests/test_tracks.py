"""`GET positions/track/`: the line of a vehicle."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.django_db
URL = "/api/positions/"


def minute(number: int) -> str:
    return (dt.datetime(2024, 1, 15, 14, 0, tzinfo=dt.UTC) + dt.timedelta(minutes=number)).isoformat()


def test_track_is_a_line(api: Any, dispatcher: Any, van: Any, fix: Callable) -> None:
    client = api(dispatcher)
    rows = [fix(van, latitude=36 + n / 1000, longitude=3, timestamp=minute(n)) for n in range(5)]
    client.post(f"{URL}bulk/", {"positions": [*rows, fix(van, latitude=-60, timestamp=minute(5))]})
    body = client.get(f"{URL}track/", {"vehicle": van.pk}).json()
    assert body["type"] == "FeatureCollection"
    (feature,) = body["features"]
    assert feature["type"] == "Feature"
    assert feature["geometry"]["type"] == "LineString"
    assert feature["geometry"]["coordinates"] == [[3.0, 36 + n / 1000] for n in range(5)]
    assert feature["properties"]["is_thinned"] is False
    assert feature["properties"]["distance_km"] == pytest.approx(0.445, abs=0.001)
    query = {"vehicle": van.pk, "from": minute(1), "to": minute(2)}
    (feature,) = client.get(f"{URL}track/", query).json()["features"]
    assert feature["geometry"]["coordinates"] == [[3.0, 36.001], [3.0, 36.002]]


def test_tracks_of_one_and_of_no_fix(api: Any, dispatcher: Any, van: Any, fix: Callable) -> None:
    client = api(dispatcher)
    assert client.get(f"{URL}track/", {"vehicle": van.pk}).json()["features"][0]["geometry"] is None
    client.post(URL, fix(van))
    (feature,) = client.get(f"{URL}track/", {"vehicle": van.pk}).json()["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [-73.9851456, 40.7589123]}


@pytest.mark.parametrize("limit", [20_000, 1500])
def test_long_tracks_are_thinned(
    api: Any, dispatcher: Any, van: Any, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr("telematics.track.MAX_READ", limit)
    client = api(dispatcher)
    row = {"vehicle_id": van.pk, "longitude": 3, "speed": 1, "heading": 1}
    rows = [{**row, "latitude": 36 + (n % 7) / 1e4, "timestamp": minute(-n)} for n in range(2500)]
    assert client.post(f"{URL}bulk/", {"positions": rows}).json()["accepted"] == 2500
    (feature,) = client.get(f"{URL}track/", {"vehicle": van.pk}).json()["features"]
    stamps = feature["properties"]["timestamps"]
    assert len(feature["geometry"]["coordinates"]) == len(stamps) == feature["properties"]["points"] == 1000
    assert (stamps[0], stamps[-1]) == (minute(-2499)[:19] + "Z", minute(0)[:19] + "Z")
    assert stamps == sorted(stamps)
    assert feature["properties"]["is_thinned"] is True


@pytest.mark.parametrize(
    "query", ["", "vehicle=", "vehicle=abc", "vehicle=%00", "vehicle=1&from=x", "vehicle=1&to=%00"]
)
def test_track_checks_its_query(api: Any, dispatcher: Any, query: str) -> None:
    assert api(dispatcher).get(f"{URL}track/?{query}").status_code == 400
