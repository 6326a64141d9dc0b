"""`POST positions/generate-fake/`: invented drives."""

import datetime as dt
from typing import Any

import pytest

from telematics.models import Position

pytestmark = pytest.mark.django_db
URL = "/api/positions/"


def minute(number: int) -> str:
    return (dt.datetime(2024, 1, 15, 14, 0, tzinfo=dt.UTC) + dt.timedelta(minutes=number)).isoformat()


def test_generate_fake_draws_a_drive(api: Any, dispatcher: Any, van: Any) -> None:
    client = api(dispatcher)
    body = {"vehicle_id": van.pk, "count": 10, "base_latitude": 40.7589, "base_longitude": -73.9851}
    answer = client.post(f"{URL}generate-fake/", body)
    shown = answer.json()
    assert (answer.status_code, shown["count"]) == (201, 10)
    assert shown["message"] == "Successfully generated 10 fake positions"
    rows = client.get(URL, {"vehicle": van.pk}).json()["results"]
    assert rows == shown["created_positions"]
    assert rows[-1]["latitude"] == "40.7589000"
    assert not any(row["implausible"] for row in rows)
    assert client.get(f"{URL}latest/").json()["results"] == [rows[0]]


def test_generate_fake_again_and_again(api: Any, dispatcher: Any, van: Any) -> None:
    client = api(dispatcher)
    for _ in range(3):
        answer = client.post(f"{URL}generate-fake/", {"vehicle_id": van.pk})
        assert (answer.status_code, answer.json()["count"]) == (201, 10)
    assert Position.objects.count() == 30


def test_generate_fake_is_for_installations_that_allow_it(api: Any, dispatcher: Any, van: Any, settings: Any) -> None:
    settings.ALLOW_FAKE_DATA = False
    answer = api(dispatcher).post(f"{URL}generate-fake/", {"vehicle_id": van.pk})
    assert answer.status_code == 403
    assert Position.objects.count() == 0


def test_H05_generate_fake_for_no_vehicle_of_mine(api: Any, dispatcher: Any, van_b: Any, deleted_van: Any) -> None:
    for number in (10**9, -1, 0, van_b.pk, deleted_van.pk):
        answer = api(dispatcher).post(f"{URL}generate-fake/", {"vehicle_id": number})
        assert (answer.status_code, answer.json()["error"]) == (404, "Vehicle not found")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", 0),
        ("count", 1001),
        ("count", "x"),
        ("count", True),
        ("base_latitude", 91),
        ("base_longitude", "nan"),
        ("vehicle_id", None),
        ("vehicle_id", "x"),
        ("vehicle_id", 2**63),
        ("base_latitude", True),
    ],
)
def test_generate_fake_checks_its_fields(api: Any, dispatcher: Any, van: Any, name: str, value: Any) -> None:
    answer = api(dispatcher).post(f"{URL}generate-fake/", {"vehicle_id": van.pk, name: value})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [name])
    assert Position.objects.count() == 0
