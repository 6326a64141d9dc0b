"""Messages as clients and servers send them according to their public documentation, over REST."""

import gzip
import json
import zlib
from typing import Any

import pytest

from telematics.models import Device, Forwarder, Position
from telematics.tests.test_devices import URL, basic, bearer, forwarded, made, secret  # noqa: F401

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"
CLIENT = {
    "location": {
        "timestamp": "2024-01-15T14:30:00.512Z", "is_moving": True, "odometer": 1523.4, "event": "motionchange", "mock": False,
        "uuid": "6e2f", "age": 12, "extras": {}, "activity": {"type": "in_vehicle", "confidence": 90},
        "battery": {"is_charging": True, "level": 1},
        "coords": {
            "latitude": 36.75, "longitude": 3.05, "accuracy": 7.4, "speed": -1, "speed_accuracy": -1, "heading": -1,
            "heading_accuracy": -1, "altitude": 41.2, "ellipsoidal_altitude": 80.1, "altitude_accuracy": 2,
        },
    }
}  # fmt: skip
SERVER = {
    "position": {
        "id": 7, "deviceId": 3, "protocol": "teltonika", "serverTime": "2024-01-15T14:30:02.000+00:00",
        "deviceTime": "2024-01-15T14:30:00.000+00:00", "fixTime": "2024-01-15T14:30:00.000+00:00", "outdated": False, "valid": True,
        "latitude": 36.75, "longitude": 3.05, "altitude": 12.0, "speed": 10.0, "course": 90.0, "address": None, "accuracy": 0.0,
        "network": None, "geofenceIds": None,
        "attributes": {"sat": 9, "ignition": True, "battery": 3.9, "batteryLevel": 82, "totalDistance": 152340.5, "motion": True},
    },
    "device": {"id": 3, "name": "Van", "uniqueId": "350000000000006", "status": "online", "attributes": {}},
}  # fmt: skip
TRACK = {"_type": "location", "lat": 36.75, "lon": 3.05, "tst": 1705329000, "vel": 50, "acc": 9, "batt": 71, "tid": "ka", "t": "u"}


