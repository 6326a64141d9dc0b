"""`POST positions/`: one position, who may write it, and what watchers receive."""

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


@pytest.mark.django_db(transaction=True)
def test_watchers_receive_moves_of_the_latest_only(
    api: Any, dispatcher: Any, van: Any, other_van: Any, company_a: Any, fix: Callable
) -> None:
    client = api(dispatcher)
    with layer.captured("fleet.company") as published:
        shown = client.post(URL, fix(van)).json()
        client.post(URL, fix(van))
        client.post(URL, fix(van, timestamp="2024-01-14T00:00:00Z"))
        client.post(URL, fix(van, latitude=99))
    group = f"fleet.company.{company_a.pk}"
    event = {"type": "position", "company_id": company_a.pk, "vehicle_id": van.pk, "position": shown}
    assert published == [(group, event)]
    with layer.captured("fleet.company") as published:
        rows = [fix(vehicle, timestamp=minute(40 + n)) for vehicle in (van, other_van) for n in range(3)]
        client.post(f"{URL}bulk/", {"positions": rows})
    newest = {row["vehicle_id"]: row for row in client.get(f"{URL}latest/").json()["results"]}
    assert [event["position"] for _, event in published] == [newest[van.pk], newest[other_van.pk]]


def test_positions_are_never_changed(api: Any, dispatcher: Any, van: Any, fix: Callable) -> None:
    client = api(dispatcher)
    url = f"{URL}{client.post(URL, fix(van)).json()['id']}/"
    for answer in (client.put(url, fix(van)), client.patch(url, {}), client.delete(url), client.put(URL, {})):
        assert answer.status_code == 405
        assert "GET" in answer["Allow"]


def test_positions_have_a_rate_of_their_own(
    api: Any, dispatcher: Any, van: Any, fix: Callable, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from accounts.limits.counters import Bucket
    from accounts.limits.throttles import PositionThrottle

    settings.THROTTLING_ENABLED = True
    monkeypatch.setattr(PositionThrottle, "bucket", Bucket("position", 1, 3))
    client = api(dispatcher)
    answers = [client.post(URL, fix(van, timestamp=minute(n))) for n in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert client.get(URL).status_code == 200
