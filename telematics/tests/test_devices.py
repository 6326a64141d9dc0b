"""Trackers with a key of their own, over REST."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from depannini_dashmap.models import AuditEvent
from telematics.models import Device, Forwarder, Position

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


def test_the_key_is_returned_once_and_kept_as_a_digest(api: Any, dispatcher: Any, van: Any, made: dict) -> None:
    assert made["urls"]["osmand"] == "http://testserver/api/devices/osmand/"
    assert made["key"] not in str(Device.objects.values().get())
    [listed] = api(dispatcher).get(URL).json()["results"]
    assert listed == {name: value for name, value in made.items() if name not in ("key", "urls")}
    assert (listed["contacted_at"], listed["last_refusal"], listed["app"]) == (None, None, "other")
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


@pytest.mark.parametrize(
    ("change", "code", "detail"),
    [
        ({"lat": "91"}, "bad_place", ""),
        ({"lat": "nan"}, "bad_place", ""),
        ({"lon": "x"}, "bad_place", ""),
        ({"timestamp": "x"}, "bad_time", ""),
        ({"timestamp": "{ahead}"}, "clock_ahead", "60 min"),
    ],
)
def test_what_no_retry_cures_is_answered_200_and_shown(
    api: Any, dispatcher: Any, made: dict, change: dict, code: str, detail: str
) -> None:
    change = {name: value.format(ahead=int(timezone.now().timestamp()) + 3600) for name, value in change.items()}
    assert api().get(f"{URL}osmand/", {"id": made["key"], **QUERY, **change}).status_code == 200
    assert Position.objects.count() == 0
    [shown] = api(dispatcher).get(URL).json()["results"]
    assert (shown["last_refusal"]["code"], shown["last_refusal"]["detail"]) == (code, detail)
    assert shown["contacted_at"] == shown["last_refusal"]["at"] and shown["position_at"] is None


def test_a_value_of_no_use_never_costs_the_fix(api: Any, dispatcher: Any, made: dict) -> None:
    position = {"latitude": 36.7, "longitude": 3.0, "speed": 20, "course": 655, "fixTime": "2024-01-15T14:30:00Z"}
    attributes = {"fuelLevel": 312.5, "ignition": True, "odometer": -1, "batteryLevel": 80}
    body = {"position": {**position, "altitude": 65535, "attributes": attributes}, "device": {"uniqueId": made["key"]}}
    assert api().post(f"{URL}traccar/", body).status_code == 200
    [shown] = api(dispatcher).get(URL).json()["results"]
    assert (shown["dropped"], shown["battery"]) == ("altitude, fuel_level, heading", 80)
    assert (shown["position_at"], shown["last_refusal"]) == ("2024-01-15T14:30:00Z", None)
    stored = Position.objects.get()
    assert (stored.speed, stored.fuel_level, stored.heading, stored.odometer) == (37.04, None, 0, None)


def test_empty_optional_values(api: Any, made: dict) -> None:
    empty = {"speed": "", "bearing": "", "altitude": ""}
    assert api().get(f"{URL}osmand/", {"id": made["key"], **QUERY, **empty}).status_code == 200
    assert Position.objects.get().speed == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"lat": "0.00000", "lon": "0.00000", "sat": "0", "valid": "false"}, "no_fix"),
        ({"accuracy": "3000"}, "inaccurate"),
        ({"lat": "50"}, "jump"),
    ],
)
def test_what_cannot_be_trusted_is_history_and_never_the_latest(
    api: Any, dispatcher: Any, made: dict, change: dict, code: str
) -> None:
    api().get(f"{URL}osmand/", {"id": made["key"], **QUERY})
    for second in (1, 2):
        late = {**QUERY, "timestamp": str(1705329000 + second), **change}
        if code != "jump" or second == 1:
            assert api().get(f"{URL}osmand/", {"id": made["key"], **late}).status_code == 200
    [latest] = api(dispatcher).get("/api/positions/latest/").json()["results"]
    assert (latest["timestamp"], latest["implausible"]) == ("2024-01-15T14:30:00Z", False)
    assert Position.objects.filter(is_implausible=True).count() == (1 if code == "jump" else 2)
    [shown] = api(dispatcher).get(URL).json()["results"]
    assert (shown["last_refusal"]["code"], shown["position_at"]) == (code, "2024-01-15T14:30:00Z")


def test_a_batch_is_stored_as_a_batch(api: Any, made: dict) -> None:
    coords = {"latitude": 36.7, "longitude": 3.0, "speed": 5, "heading": 10}
    batch = [{"timestamp": f"2024-01-15T14:{n // 60:02}:{n % 60:02}Z", "coords": coords} for n in range(90)]
    assert api().post(f"{URL}traccar/", {"device_id": made["key"], "location": batch}).status_code == 200
    assert api().post(f"{URL}traccar/", {"device_id": made["key"], "location": batch}).status_code == 200
    assert Position.objects.count() == 90
    messages = [{"device_id": made["key"], "location": one} for one in batch]
    assert api().post(f"{URL}traccar/", messages, format="json").status_code == 200
    wrong = [{"device_id": made["key"], "location": batch[0]}, {"device_id": "other", "location": batch[1]}]
    assert api().post(f"{URL}traccar/", wrong, format="json").status_code == 401


def test_what_has_no_known_form_is_never_acknowledged(api: Any, dispatcher: Any, made: dict) -> None:
    for body in ({"device_id": made["key"], "trip": []}, {"device_id": made["key"], "location": "here"}):
        answer = api().post(f"{URL}traccar/", body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_data")
    [shown] = api(dispatcher).get(URL).json()["results"]
    assert shown["last_refusal"]["code"] == "not_understood"
    answer = api().post(f"{URL}traccar/", data=b"{not json", content_type="application/json")
    assert answer.status_code == 400


def test_nan_in_json_is_a_value_that_is_not_known(api: Any, made: dict) -> None:
    coords = '{"latitude": 36.7, "longitude": 3.0, "speed": NaN, "altitude": -Infinity}'
    body = f'{{"device_id": "{made["key"]}", "location": {{"timestamp": 1705329000, "coords": {coords}}}}}'
    assert api().post(f"{URL}traccar/", data=body.encode(), content_type="application/json").status_code == 200
    assert Position.objects.get().speed == 0


def test_a_heartbeat_is_contact(api: Any, dispatcher: Any, made: dict) -> None:
    body = {"device_id": made["key"], "location": {"event": "heartbeat", "battery": {"level": 0.8}}}
    assert api().post(f"{URL}osmand/", body).status_code == 200
    [shown] = api(dispatcher).get(URL).json()["results"]
    assert (shown["battery"], shown["position_at"], shown["last_refusal"]) == (80, None, None)
    assert shown["contacted_at"] is not None
    assert Device.objects.in_contact_since(timezone.now() - timedelta(minutes=1)).count() == 1


@pytest.mark.parametrize(("app", "kmh"), [("osmand", 90.0), ("gpslogger", 90.0), ("traccar_client", 46.3), ("other", 46.3)])
def test_speeds_are_in_the_unit_of_the_app(api: Any, dispatcher: Any, van: Any, app: str, kmh: float) -> None:
    key = api(dispatcher).post(URL, {"vehicle_id": van.pk, "app": app}).json()["key"]
    api().get(f"{URL}osmand/", {"id": key, **QUERY, "speed": "25.0"})
    assert Position.objects.get().speed == kmh


# --- Forwarders --------------------------------------------------------------------------------------------------------
FORWARDERS, IMEI = "/api/forwarders/", "350000000000006"


def forwarded(external_id: str, second: int = 0, **changes: Any) -> dict:
    position = {"fixTime": f"2024-01-15T14:30:{second:02}Z", "valid": True, "latitude": 36.7, "longitude": 3.0, "speed": 20}
    return {"position": {**position, "course": 10, "attributes": {}, **changes}, "device": {"uniqueId": external_id}}


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def secret(api: Any, dispatcher: Any) -> str:
    """The secret of a forwarder of the first company."""
    answer = api(dispatcher).post(FORWARDERS, {"name": "Traccar"})
    assert (answer.status_code, answer.json()["url"]) == (201, "http://testserver/api/devices/traccar/")
    return answer.json()["secret"]


def test_a_tracker_is_attached_by_its_imei(api: Any, dispatcher: Any, van: Any, secret: str) -> None:
    client = api(dispatcher)
    assert api().post(f"{URL}traccar/", forwarded(IMEI), headers=bearer(secret)).status_code == 200
    assert Position.objects.count() == 0
    assert list(client.get(FORWARDERS).json()["results"][0]["unknown_ids"]) == [IMEI]
    made = client.post(URL, {"vehicle_id": van.pk, "external_id": f" {IMEI} "}).json()
    assert (made["external_id"], made["key"], made["app"]) == (IMEI, "", "forwarded")
    assert api().post(f"{URL}traccar/", [forwarded(IMEI, 1), forwarded(IMEI, 2)], format="json", headers=bearer(secret)).status_code == 200
    assert list(Position.objects.values_list("vehicle_id", flat=True)) == [van.pk] * 2


def test_external_ids_are_unique_within_a_company_and_unknown_to_others(
    api: Any, dispatcher: Any, dispatcher_b: Any, van: Any, other_van: Any, van_b: Any, secret: str
) -> None:
    api(dispatcher).post(URL, {"vehicle_id": van.pk, "external_id": IMEI})
    again = api(dispatcher).post(URL, {"vehicle_id": other_van.pk, "external_id": IMEI})
    assert (again.status_code, again.json()["fields"]) == (400, {"external_id": ["Vehicle ABC-123 of this company has it."]})
    assert api(dispatcher_b).post(URL, {"vehicle_id": van_b.pk, "external_id": IMEI}).status_code == 201
    other = api(dispatcher_b).post(FORWARDERS, {}).json()["secret"]
    api().post(f"{URL}traccar/", forwarded(IMEI), headers=bearer(other))
    assert list(Position.objects.values_list("vehicle_id", flat=True)) == [van_b.pk]


@pytest.mark.parametrize("wrong", ["", "wrong", "x" * 5000])
def test_only_a_wrong_secret_is_401(api: Any, secret: str, wrong: str) -> None:
    assert api().post(f"{URL}traccar/", forwarded(IMEI), headers=bearer(wrong)).status_code == 401


@pytest.mark.parametrize("external_id", ["\x00", "\ud800", "x" * 5000, "\u202e", "", "é" * 70, 7, None, {}, []])
def test_ids_that_nobody_could_enter_are_refused_quietly(api: Any, secret: str, external_id: Any) -> None:
    body = json.dumps(forwarded(external_id))
    answer = api().post(f"{URL}traccar/", data=body.encode(), content_type="application/json", headers=bearer(secret))
    assert answer.status_code == 200
    assert not Position.objects.exists()


@pytest.mark.parametrize("external_id", ["\ud800", "\n", "a b", IMEI])
def test_odd_ids_are_counted_as_any_other(api: Any, dispatcher: Any, van: Any, secret: str, settings: Any, external_id: str) -> None:
    settings.THROTTLING_ENABLED = True
    if external_id.isprintable():
        api(dispatcher).post(URL, {"vehicle_id": van.pk, "external_id": external_id})
    body = json.dumps(forwarded(external_id))
    answer = api().post(f"{URL}traccar/", data=body.encode(), content_type="application/json", headers=bearer(secret))
    assert answer.status_code == 200
    assert Position.objects.exists() is external_id.isprintable()


@pytest.mark.parametrize("behind", [False, True])
def test_made_up_names_by_the_thousand_cost_nothing(
    api: Any, secret: str, settings: Any, behind: bool, monkeypatch: Any, django_assert_max_num_queries: Any
) -> None:
    settings.THROTTLING_ENABLED = True
    counted: list[Any] = []
    monkeypatch.setattr(cache, "incr", lambda name, *_: counted.append(name) or 1)
    body = [forwarded(f"unknown {number}") for number in range(5000)]
    with django_assert_max_num_queries(10):
        answer = api().post(f"{URL}traccar/", body, headers=bearer(secret) if behind else {})
    counted = [name for name in counted if "position" in name]
    assert (answer.status_code, counted) == (200 if behind else 401, [])


def test_an_external_id_is_no_key(api: Any, dispatcher: Any, van: Any) -> None:
    api(dispatcher).post(URL, {"vehicle_id": van.pk, "external_id": IMEI})
    assert api().post(f"{URL}traccar/", forwarded(IMEI)).status_code == 401
    assert api().get(f"{URL}osmand/", {"id": IMEI, **QUERY}).status_code == 401


def test_an_ended_forwarder_is_silenced(api: Any, dispatcher: Any, secret: str) -> None:
    client = api(dispatcher)
    [row] = client.get(FORWARDERS).json()["results"]
    assert client.delete(f"{FORWARDERS}{row['id']}/").status_code == 204
    assert client.delete(f"{FORWARDERS}{row['id']}/").status_code == 404
    assert api().post(f"{URL}traccar/", forwarded(IMEI), headers=bearer(secret)).status_code == 401


def test_others_neither_see_nor_make_forwarders(
    api: Any, dispatcher_b: Any, viewer: Any, client_user: Any, company_a: Any, secret: str
) -> None:
    pk = Forwarder.objects.get().pk
    assert api(dispatcher_b).get(FORWARDERS).json()["results"] == []
    assert api(dispatcher_b).delete(f"{FORWARDERS}{pk}/").status_code == 404
    assert api(dispatcher_b).post(FORWARDERS, {"company": company_a.pk}).status_code == 400
    assert api(viewer).delete(f"{FORWARDERS}{pk}/").status_code == 403
    assert api(viewer).post(FORWARDERS, {}).status_code == 403
    assert api(client_user).get(FORWARDERS).status_code == 403


def test_a_vehicle_that_goes_to_another_company_leaves_its_devices(
    api: Any, staff_user: Any, van: Any, company_b: Any, made: dict
) -> None:
    assert api(staff_user).put(f"/api/vehicles/{van.pk}/", {"company": company_b.pk}).status_code == 200
    assert api().get(f"{URL}osmand/", {"id": made["key"], **QUERY}).status_code == 401


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
def test_watchers_receive_positions_of_devices(api: Any, van: Any, made: dict, fix: Callable) -> None:
    from depannini_dashmap.lib.realtime import layer

    with layer.captured("fleet.company") as published:
        api().get(f"{URL}osmand/", {"id": made["key"], **QUERY})
    assert [event["position"]["speed"] for _, event in published] == ["18.52"]


def test_trackers_of_one_vehicle_share_its_rate(
    api: Any, dispatcher: Any, van: Any, other_van: Any, made: dict, secret: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from accounts.limits.counters import Bucket
    from accounts.limits.throttles import PositionThrottle

    settings.THROTTLING_ENABLED = True
    monkeypatch.setattr(PositionThrottle, "bucket", Bucket("position", 1, 3))
    client = api(dispatcher)
    second = client.post(URL, {"vehicle_id": van.pk, "name": "Second"}).json()
    elsewhere = client.post(URL, {"vehicle_id": other_van.pk}).json()
    client.post(URL, {"vehicle_id": van.pk, "external_id": IMEI})
    for key in (made["key"], second["key"]):
        assert api().get(f"{URL}osmand/", {"id": key, **QUERY}).status_code == 200
    assert api().post(f"{URL}traccar/", forwarded(IMEI), headers=bearer(secret)).status_code == 200
    assert api().post(f"{URL}traccar/", forwarded(IMEI, 1), headers=bearer(secret)).status_code == 429
    assert api().get(f"{URL}osmand/", {"id": second["key"], **QUERY}).status_code == 429
    assert api().get(f"{URL}osmand/", {"id": elsewhere["key"], **QUERY}).status_code == 200


def test_keys_of_one_body_are_looked_up_at_once(api: Any, van: Any, made: dict) -> None:
    keys = [{"device_id": f"nobody-{number}", "location": {}} for number in range(50)]
    with CaptureQueriesContext(connection) as queries:
        assert api().post(f"{URL}traccar/", [{"device_id": made["key"], "location": {}}, *keys], format="json").status_code == 401
    assert len([one for one in queries if "key_digest" in one["sql"]]) == 1


def test_each_key_has_its_rate(api: Any, made: dict, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from accounts.limits.counters import Bucket
    from accounts.limits.throttles import PositionThrottle

    settings.THROTTLING_ENABLED = True
    monkeypatch.setattr(PositionThrottle, "bucket", Bucket("position", 1, 2))
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
