"""What devices send that may be taken for something else: read as it was meant, or named on the device's row."""

import base64
import time
from typing import Any

import pytest

from telematics.models import Device, Position

pytestmark = pytest.mark.django_db
URL = "/api/devices/"
PLACE = {"lat": "36.75", "lon": "3.05"}


@pytest.fixture
def made(api: Any, dispatcher: Any, van: Any) -> dict:
    """A new device of the van, with its key."""
    return api(dispatcher).post(URL, {"vehicle_id": van.pk, "name": "Phone"}).json()


@pytest.mark.parametrize("size", [1, 10**3, 10**6, 10**9])
def test_times_in_parts_of_a_second(api: Any, made: dict, size: int) -> None:
    sent = int(time.time()) - 60
    assert api().get(f"{URL}osmand/", {"id": made["key"], **PLACE, "timestamp": sent * size}).status_code == 200
    assert int(Position.objects.get().timestamp.timestamp()) == sent


@pytest.mark.parametrize("name", ["timestamp", "time", "tst", "fixTime", "datetime"])
def test_a_time_by_another_name_is_not_taken_for_now(api: Any, made: dict, name: str) -> None:
    api().get(f"{URL}osmand/", {"id": made["key"], **PLACE, name: "1705329000"})
    assert Position.objects.get().timestamp.timestamp() == 1705329000


@pytest.mark.parametrize(
    ("sent", "read"), [("2024-01-15T15:30:00 01:00", 1705329000), ("2024-01-15T15:30:00+0100", 1705329000), ("2024-01-15", None), ("2024", "clock_unset")]
)
def test_times_as_text(api: Any, made: dict, sent: str, read: Any) -> None:
    api().get(f"{URL}osmand/", {"id": made["key"], **PLACE, "timestamp": sent})
    stored = [int(one.timestamp.timestamp()) for one in Position.objects.all()]
    assert stored == ([read] if isinstance(read, int) else [])
    assert Device.objects.get().refusal == ("" if stored else read or "bad_time")


def test_a_position_without_its_own_time_has_the_devices(api: Any, made: dict) -> None:
    position = {"latitude": 36.7, "longitude": 3.0, "fixTime": None, "deviceTime": "2024-01-15T14:30:00Z", "serverTime": "2024-01-15T15:00:00Z"}
    api().post(f"{URL}traccar/", {"position": position, "device": {"uniqueId": made["key"]}})
    assert Position.objects.get().timestamp.timestamp() == 1705329000


@pytest.mark.parametrize(
    ("sent", "percent", "dropped"),
    [("0.87", 87, ""), ("87", 87, ""), ("87.4", 87, ""), ("1", 1, ""), ("1.0", 100, ""), ("87 %", 87, ""), ("-1", None, ""), ("full", None, "battery")],
)
def test_batteries(api: Any, made: dict, sent: str, percent: int | None, dropped: str) -> None:
    api().get(f"{URL}osmand/", {"id": made["key"], **PLACE, "timestamp": "1705329000", "batt": sent})
    device = Device.objects.get()
    assert (device.battery, device.dropped) == (percent, dropped)


def test_what_is_not_used_is_named(api: Any, made: dict) -> None:
    api().get(f"{URL}osmand/", {"id": made["key"], **PLACE, "timestamp": "1705329000", "accuracy": "good", "altitude": "high"})
    assert Device.objects.get().dropped == "accuracy, altitude"


@pytest.mark.parametrize(("hdop", "is_trusted"), [("0.9", True), ("50", True), ("99.99", False)])
def test_a_dilution_that_means_no_satellites(api: Any, made: dict, hdop: str, is_trusted: bool) -> None:
    api().get(f"{URL}osmand/", {"id": made["key"], **PLACE, "timestamp": "1705329000", "hdop": hdop})
    assert Position.objects.get().is_implausible is not is_trusted


@pytest.mark.parametrize("junk", ["here", None, 7, [1]])
def test_a_part_that_nobody_can_read_holds_up_no_batch(api: Any, made: dict, junk: Any) -> None:
    good = {"timestamp": "2024-01-15T14:30:00Z", "coords": {"latitude": 36.7, "longitude": 3.0}}
    body = {"device_id": made["key"], "location": [junk, good, {"timestamp": "bad", "coords": {"latitude": 1, "longitude": 2}}]}
    assert api().post(f"{URL}traccar/", body).status_code == 200
    assert Position.objects.count() == 1
    assert Device.objects.get().refusal in ("not_understood", "bad_time")
    assert api().post(f"{URL}traccar/", {"device_id": made["key"], "location": [junk]}).status_code == 400


@pytest.mark.parametrize("junk", [{"_type": "encrypted", "data": "x"}, "x", None])
def test_an_owntracks_batch_keeps_the_places_beside_what_is_encrypted(api: Any, made: dict, junk: Any) -> None:
    place = {"_type": "location", "lat": 36.75, "lon": 3.05, "tst": 1705329000}
    key = base64.b64encode(f"karim:{made['key']}".encode()).decode()
    answer = api().post(f"{URL}owntracks/", [place, junk], format="json", headers={"Authorization": f"Basic {key}"})
    assert answer.status_code == 200
    assert Position.objects.count() == 1
    assert Device.objects.get().refusal == "not_understood"


@pytest.mark.parametrize("junk", ["x", None, {"position": "x"}, {"trip": []}])
def test_an_unreadable_message_holds_up_no_others(api: Any, made: dict, junk: Any) -> None:
    position = {"latitude": 36.7, "longitude": 3.0, "fixTime": "2024-01-15T14:30:00Z"}
    batch = [junk, {"position": position, "device": {"uniqueId": made["key"]}}]
    assert api().post(f"{URL}traccar/", batch, format="json").status_code == 200
    assert Position.objects.count() == 1
    assert Device.objects.get().refusal == "not_understood"
    assert api().post(f"{URL}traccar/", [junk], format="json").status_code in (400, 401)
