"""What trackers send, taken apart by their protocols."""

from typing import Any

import pytest

from telematics.protocols import KMH, KNOTS, METRES_A_SECOND, Unreadable, from_osmand, from_owntracks, from_traccar

COORDS = {"latitude": 36.75, "longitude": 3.05, "speed": 5, "heading": 10}


def sent(report: Any, *names: str) -> list[Any]:
    return [report.values.get(name) for name in names]


def test_osmand_parameters() -> None:
    query = {"id": "k", "lat": "36.75", "lon": "3.05", "timestamp": "1705329000", "speed": "10", "bearing": "90"}
    [message] = from_osmand({**query, "altitude": "20", "batt": "80", "sat": "7", "valid": "true", "accuracy": "12"})
    assert (message.device, message.report.speed_unit, message.report.is_place) == ("k", KNOTS, True)
    assert sent(message.report, "latitude", "longitude", "timestamp", "speed", "heading") == [
        "36.75", "3.05", "1705329000", "10", "90",
    ]  # fmt: skip
    assert sent(message.report, "battery", "satellites", "is_valid", "accuracy_m") == ["80", "7", "true", "12"]


def test_osmand_location_in_one_and_deviceid() -> None:
    [message] = from_osmand({"deviceid": "k", "location": "36.75,3.05", "heading": "12"})
    assert (message.device, *sent(message.report, "longitude", "heading")) == ("k", "3.05", "12")


def test_a_message_without_a_place_is_a_sign_of_life() -> None:
    assert from_osmand({"id": "k", "batt": "20"})[0].report.is_place is False
    heartbeat = {"device_id": "k", "location": {"event": "heartbeat", "battery": {"level": 0.8}}}
    [message] = from_traccar(heartbeat)
    assert (message.report.is_place, message.report.values["battery"]) == (False, 80.0)
    assert from_owntracks({"_type": "lwt"}, "k")[0].report.is_place is False
    assert from_owntracks(None, "k")[0].report.is_place is False


def test_traccar_client_speaks_metres_a_second() -> None:
    body = {"device_id": "k", "location": {"timestamp": "2024-01-15T14:30:00Z", "odometer": 1500, "coords": COORDS}}
    [message] = from_traccar(body)
    assert (message.device, message.report.speed_unit) == ("k", METRES_A_SECOND)
    assert sent(message.report, "latitude", "odometer_m", "timestamp") == [36.75, 1500, "2024-01-15T14:30:00Z"]


def test_batches_are_taken_apart() -> None:
    locations = [{"timestamp": f"2024-01-15T14:30:0{n}Z", "coords": COORDS} for n in range(3)]
    assert len(from_traccar({"device_id": "k", "location": locations})) == 3
    forwarded = {"position": {"latitude": 1, "longitude": 2, "fixTime": "x"}, "device": {"uniqueId": "350"}}
    assert [message.device for message in from_traccar([forwarded, forwarded])] == ["350", "350"]
    together = {"devices": [{"id": 7, "uniqueId": "350"}], "positions": [{"deviceId": 7, "latitude": 1, "longitude": 2}]}
    assert [message.device for message in from_traccar(together)] == ["350"]


@pytest.mark.parametrize("odd", [[], [1], {}, {"a": []}, None, 1.5, True])
def test_an_id_may_be_anything_json_can_say(odd: Any) -> None:
    position = {"latitude": 1, "longitude": 2, "deviceId": odd}
    devices = [{"id": odd, "uniqueId": "350"}]
    assert [message.device for message in from_traccar({"devices": devices, "positions": [position]})] == ["350"]
    assert [message.device for message in from_traccar({"devices": [{"id": 7}], "positions": [position]})] == [""]


def test_forwarded_positions_speak_knots() -> None:
    attributes = {"totalDistance": 12000, "fuelLevel": 312.5, "ignition": True, "sat": 9}
    position = {"latitude": 36.7, "longitude": 3.0, "speed": 20, "course": 655, "fixTime": "t", "valid": False}
    [message] = from_traccar({"position": {**position, "attributes": attributes}, "device": {"uniqueId": "350"}})
    assert (message.device, message.report.speed_unit) == ("350", KNOTS)
    assert sent(message.report, "heading", "odometer_m", "fuel_level", "is_valid") == [655, 12000, 312.5, False]


@pytest.mark.parametrize(
    "body",
    [{}, [], None, "x", 7, [[]], {"device_id": "k"}, {"position": 7}, {"position": None}, {"location": "here"},
     {"location": []}, {"positions": [1]}, {"location": [{}] * 5001}],
)  # fmt: skip
def test_what_has_no_known_form_is_not_taken(body: Any) -> None:
    with pytest.raises(Unreadable):
        from_traccar(body)


def test_owntracks_speaks_kmh() -> None:
    body = {"_type": "location", "lat": 36.75, "lon": 3.05, "tst": 1705329000, "vel": 50, "acc": 12, "batt": 80}
    [message] = from_owntracks(body, "k")
    assert (message.device, message.report.speed_unit) == ("k", KMH)
    assert sent(message.report, "latitude", "timestamp", "accuracy_m", "battery") == [36.75, 1705329000, 12, 80]
