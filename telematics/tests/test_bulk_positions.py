"""`POST positions/bulk/`: many positions at once."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.django_db
URL = "/api/positions/"


def minute(number: int) -> str:
    return (dt.datetime(2024, 1, 15, 14, 0, tzinfo=dt.UTC) + dt.timedelta(minutes=number)).isoformat()


def test_bulk_keeps_the_good_rows_and_names_the_bad(
    api: Any, dispatcher: Any, van: Any, other_van: Any, van_b: Any, fix: Callable
) -> None:
    rows = [
        fix(van, timestamp=minute(0)),
        fix(van, timestamp=minute(1), latitude=91),
        fix(van_b, timestamp=minute(2)),
        "no row",
        fix(other_van, timestamp=minute(3)),
        fix(van, timestamp=minute(0), speed=1),
        fix(10**9),
    ]
    client = api(dispatcher)
    answer = client.post(f"{URL}bulk/", {"positions": rows})
    body = answer.json()
    assert answer.status_code == 200
    assert (body["accepted"], body["duplicates"]) == (2, 1)
    assert [error["index"] for error in body["errors"]] == [1, 2, 3, 6]
    assert body["errors"][0] == {
        "index": 1,
        "error": "Latitude: must be at least -90 and at most 90",
        "code": "invalid_data",
        "fields": {"latitude": ["Must be at least -90 and at most 90."]},
    }
    unknown = {"error": "Vehicle not found", "code": "invalid_data", "fields": {"vehicle_id": ["Vehicle not found"]}}
    assert body["errors"][1] == {"index": 2, **unknown}
    assert body["errors"][3] == {"index": 6, **unknown}
    assert [row["speed"] for row in client.get(URL, {"vehicle": van.pk}).json()["results"]] == ["65.50"]


def test_resending_a_bulk_is_harmless(api: Any, dispatcher: Any, van: Any, other_van: Any, fix: Callable) -> None:
    client = api(dispatcher)
    rows = [fix(vehicle, timestamp=minute(n)) for n in range(20) for vehicle in (van, other_van)]
    first, again = (client.post(f"{URL}bulk/", {"positions": rows}).json() for _ in range(2))
    assert first == {"accepted": 40, "duplicates": 0, "errors": []}
    assert again == {"accepted": 0, "duplicates": 40, "errors": []}
    more = [*rows, fix(van, timestamp=minute(20))]
    assert client.post(f"{URL}bulk/", {"positions": more}).json()["accepted"] == 1


def test_a_bulk_row_is_stored_as_a_single_one(
    api: Any, dispatcher: Any, van: Any, other_van: Any, fix: Callable
) -> None:
    client = api(dispatcher)
    client.post(URL, fix(van))
    client.post(f"{URL}bulk/", [fix(other_van), fix(other_van, timestamp=minute(0))])
    single = client.get(URL, {"vehicle": van.pk}).json()["results"][0]
    bulk = client.get(URL, {"vehicle": other_van.pk}).json()["results"][0]
    own = ("id", "vehicle_id", "vehicle_license_plate", "created_at")
    assert {k: v for k, v in single.items() if k not in own} == {k: v for k, v in bulk.items() if k not in own}


def test_bulk_flags_jumps_inside_it(api: Any, dispatcher: Any, van: Any, fix: Callable) -> None:
    client = api(dispatcher)
    latitudes = ["36.0", "36.001", "60", "36.002"]
    rows = [fix(van, latitude=lat, timestamp=f"2024-01-15T14:30:0{n}Z") for n, lat in enumerate(latitudes)]
    client.post(f"{URL}bulk/", {"positions": rows})
    shown = client.get(URL).json()["results"]
    assert [row["implausible"] for row in reversed(shown)] == [False, False, True, False]


def test_optional_values_of_bulk_rows(api: Any, dispatcher: Any, van: Any, fix: Callable) -> None:
    client = api(dispatcher)
    optional = ("altitude", "odometer", "fuel_level", "engine_status")
    rows = [fix(van, timestamp=minute(n), without=optional) for n in range(2)]
    assert client.post(f"{URL}bulk/", {"positions": rows}).json()["accepted"] == 2
    shown = client.get(URL).json()["results"][0]
    assert [shown[name] for name in optional] == [None, None, None, "off"]


@pytest.mark.parametrize("body", [{}, {"positions": None}, {"positions": {}}, {"positions": "x"}, "x", 1, None])
def test_bulk_needs_a_list(api: Any, dispatcher: Any, body: Any) -> None:
    import json

    answer = api(dispatcher).post(f"{URL}bulk/", data=json.dumps(body), content_type="application/json")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["positions"])


def test_bulk_takes_at_most_5000_rows(api: Any, dispatcher: Any, van: Any) -> None:
    row = {"vehicle_id": van.pk, "latitude": 1, "longitude": 1, "speed": 1, "heading": 1}
    client = api(dispatcher)
    stamped = [{**row, "timestamp": minute(-n)} for n in range(5001)]
    assert client.post(f"{URL}bulk/", {"positions": stamped}).status_code == 400
    assert client.post(f"{URL}bulk/", {"positions": stamped[:5000]}).json()["accepted"] == 5000
    assert client.post(f"{URL}bulk/", {"positions": []}).json() == {"accepted": 0, "duplicates": 0, "errors": []}