def post(api: Any, path: str, body: Any, content_type: str = "application/json", **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return api().post(URL + path, data=content, content_type=content_type, headers=headers)


def shown(api: Any, dispatcher: Any) -> dict:
    return api(dispatcher).get(URL).json()["results"][0]


@pytest.mark.parametrize("where", ["device_id", "id in the query"])
def test_the_newest_client_of_traccar(api: Any, dispatcher: Any, made: dict, where: str) -> None:  # noqa: F811
    body, query = ({**CLIENT, "device_id": made["key"]}, "") if where == "device_id" else (CLIENT, f"?id={made['key']}")
    assert post(api, f"osmand/{query}", body, "application/json; charset=utf-8").status_code == 200
    stored = Position.objects.get()
    assert (stored.latitude, stored.speed, stored.heading, stored.odometer) == (36.75, 0, 0, 1.52)
    assert (shown(api, dispatcher)["battery"], shown(api, dispatcher)["dropped"]) == (100, "")


def test_what_a_server_forwards(api: Any, dispatcher: Any, van: Any, secret: str) -> None:  # noqa: F811
    api(dispatcher).post(URL, {"vehicle_id": van.pk, "external_id": "350000000000006"})
    assert post(api, "traccar/", SERVER, Authorization=f"Bearer {secret}").status_code == 200
    stored = Position.objects.get()
    assert (stored.speed, stored.odometer, stored.engine_status, stored.is_implausible) == (18.52, 152.34, "on", False)
    # Of an event that holds no position nothing is known but that the server spoke.
    for kind in ("deviceOffline", "deviceOnline"):
        event = {"event": {"type": kind, "deviceId": 3}, "device": SERVER["device"], "position": None}
        assert post(api, "traccar/", event, Authorization=f"Bearer {secret}").status_code == 200
    assert post(api, "traccar/", {"event": {"type": "ignitionOn"}, **SERVER}, Authorization=f"Bearer {secret}").status_code == 200
    assert (Position.objects.count(), shown(api, dispatcher)["last_refusal"]) == (1, None)


def test_an_event_of_nobody_who_is_known_opens_nothing(api: Any) -> None:
    assert post(api, "traccar/", [{"event": {"type": "deviceOffline"}}]).status_code == 401


def test_a_server_that_sends_what_has_no_known_form_is_not_called_unknown(api: Any, secret: str) -> None:  # noqa: F811
    answer = post(api, "traccar/", {"what": 1}, Authorization=f"Bearer {secret}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_data")


def test_a_server_may_forward_by_the_parameters_of_its_address(api: Any, dispatcher: Any, van: Any, secret: str) -> None:  # noqa: F811
    api(dispatcher).post(URL, {"vehicle_id": van.pk, "external_id": "350000000000006"})
    query = {"id": "350000000000006", "lat": "36.75", "lon": "3.05", "timestamp": "1705329000000", "speed": "10", "valid": "true"}
    assert api().get(f"{URL}osmand/", query, headers=bearer(secret)).status_code == 200
    assert Position.objects.get().speed == 18.52
    assert api().get(f"{URL}osmand/", query).status_code == 401
    assert Forwarder.objects.get().contacted_at is not None


@pytest.mark.parametrize(
    "message",
    [
        {"_type": "lwt", "tst": 1705329000}, {"_type": "transition", "lat": 36.7, "lon": 3.0, "tst": 1705329000, "event": "enter"},
        {"_type": "waypoints", "waypoints": [{"_type": "waypoint", "lat": 36.7, "lon": 3.0}]}, {"_type": "waypoint", "lat": 36.7, "lon": 3.0},
        {"_type": "status", "android": {}}, {"_type": "card"}, {},
    ],
)  # fmt: skip
def test_messages_of_owntracks_that_hold_no_place_of_the_phone(api: Any, dispatcher: Any, made: dict, message: dict) -> None:  # noqa: F811
    answer = post(api, "owntracks/", message, **basic(made["key"]))
    assert (answer.status_code, answer.json(), Position.objects.count()) == (200, [], 0)
    assert shown(api, dispatcher)["contacted_at"] is not None and shown(api, dispatcher)["last_refusal"] is None


@pytest.mark.parametrize("message", [TRACK, [TRACK], {name: value for name, value in TRACK.items() if name != "_type"}])
def test_places_of_owntracks(api: Any, dispatcher: Any, made: dict, message: Any) -> None:  # noqa: F811
    assert post(api, "owntracks/", message, **basic(made["key"])).status_code == 200
    assert (Position.objects.get().speed, shown(api, dispatcher)["battery"]) == (50.0, 71)


@pytest.mark.parametrize("message", [{"_type": "encrypted", "data": "bm9wZQ=="}, ["x"], []])
def test_encrypted_owntracks_messages_are_noted_and_answered_200(api: Any, dispatcher: Any, made: dict, message: Any) -> None:  # noqa: F811
    assert post(api, "owntracks/", message, **basic(made["key"])).status_code == 200
    assert shown(api, dispatcher)["last_refusal"]["code"] == "not_understood"
    assert post(api, "owntracks/", message, **basic("wrong")).status_code == 401


def test_a_custom_address_of_gpslogger_whose_values_are_not_there(api: Any, made: dict) -> None:  # noqa: F811
    query = f"id={made['key']}&lat=36.75&lon=3.05&timestamp=1705329000&speed=&bearing=&altitude=0.0&accuracy=&batt=55.0"
    assert api().get(f"{URL}osmand/?{query}").status_code == 200
    for content_type in (FORM, "text/plain", "application/octet-stream"):
        assert post(api, "osmand/", query.encode(), content_type).status_code == 200
    assert Position.objects.get().altitude == 0


def test_a_custom_body_of_gpslogger(api: Any, made: dict) -> None:  # noqa: F811
    body = {"lat": 36.75, "lon": 3.05, "timestamp": 1705329000, "speed": 5, "batt": 40}
    assert post(api, f"osmand/?id={made['key']}", body).status_code == 200
    assert post(api, "traccar/", {"device_id": made["key"], "latitude": 36.75, "longitude": 3.05, "timestamp": 1705329060}).status_code == 200
    assert Position.objects.count() == 2


def test_a_form_in_parts(api: Any, made: dict) -> None:  # noqa: F811
    body = {"id": made["key"], "lat": "36.75", "lon": "3.05", "timestamp": "1705329000"}
    assert api().post(f"{URL}osmand/", body, format="multipart").status_code == 200
    assert Position.objects.count() == 1


def packed(body):
    """Pack a body without the time of packing, which would give each process other names of tests."""
    return gzip.compress(body, mtime=0)


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", packed), ("x-gzip", packed), ("deflate", zlib.compress)])
@pytest.mark.parametrize("path", ["osmand/", "traccar/"])
def test_packed_bodies(api: Any, made: dict, encoding: str, pack: Any, path: str) -> None:  # noqa: F811
    body = pack(json.dumps({**CLIENT, "device_id": made["key"]}).encode())
    assert post(api, path, body, **{"Content-Encoding": encoding}).status_code == 200
    assert Position.objects.count() == 1


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b"no gzip"), ("gzip", packed(b"{" + b" " * 3_000_000 + b"}")), ("gzip", packed(b"{}")[:-9]), ("br", b"x"),
        ("gzip", packed(b"[" * 100_000)), ("", b"a=1&" * 3000), ("identity", b"\xff\xfe"), ("", b"hello"),
    ],
)  # fmt: skip
def test_bodies_that_are_none_end_in_a_sentence(api: Any, made: dict, encoding: str, body: bytes) -> None:  # noqa: F811
    answer = post(api, "osmand/", body, "application/json", **({"Content-Encoding": encoding} if encoding else {}))
    assert answer.status_code == 400
    assert Position.objects.count() == 0


def test_an_accuracy_of_zero_is_not_known_and_so_no_arrival_by_itself(api: Any, dispatcher: Any, van: Any, secret: str) -> None:  # noqa: F811
    from telematics.tests.test_many_devices import make_fleet
    from trips.models import TripStop

    make_fleet(van.company, 1, "Z")
    for second in (0, 5):
        message = forwarded("Z0", second, latitude=36.75, longitude=3.05, accuracy=0.0)
        assert post(api, "traccar/", message, Authorization=f"Bearer {secret}").status_code == 200
        stop = TripStop.objects.get(trip__vehicle__license_plate="Z0")
        assert (stop.actual_arrival_datetime is not None) is (second == 5)


def test_the_page_prints_what_servers_of_today_read(api: Any, dispatcher: Any, van: Any, client: Any) -> None:
    client.force_login(dispatcher)
    page = client.post(f"/admin/dispatch/vehicles/{van.pk}/connect/", {"kind": "server", "name": "T"}, follow=True).content.decode()
    assert "forward.type" in page and Device.objects.count() == 0
