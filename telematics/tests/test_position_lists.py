"""`GET positions/` and `positions/latest/`: pages, filters, tenancy and cost."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

pytestmark = pytest.mark.django_db
URL = "/api/positions/"


def minute(number: int) -> str:
    return (dt.datetime(2024, 1, 15, 14, 0, tzinfo=dt.UTC) + dt.timedelta(minutes=number)).isoformat()


def test_list_is_newest_first_by_timestamp_in_pages(
    api: Any, dispatcher: Any, van: Any, other_van: Any, fix: Callable
) -> None:
    client = api(dispatcher)
    for n in (3, 1, 4, 0, 2):
        client.post(URL, fix(van if n % 2 else other_van, timestamp=minute(n)))
    first = client.get(URL, {"page_size": 2}).json()
    assert [row["timestamp"] for row in first["results"]] == ["2024-01-15T14:04:00Z", "2024-01-15T14:03:00Z"]
    assert first["previous"] is None
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()
    assert [row["timestamp"][-6:] for row in (*second["results"], *third["results"])] == ["02:00Z", "01:00Z", "00:00Z"]
    assert third["next"] is None
    assert client.get(third["previous"]).json()["results"] == second["results"]
    assert client.get(client.get(third["previous"]).json()["previous"]).json()["results"] == first["results"]


def test_pages_hold_rows_of_one_instant(api: Any, dispatcher: Any, company_a: Any, fix: Callable) -> None:
    from telematics.tests.conftest import make_vehicle

    client = api(dispatcher)
    vans = [make_vehicle(company_a, f"V-{n}") for n in range(7)]
    client.post(f"{URL}bulk/", {"positions": [fix(van) for van in vans]})
    seen, url = [], f"{URL}?page_size=3"
    while url:
        page = client.get(url).json()
        seen += [row["vehicle_id"] for row in page["results"]]
        url = page["next"]
    assert sorted(seen) == [van.pk for van in vans]


def test_list_row_is_the_created_object(api: Any, dispatcher: Any, van: Any, fix: Callable) -> None:
    client = api(dispatcher)
    created = client.post(URL, fix(van)).json()
    assert client.get(URL).json() == {"results": [created], "next": None, "previous": None}
    assert client.get(f"{URL}{created['id']}/").json() == created


def test_filters(api: Any, dispatcher: Any, van: Any, other_van: Any, fix: Callable) -> None:
    client = api(dispatcher)
    for n in range(4):
        client.post(URL, fix(van, timestamp=minute(n)))
    client.post(URL, fix(other_van, timestamp=minute(2)))

    def minutes(**query: Any) -> list[int]:
        return [int(row["timestamp"][14:16]) for row in client.get(URL, query).json()["results"]]

    assert minutes(vehicle=van.pk) == [3, 2, 1, 0]
    assert minutes(**{"vehicle": van.pk, "from": minute(1), "to": minute(2)}) == [2, 1]
    assert minutes(**{"from": minute(2)}) == [3, 2, 2]
    assert minutes(to="2024-01-15T14:00:30Z") == [0]
    assert minutes(updated_since="2020-01-01T00:00:00Z") == [3, 2, 2, 1, 0]
    assert minutes(updated_since=(timezone.now() + dt.timedelta(minutes=1)).isoformat()) == []
    assert minutes(vehicle=10**9) == []
    assert minutes(vehicle=-1) == []


@pytest.mark.parametrize(
    "query",
    [
        "vehicle=abc",
        "vehicle=%00",
        "vehicle=",
        "vehicle=9223372036854775808",
        "vehicle=1.5",
        "vehicle=true",
        "from=yesterday",
        "to=2024-13-01",
        "from=0000-01-01T00:00:00Z",
        "to=10000-01-01T00:00:00Z",
        "from=%00",
        "cursor=abc",
        "updated_since=x",
        "ordering=speed",
        "cursor=cD1hYmM%3D",
        "cursor=cD0yMDI0",
    ],
)
def test_G06_G10_wrong_filters_are_a_400(api: Any, dispatcher: Any, van: Any, other_van: Any, query: str) -> None:
    answer = api(dispatcher).get(f"{URL}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_data")
    assert answer.json()["fields"]


@pytest.mark.parametrize("size", ["-1", "0", "abc", "1000000000"])
def test_G10_page_sizes_are_capped(api: Any, dispatcher: Any, van: Any, size: str) -> None:
    assert api(dispatcher).get(f"{URL}?page_size={size}").status_code == 200


def test_D03_others_see_nothing(
    api: Any, dispatcher: Any, dispatcher_b: Any, staff_user: Any, van: Any, fix: Callable
) -> None:
    position_id = api(dispatcher).post(URL, fix(van)).json()["id"]
    stranger, empty = api(dispatcher_b), {"results": [], "next": None, "previous": None}
    assert stranger.get(URL).json() == empty
    assert stranger.get(URL, {"vehicle": van.pk}).json() == empty
    assert stranger.get(f"{URL}latest/").json() == empty
    assert stranger.get(f"{URL}track/", {"vehicle": van.pk}).json()["features"] == []
    hidden, missing = (stranger.get(f"{URL}{number}/") for number in (position_id, 10**9))
    assert (hidden.status_code, hidden.json()["error"]) == (404, "Position not found")
    assert {**hidden.json(), "request_id": 0} == {**missing.json(), "request_id": 0}
    assert len(api(staff_user).get(URL).json()["results"]) == 1


@pytest.mark.parametrize("pk", ["abc", "-1", "9223372036854775808", "1" * 120, "%00", "é", "1.0"])
def test_G06_wrong_path_ids_are_a_404(api: Any, dispatcher: Any, pk: str) -> None:
    answer = api(dispatcher).get(f"{URL}{pk}/")
    assert (answer.status_code, answer.json()["error"]) == (404, "Position not found")


@pytest.mark.parametrize("path", ["", "latest/", "track/?vehicle=1"])
def test_who_may_read(api: Any, client_user: Any, assistant_user: Any, viewer: Any, path: str) -> None:
    assert api().get(URL + path).status_code == 401
    assert api(client_user).get(URL + path).status_code == 403
    assert api(assistant_user).get(URL + path).status_code == 403
    assert api(viewer).get(URL + path).status_code == 200


def test_H02_latest_is_the_maximum_timestamp_in_any_order(
    api: Any, dispatcher: Any, van: Any, other_van: Any, fix: Callable
) -> None:
    import random

    client = api(dispatcher)
    numbers = list(range(1000))
    random.Random(7).shuffle(numbers)
    for start in range(0, 1000, 100):
        rows = [fix(van, timestamp=minute(n), speed=n % 100) for n in numbers[start : start + 100]]
        assert client.post(f"{URL}bulk/", {"positions": rows}).json()["accepted"] == 100
    client.post(URL, fix(van, timestamp=minute(999), speed=1))
    client.post(URL, fix(other_van))
    rows = client.get(f"{URL}latest/").json()["results"]
    assert [(row["vehicle_id"], row["timestamp"], row["speed"]) for row in rows] == [
        (van.pk, minute(999)[:19] + "Z", "99.00"),
        (other_van.pk, "2024-01-15T14:30:00Z", "65.50"),
    ]
    newest = client.get(URL, {"vehicle": van.pk, "page_size": 1}).json()["results"][0]
    assert rows[0] == newest


def test_latest_and_history_honour_deleted_vehicles(
    api: Any, dispatcher: Any, staff_user: Any, van: Any, fix: Callable
) -> None:
    client = api(dispatcher)
    url = f"{URL}{client.post(URL, fix(van)).json()['id']}/"
    van.deleted_at = timezone.now()
    van.save(update_fields=["deleted_at"])
    for reader in (client, api(staff_user)):
        assert reader.get(f"{URL}latest/").json()["results"] == []
        assert reader.get(URL).json()["results"] == []
        assert reader.get(f"{URL}track/", {"vehicle": van.pk}).json()["features"] == []
        assert reader.get(url).status_code == 404


@pytest.mark.parametrize("rows", [1, 3])
def test_reading_takes_a_fixed_number_of_queries(
    api: Any,
    dispatcher: Any,
    company_a: Any,
    fix: Callable,
    rows: int,
    on_postgres: bool,
    django_assert_num_queries: Any,
) -> None:
    from telematics.tests.conftest import make_vehicle

    client = api(dispatcher)
    positions = [fix(make_vehicle(company_a, f"V-{n}")) for n in range(rows)]
    client.post(f"{URL}bulk/", {"positions": positions})
    client.get(f"{URL}latest/")
    single = 3  # who asks, the vehicle, both tables in one statement (on SQLite: one for each step)
    with django_assert_num_queries(single if on_postgres else 9):
        client.post(URL, {**positions[0], "timestamp": timezone.now().isoformat()})
    latest = 2  # who asks, the rows
    with django_assert_num_queries(latest):
        assert len(client.get(f"{URL}latest/").json()["results"]) == rows
    one_vehicle = 3  # who asks, the vehicle, its page
    with django_assert_num_queries(one_vehicle):
        client.get(URL, {"vehicle": positions[0]["vehicle_id"]})


def test_the_latest_is_the_newest_fix_that_can_be_trusted(api: Any, dispatcher: Any, van: Any, fix: Callable) -> None:
    client = api(dispatcher)

    def report(minute: int, latitude: float) -> bool:
        stamp = f"2024-01-15T14:{minute:02}:00Z"
        return client.post(URL, fix(van, latitude=latitude, longitude=3, timestamp=stamp)).json()["implausible"]

    def latest() -> tuple[str, str]:
        [shown] = client.get(f"{URL}latest/").json()["results"]
        return shown["timestamp"][11:16], shown["latitude"]

    assert report(0, 36) is False
    assert report(1, 60) is True  # a jump over half of Europe
    assert latest() == ("14:00", "36.0000000")
    assert report(2, 36.001) is False  # and back: the jump was none
    assert latest() == ("14:02", "36.0010000")
    assert report(3, 60) is True
    assert report(4, 60.001) is False  # a second fix there: the vehicle was moved
    assert latest() == ("14:04", "60.0010000")
    rows = [fix(van, latitude=lat, longitude=3, timestamp=f"2024-01-15T14:{n}:00Z") for n, lat in [(10, 60.01), (11, 10), (12, 60.02), (13, 10)]]
    assert client.post(f"{URL}bulk/", {"positions": rows}).json()["accepted"] == 4
    assert latest() == ("14:12", "60.0200000")
    assert report(14, 10.001) is False
    assert latest() == ("14:14", "10.0010000")
