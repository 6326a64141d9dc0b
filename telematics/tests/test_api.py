"""The position endpoints over REST, as the document and contract section 5 say."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from depannini_dashmap.lib.realtime import layer
from telematics.models import LatestPosition, Position

pytestmark = pytest.mark.django_db

URL = "/api/positions/"
SHOWN = {
    "vehicle_license_plate": "ABC-123",
    "vehicle_make_model": "Ford Transit",
    "latitude": "40.7589123",
    "longitude": "-73.9851456",
    "speed": "65.50",
    "heading": "180.00",
    "altitude": "150.25",
    "timestamp": "2024-01-15T14:30:00Z",
    "odometer": "25847.50",
    "fuel_level": "75.30",
    "engine_status": "on",
    "implausible": False,
}


def minute(number: int) -> str:
    return (dt.datetime(2024, 1, 15, 14, 0, tzinfo=dt.UTC) + dt.timedelta(minutes=number)).isoformat()


# --- POST positions/ ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/api/positions", "/api/positions/"])
def test_create_answers_the_documented_object(api: Any, dispatcher: Any, van: Any, fix: Callable, path: str) -> None:
    before = timezone.now().replace(microsecond=0)
    answer = api(dispatcher).post(path, fix(van))
    body = answer.json()
    assert answer.status_code == 201
    created_at = dt.datetime.fromisoformat(body.pop("created_at"))
    assert before <= created_at <= timezone.now()
    assert body == {"id": Position.objects.get().pk, "vehicle_id": van.pk, **SHOWN}


def test_numbers_may_be_numbers_and_the_rest_is_optional(api: Any, dispatcher: Any, van: Any) -> None:
    answer = api(dispatcher).post(
        URL, {"vehicle_id": str(van.pk), "latitude": 0, "longitude": 0, "speed": 0, "heading": 0}
    )
    body = answer.json()
    assert answer.status_code == 201
    assert {key: body[key] for key in ("latitude", "longitude", "speed", "heading")} == {
        "latitude": "0.0000000",
        "longitude": "0.0000000",
        "speed": "0.00",
        "heading": "0.00",
    }
    assert (body["altitude"], body["odometer"], body["fuel_level"]) == (None, None, None)
    assert (body["engine_status"], body["timestamp"]) == ("off", body["created_at"])


def test_H01_a_repeat_answers_200_with_the_first_one(api: Any, dispatcher: Any, van: Any, fix: Callable) -> None:
    client = api(dispatcher)
    first = client.post(URL, fix(van))
    for _ in range(10):
        again = client.post(URL, fix(van, latitude=1, speed=3, timestamp="2024-01-15T15:30:00+01:00"))
        assert (again.status_code, again.json()) == (200, first.json())
    assert Position.objects.count() == 1
    assert LatestPosition.objects.get().speed == 65.5


def test_read_only_and_unknown_keys_are_ignored(api: Any, dispatcher: Any, van: Any, fix: Callable) -> None:
    body = fix(van, id=77, created_at="2000-01-01T00:00:00Z", implausible=True, company=9, vehicle_license_plate="no")
    shown = api(dispatcher).post(URL, body).json()
    assert shown["implausible"] is False
    assert shown["vehicle_license_plate"] == "ABC-123"
    assert not shown["created_at"].startswith("2000")


def test_wrong_fields_are_named_together(api: Any, dispatcher: Any, van: Any, fix: Callable) -> None:
    body = fix(van, latitude=91, heading="x", engine_status="broken", without=("speed",))
    answer = api(dispatcher).post(URL, body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "Invalid data"
    assert set(answer.json()["fields"]) == {"latitude", "heading", "engine_status", "speed"}
    assert Position.objects.count() == 0


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"x"', "[" * 100_000, '{"latitude": NaN}', b"\xff\xfe{}"])
def test_G04_bodies_that_are_no_object(api: Any, dispatcher: Any, body: Any) -> None:
    answer = api(dispatcher).post(URL, data=body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_data")


def test_G08_sql_stays_text(api: Any, dispatcher: Any, van: Any, fix: Callable) -> None:
    body = fix(van, engine_status="on'; DROP TABLE telematics_position; --")
    assert api(dispatcher).post(URL, body).status_code == 400
    assert api(dispatcher).get(URL, {"vehicle": "1 OR 1=1"}).status_code == 400


@pytest.mark.parametrize("number", [0, -1, 10**9, 2**63 - 1, 2**63, 2**70])
def test_an_unknown_vehicle_is_a_400(api: Any, dispatcher: Any, fix: Callable, number: int) -> None:
    answer = api(dispatcher).post(URL, fix(number))
    assert (answer.status_code, answer.json()["error"]) == (400, "Vehicle not found")


def test_D04_H05_foreign_and_deleted_vehicles_read_as_unknown(
    api: Any, dispatcher: Any, van_b: Any, deleted_van: Any, fix: Callable
) -> None:
    client = api(dispatcher)
    bodies = []
    for vehicle in (10**9, van_b, deleted_van):
        answer = client.post(URL, fix(vehicle))
        assert answer.status_code == 400
        body = answer.json()
        body.pop("request_id")
        bodies.append(body)
    assert bodies[0] == bodies[1] == bodies[2]
    assert Position.objects.count() == 0


def test_who_may_write(
    api: Any, client_user: Any, assistant_user: Any, viewer: Any, staff_user: Any, van: Any, fix: Callable
) -> None:
    assert api().post(URL, fix(van)).status_code == 401
    for user in (client_user, assistant_user, viewer):
        assert api(user).post(URL, fix(van)).status_code == 403
    assert api(staff_user).post(URL, fix(van)).status_code == 201


def test_a_viewer_who_is_a_member_elsewhere_only_looks(
    api: Any, viewer: Any, company_b: Any, van: Any, van_b: Any, fix: Callable
) -> None:
    from accounts.models import Membership

    Membership.objects.create(user=viewer, company=company_b, role="member")
    client = api(viewer)
    assert client.post(URL, fix(van)).status_code == 403
    assert client.post(URL, fix(van_b)).status_code == 201
    answer = client.post(f"{URL}bulk/", {"positions": [fix(van), fix(van_b, timestamp=minute(1))]})
    assert (answer.json()["accepted"], answer.json()["errors"][0]["code"]) == (1, "forbidden")


def test_a_device_with_a_wrong_clock_is_refused(api: Any, dispatcher: Any, van: Any, fix: Callable) -> None:
    ahead = (timezone.now() + dt.timedelta(minutes=6)).isoformat()
    assert api(dispatcher).post(URL, fix(van, timestamp=ahead)).status_code == 400
    behind = (timezone.now() + dt.timedelta(minutes=4)).isoformat()
    assert api(dispatcher).post(URL, fix(van, timestamp=behind)).status_code == 201


def test_H06_a_jump_is_stored_flagged_and_the_next_fix_is_believed(
    api: Any, dispatcher: Any, van: Any, fix: Callable
) -> None:
    client = api(dispatcher)
    flags = []
    for second, latitude in enumerate(("10.0", "37.0", "10.0001", "10.0002")):
        answer = client.post(URL, fix(van, latitude=latitude, timestamp=f"2024-01-15T14:30:0{second}Z"))
        assert answer.status_code == 201
        flags.append(answer.json()["implausible"])
    assert flags == [False, True, False, False]


def test_H06_a_late_jump_is_flagged_too(api: Any, dispatcher: Any, van: Any, fix: Callable) -> None:
    client = api(dispatcher)
    client.post(URL, fix(van, latitude=10, timestamp="2024-01-15T14:30:10Z"))
    assert client.post(URL, fix(van, latitude=40, timestamp="2024-01-15T14:30:09Z")).json()["implausible"] is True
    assert client.post(URL, fix(van, latitude=40, timestamp="2024-01-14T14:30:09Z")).json()["implausible"] is False


def test_idempotency_key_replays(api: Any, dispatcher: Any, van: Any, fix: Callable) -> None:
    client = api(dispatcher)
    first = client.post(URL, fix(van), headers={"Idempotency-Key": "k1"})
    again = client.post(URL, fix(van), headers={"Idempotency-Key": "k1"})
    assert (again.status_code, again.content, again["Idempotent-Replayed"]) == (201, first.content, "true")


# --- What the sockets hear --------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_watchers_hear_moves_of_the_latest_only(
    api: Any, dispatcher: Any, van: Any, other_van: Any, company_a: Any, fix: Callable
) -> None:
    client = api(dispatcher)
    with layer.captured("fleet.company") as heard:
        shown = client.post(URL, fix(van)).json()
        client.post(URL, fix(van))
        client.post(URL, fix(van, timestamp="2024-01-14T00:00:00Z"))
        client.post(URL, fix(van, latitude=99))
    group = f"fleet.company.{company_a.pk}"
    event = {"type": "position", "company_id": company_a.pk, "vehicle_id": van.pk, "position": shown}
    assert heard == [(group, event)]
    with layer.captured("fleet.company") as heard:
        rows = [fix(vehicle, timestamp=minute(40 + n)) for vehicle in (van, other_van) for n in range(3)]
        client.post(f"{URL}bulk/", {"positions": rows})
    newest = {row["vehicle_id"]: row for row in client.get(f"{URL}latest/").json()["results"]}
    assert [event["position"] for _, event in heard] == [newest[van.pk], newest[other_van.pk]]


# --- GET positions/ ---------------------------------------------------------------------------------------------------------
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


def test_positions_are_never_changed(api: Any, dispatcher: Any, van: Any, fix: Callable) -> None:
    client = api(dispatcher)
    url = f"{URL}{client.post(URL, fix(van)).json()['id']}/"
    for answer in (client.put(url, fix(van)), client.patch(url, {}), client.delete(url), client.put(URL, {})):
        assert answer.status_code == 405
        assert "GET" in answer["Allow"]


@pytest.mark.parametrize("path", ["", "latest/", "track/?vehicle=1"])
def test_who_may_read(api: Any, client_user: Any, assistant_user: Any, viewer: Any, path: str) -> None:
    assert api().get(URL + path).status_code == 401
    assert api(client_user).get(URL + path).status_code == 403
    assert api(assistant_user).get(URL + path).status_code == 403
    assert api(viewer).get(URL + path).status_code == 200


# --- GET positions/latest/ ----------------------------------------------------------------------------------------------------
def test_H02_latest_is_the_maximum_timestamp_whatever_the_order(
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
        client.post(URL, {**positions[0], "timestamp": minute(31)})
    latest = 2  # who asks, the rows
    with django_assert_num_queries(latest):
        assert len(client.get(f"{URL}latest/").json()["results"]) == rows
    one_vehicle = 3  # who asks, the vehicle, its page
    with django_assert_num_queries(one_vehicle):
        client.get(URL, {"vehicle": positions[0]["vehicle_id"]})


# --- POST positions/bulk/ -----------------------------------------------------------------------------------------------------
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


# --- POST positions/generate-fake/ --------------------------------------------------------------------------------------------
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


# --- GET positions/track/ -----------------------------------------------------------------------------------------------------
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


# --- Rates --------------------------------------------------------------------------------------------------------------------
def test_positions_have_a_rate_of_their_own(
    api: Any, dispatcher: Any, van: Any, fix: Callable, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from accounts.limits.throttles import Bucket, PositionThrottle

    settings.THROTTLING_ENABLED = True
    monkeypatch.setattr(PositionThrottle, "bucket", Bucket("position", 1, 3))
    client = api(dispatcher)
    answers = [client.post(URL, fix(van, timestamp=minute(n))) for n in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert client.get(URL).status_code == 200


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
