"""What trackers raise by themselves is kept, once for each time, wherever their message says it."""

import base64
import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from telematics.models import Device, DeviceAlarm

pytestmark = pytest.mark.django_db

URL = "/api/devices/"
PLACE = {"lat": "36.75", "lon": "3.05"}


def kept() -> list[str]:
    return list(DeviceAlarm.objects.order_by("pk").values_list("kind", flat=True))


@pytest.fixture
def made(api: Any, dispatcher: Any, van: Any) -> dict:
    """A new device of the van, with its key."""
    return api(dispatcher).post(URL, {"vehicle_id": van.pk, "name": "Phone"}).json()


@pytest.fixture
def osmand(api: Any, made: dict) -> Any:
    """Send OsmAnd's parameters."""

    def send(minutes: float = 0, **values: str) -> Any:
        now = timezone.now() - dt.timedelta(minutes=minutes)
        return api().get(f"{URL}osmand/", {"id": made["key"], **PLACE, "timestamp": str(int(now.timestamp())), **values})

    return send


def test_an_sos_is_kept_with_its_time_and_place(osmand: Any, van: Any) -> None:
    assert osmand(2, alarm="sos").status_code == 200
    row = DeviceAlarm.objects.get()
    assert (row.kind, row.vehicle_id, row.latitude, row.longitude) == ("sos", van.pk, 36.75, 3.05)
    assert 100 < (timezone.now() - row.first_at).total_seconds() < 140
    assert Device.objects.get().dropped == ""


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        ("SOS", ["sos"]), ("panic", ["sos"]), ("powerCut,lowBattery", ["powerCut", "lowBattery"]), ("powercut", ["powerCut"]), ("sos,SOS", ["sos"]),
        ("true", ["general"]), ("1", ["general"]), ("", []), ("0", []), ("false", []), ("none", []), ("a\u0000b", ["general"]),
        ("customAlarm7", ["customAlarm7"]), ("x" * 90, ["x" * 30]), (",".join(f"k{n}" for n in range(99)), [f"k{n}" for n in range(10)]),
    ],
)  # fmt: skip
def test_what_a_device_calls_an_alarm(osmand: Any, sent: str, names: list[str]) -> None:
    assert osmand(alarm=sent).status_code == 200
    assert kept() == names


def test_a_repeat_within_minutes_is_the_same_alarm(osmand: Any) -> None:
    osmand(30, alarm="sos")
    for minutes in (25, 17, 17, 26):
        osmand(minutes, alarm="sos")
    assert kept() == ["sos"]
    row = DeviceAlarm.objects.get()
    assert round((row.last_at - row.first_at).total_seconds() / 60) == 13
    osmand(1, alarm="sos")
    osmand(1, alarm="accident")
    assert kept() == ["sos", "sos", "accident"]


@pytest.mark.parametrize(
    ("changes", "has_place"),
    [
        ({"lat": "0", "lon": "0", "valid": "false"}, False), ({"lat": "here"}, False), ({"timestamp": "315532800"}, False), ({"timestamp": "soon"}, False),
        ({"accuracy": "9000"}, False),
    ],
)  # fmt: skip
def test_an_sos_counts_whatever_became_of_its_fix(osmand: Any, changes: dict, has_place: bool) -> None:
    assert osmand(alarm="sos", **changes).status_code == 200
    row = DeviceAlarm.objects.get()
    assert (row.latitude is not None) == has_place
    assert abs((timezone.now() - row.first_at).total_seconds()) < 10


def test_without_a_place_it_is_where_the_vehicle_was_last(osmand: Any, api: Any, made: dict) -> None:
    osmand(3)
    api().get(f"{URL}osmand/", {"id": made["key"], "alarm": "sos"})
    assert DeviceAlarm.objects.get().latitude == 36.75


@pytest.mark.parametrize("query", ["sos=1", "panic=true", "alarm=sos&sos=1", "alarm=SOS&alarm=panic"])
def test_an_sos_by_a_parameter_of_its_own_or_twice(api: Any, made: dict, query: str) -> None:
    assert api().get(f"{URL}osmand/?id={made['key']}&lat=36.7&lon=3&{query}").status_code == 200
    assert kept() == ["sos"]


