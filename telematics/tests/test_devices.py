"""Trackers with a key of their own, over REST."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from depannini_dashmap.models import AuditEvent
from telematics.models import Device, Position

pytestmark = pytest.mark.django_db

URL = "/api/devices/"
QUERY = {"lat": "36.75", "lon": "3.05", "timestamp": "1705329000", "speed": "10", "bearing": "90"}


@pytest.fixture
def made(api: Any, dispatcher: Any, van: Any) -> dict:
    """A new device of the van, with its key."""
    answer = api(dispatcher).post(URL, {"vehicle_id": van.pk, "name": "Karim's phone"})
    assert answer.status_code == 201
    return answer.json()


def basic(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"karim:{key}".encode()).decode()}


def test_the_key_is_told_once_and_kept_as_a_digest(api: Any, dispatcher: Any, van: Any, made: dict) -> None:
    assert made["urls"]["osmand"] == "http://testserver/api/devices/osmand/"
    assert made["key"] not in str(Device.objects.values().get())
    listed = api(dispatcher).get(URL).json()["results"]
    assert listed == [
        {name: made[name] for name in ("id", "vehicle_id", "vehicle_license_plate", "name", "created_at")}
    ]
    assert AuditEvent.objects.filter(event="device_made", actor_id=dispatcher.pk).count() == 1


@pytest.mark.parametrize("path", ["osmand", "osmand/"])
def test_osmand_by_query_and_form(api: Any, van: Any, made: dict, path: str) -> None:
    client = api()
    assert client.get(URL + path, {"id": made["key"], **QUERY}).status_code == 200
    form = "&".join(f"{name}={value}" for name, value in {"id": made["key"], **QUERY, "timestamp": 1705329060}.items())
    answer = client.post(URL + path, data=form, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert client.get(URL + path, {"id": made["key"], **QUERY}).status_code == 200
    stored = Position.objects.order_by("timestamp").values_list("vehicle_id", "latitude", "speed", "heading")
    assert list(stored) == [(van.pk, 36.75, 18.52, 90.0)] * 2


def test_traccar_client(api: Any, van: Any, made: dict) -> None:
    coords = {"latitude": 36.75, "longitude": 3.05, "speed": 10, "heading": 90}
    body = {"device_id": made["key"], "location": {"timestamp": "2024-01-15T14:30:00.000Z", "coords": coords}}
    for path in ("traccar/", "osmand/"):
        assert api().post(URL + path, body).status_code == 200
    assert Position.objects.get().speed == 36.0


def test_owntracks(api: Any, made: dict) -> None:
    body = {"_type": "location", "lat": 36.75, "lon": 3.05, "tst": 1705329000, "vel": 50}
    for message in (body, {"_type": "transition"}, {}):
        answer = api().post(f"{URL}owntracks/", message, headers=basic(made["key"]))
        assert (answer.status_code, answer.json()) == (200, [])
    assert Position.objects.get().speed == 50.0
    answer = api().post(f"{URL}owntracks/", body)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Basic realm="devices"')


@pytest.mark.parametrize("value", ["Basic", "Basic x", "Basic ====", "Basic /w==", "Bearer x", "Basic " + "A" * 400])
def test_B05_owntracks_credentials_of_no_use(api: Any, value: str) -> None:
    answer = api().post(f"{URL}owntracks/", {"_type": "location"}, headers={"Authorization": value})
    assert answer.status_code == 401


@pytest.mark.parametrize("key", ["", "wrong", "x" * 5000, "\x00", "é", "\ud800"])
def test_unknown_keys(api: Any, van: Any, key: str) -> None:
    answer = api().get(f"{URL}osmand/", {"id": key.encode("utf-8", "replace").decode(), **QUERY})
    assert (answer.status_code, answer.json()["error"]) == (401, "Invalid token")
    assert Position.objects.count() == 0


@pytest.mark.parametrize("change", [{"lat": "91"}, {"lat": "nan"}, {"lon": "x"}, {"speed": "abc"}, {"timestamp": "x"}])
def test_bad_values(api: Any, made: dict, change: dict) -> None:
    answer = api().get(f"{URL}osmand/", {"id": made["key"], **QUERY, **change})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_data")
    assert Position.objects.count() == 0


def test_an_ended_device_is_silenced(api: Any, dispatcher: Any, made: dict) -> None:
    client = api(dispatcher)
    assert client.delete(f"{URL}{made['id']}/").status_code == 204
    assert client.delete(f"{URL}{made['id']}/").status_code == 404
    assert client.get(URL).json()["results"] == []
    assert api().get(f"{URL}osmand/", {"id": made["key"], **QUERY}).status_code == 401


def test_a_deleted_vehicle_silences_its_devices(api: Any, van: Any, made: dict) -> None:
    van.deleted_at = timezone.now()
    van.save(update_fields=["deleted_at"])
    assert api().get(f"{URL}osmand/", {"id": made["key"], **QUERY}).status_code == 401


def test_a_key_opens_nothing_else(api: Any, made: dict) -> None:
    for scheme in ("Bearer", "Token"):
        answer = api().get("/api/positions/", headers={"Authorization": f"{scheme} {made['key']}"})
        assert answer.status_code == 401


def test_others_neither_see_nor_touch(
    api: Any, dispatcher_b: Any, viewer: Any, client_user: Any, assistant_user: Any, van: Any, made: dict
) -> None:
    stranger = api(dispatcher_b)
    assert stranger.get(URL).json()["results"] == []
    assert stranger.delete(f"{URL}{made['id']}/").status_code == 404
    assert stranger.post(URL, {"vehicle_id": van.pk}).json()["error"] == "Vehicle not found"
    assert api(viewer).post(URL, {"vehicle_id": van.pk}).status_code == 403
    assert api(viewer).delete(f"{URL}{made['id']}/").status_code == 403
    for user in (client_user, assistant_user):
        assert api(user).get(URL).status_code == 403
    assert Device.objects.working().count() == 1


@pytest.mark.parametrize(
    "body", [{}, {"vehicle_id": "x"}, {"vehicle_id": True}, {"vehicle_id": 10**9}, {"vehicle_id": 2**63}]
)
def test_making_checks_its_fields(api: Any, dispatcher: Any, body: dict) -> None:
    answer = api(dispatcher).post(URL, body)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["vehicle_id"])


def test_names_are_bounded_text(api: Any, dispatcher: Any, van: Any) -> None:
    for name in ("x" * 101, "\x00", {}):
        assert api(dispatcher).post(URL, {"vehicle_id": van.pk, "name": name}).status_code == 400


@pytest.mark.django_db(transaction=True)
def test_watchers_hear_devices(api: Any, van: Any, made: dict, fix: Callable) -> None:
    from depannini_dashmap.lib import realtime

    with realtime.captured() as heard:
        api().get(f"{URL}osmand/", {"id": made["key"], **QUERY})
    assert [event["position"]["speed"] for _, event in heard] == ["18.52"]


def test_each_key_has_its_rate(api: Any, made: dict, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from accounts.throttles import PositionThrottle, Quota

    settings.THROTTLING_ENABLED = True
    monkeypatch.setattr(PositionThrottle, "quota", Quota("position", 2, 60))
    statuses = [api().get(f"{URL}osmand/", {"id": made["key"], **QUERY}).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert api().get(f"{URL}osmand/", {"id": "another", **QUERY}).status_code == 401


def test_pages_of_devices_made_at_once_lose_none_on_either_way(api: Any, dispatcher: Any, van: Any) -> None:
    for number in range(5):
        Device.objects.create(vehicle=van, key_digest=str(number))
    Device.objects.update(created_at=timezone.now())
    newest_first = list(Device.objects.order_by("-pk").values_list("pk", flat=True))
    there, page = [], {"next": URL + "?page_size=2"}
    while page["next"]:
        page = api(dispatcher).get(page["next"]).json()
        there.append([row["id"] for row in page["results"]])
    back = there[-1:]
    while page["previous"]:
        page = api(dispatcher).get(page["previous"]).json()
        back.insert(0, [row["id"] for row in page["results"]])
    assert there == back == [newest_first[:2], newest_first[2:4], newest_first[4:]]