def test_of_two_alarms_of_one_query_none_is_lost(api: Any, made: dict) -> None:
    api().get(f"{URL}osmand/?id={made['key']}&lat=36.7&lon=3&alarm=sos&alarm=lowBattery&sos=0")
    assert kept() == ["sos", "lowBattery"]


def test_an_alarm_that_somebody_adds_to_owntracks(api: Any, made: dict) -> None:
    key = base64.b64encode(f"karim:{made['key']}".encode()).decode()
    body = {"_type": "location", "lat": 36.7, "lon": 3.0, "tst": int(timezone.now().timestamp()), "alarm": "sos"}
    api().post(f"{URL}owntracks/", body, format="json", headers={"Authorization": f"Basic {key}"})
    assert kept() == ["sos"]


def position(**attributes: Any) -> dict:
    return {"latitude": 36.7, "longitude": 3.0, "fixTime": timezone.now().isoformat(), "attributes": attributes}


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"position": position(alarm="sos")}, ["sos"]),
        ({"position": {**position(), "alarm": "sos"}}, ["sos"]),
        ({"position": position(alarm="powerCut,tow")}, ["powerCut", "tow"]),
        ({"position": position(alarm=["sos", "tow"])}, ["sos", "tow"]),
        ({"position": position(alarm={"a": 1})}, ["{'a': 1}"]),
        ({"position": position(), "event": {"type": "alarm", "attributes": {"alarm": "sos"}}}, ["sos"]),
        ({"position": position(alarm="sos"), "event": {"type": "alarm", "attributes": {"alarm": "sos"}}}, ["sos"]),
        ({"event": {"type": "alarm", "eventTime": "2026-01-15T10:00:00Z", "attributes": {"alarm": "sos"}}}, ["sos"]),
        ({"event": {"type": "deviceOffline", "attributes": {"alarm": "sos"}}}, []),
        ({"event": {"type": "ignitionOn"}, "position": position()}, []),
    ],
)
def test_alarms_that_a_traccar_server_forwards(api: Any, made: dict, body: dict, names: list[str]) -> None:
    api().post(f"{URL}traccar/", {**body, "device": {"uniqueId": made["key"]}}, format="json")
    assert kept() == names


@pytest.mark.parametrize("where", ["location", "extras", "body"])
def test_alarms_of_traccars_own_app(api: Any, made: dict, where: str) -> None:
    location: dict = {"timestamp": timezone.now().isoformat(), "coords": {"latitude": 36.7, "longitude": 3.0}}
    body: dict = {"device_id": made["key"], "location": location}
    {"location": location, "extras": location.setdefault("extras", {}), "body": body}[where]["alarm"] = "sos"
    assert api().post(f"{URL}osmand/", body, format="json").status_code == 200
    assert kept() == ["sos"]


def test_a_batch_of_thousands_costs_few_statements_and_rows(api: Any, made: dict, django_assert_max_num_queries: Any) -> None:
    start = timezone.now() - dt.timedelta(hours=3)
    batch = [
        {"timestamp": (start + dt.timedelta(seconds=20 * n)).isoformat(), "coords": {"latitude": 36.7, "longitude": 3.0}, "alarm": f"sos,k{n}"}
        for n in range(200)
    ]
    with django_assert_max_num_queries(30):
        assert api().post(f"{URL}traccar/", {"device_id": made["key"], "location": batch}, format="json").status_code == 200
    assert len(kept()) == 20 and kept().count("sos") == 1


def test_people_see_alarms_of_their_own_vehicles(osmand: Any, van: Any, dispatcher: Any, dispatcher_b: Any) -> None:
    osmand(alarm="lowBattery")
    mine, others = Client(), Client()
    mine.force_login(dispatcher)
    others.force_login(dispatcher_b)
    assert "battery low" in mine.get("/admin/telematics/devicealarm/").content.decode()
    assert "battery low" not in others.get("/admin/telematics/devicealarm/").content.decode().partition("result_list")[2]
    assert "battery low" in mine.get(f"/admin/dispatch/vehicles/{van.pk}/connect/").content.decode()
