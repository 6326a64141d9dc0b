"""What trackers send, in our units."""

from typing import Any

import pytest

from telematics.protocols import Message, from_osmand, from_owntracks, from_traccar


def position_of(message: Message) -> dict[str, Any]:
    assert message.position is not None
    return message.position


def test_osmand_speaks_knots_and_seconds() -> None:
    query = {"id": "k", "lat": "36.75", "lon": "3.05", "timestamp": "1705329000", "speed": "10", "bearing": "90"}
    assert from_osmand({**query, "altitude": "20", "batt": "80"}) == Message(
        "k",
        {
            "latitude": "36.75",
            "longitude": "3.05",
            "speed": 18.52,
            "heading": 90.0,
            "altitude": "20",
            "timestamp": "2024-01-15T14:30:00+00:00",
            "engine_status": "on",
        },
    )


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("1705329000", "2024-01-15T14:30:00+00:00"),
        ("1705329000000", "2024-01-15T14:30:00+00:00"),
        ("2024-01-15T14:30:00Z", "2024-01-15T14:30:00Z"),
        ("2024-01-15 14:30:00", "2024-01-15 14:30:00"),
        ("nan", "nan"),
        ("1e400", "1e400"),
        (None, None),
    ],
)
def test_osmand_instants(given: str | None, read: str | None) -> None:
    assert position_of(from_osmand({"id": "k", "lat": "1", "lon": "2", "timestamp": given}))["timestamp"] == read


def test_osmand_location_in_one_and_deviceid() -> None:
    message = from_osmand({"deviceid": "k", "location": "36.75,3.05", "heading": "12"})
    assert (message.key, position_of(message)["longitude"], position_of(message)["heading"]) == ("k", "3.05", 12.0)


def test_osmand_without_a_place() -> None:
    assert from_osmand({"id": "k", "batt": "20"}) == Message("k", None)
    assert from_osmand({}) == Message("", None)


def test_traccar_client_speaks_metres_a_second() -> None:
    body = {
        "device_id": "k",
        "location": {
            "timestamp": "2024-01-15T14:30:00.000Z",
            "coords": {"latitude": 36.75, "longitude": 3.05, "speed": 10, "heading": -1, "altitude": 5, "accuracy": 4},
            "odometer": 12500,
            "battery": {"level": 0.5},
        },
    }
    position = position_of(from_traccar(body))
    assert (position["speed"], position["heading"], position["odometer"]) == (36.0, 0.0, 12.5)
    assert position["timestamp"] == "2024-01-15T14:30:00.000Z"
    assert from_traccar({"device_id": "k", "location": {"event": "motionchange"}}) == Message("k", None)


def test_traccar_forward_speaks_knots_and_metres() -> None:
    body = {
        "position": {
            "latitude": 36.75,
            "longitude": 3.05,
            "speed": 10,
            "course": 45,
            "fixTime": "2024-01-15T14:30:00.000+00:00",
            "attributes": {"ignition": False, "totalDistance": 2500, "fuelLevel": 60},
        },
        "device": {"uniqueId": "k"},
    }
    message = from_traccar(body)
    position = position_of(message)
    assert (message.key, position["speed"], position["odometer"], position["fuel_level"]) == ("k", 18.52, 2.5, 60)
    assert (position["heading"], position["engine_status"]) == (45.0, "off")


def test_owntracks_speaks_km_an_hour() -> None:
    body = {"_type": "location", "lat": 36.75, "lon": 3.05, "tst": 1705329000, "vel": 50, "cog": 10, "alt": 7}
    position = position_of(from_owntracks(body, "k"))
    assert (position["speed"], position["timestamp"]) == (50.0, "2024-01-15T14:30:00+00:00")
    assert from_owntracks({"_type": "transition"}, "k") == Message("k", None)
    assert from_owntracks({}, "k") == Message("k", None)


@pytest.mark.parametrize("speed", [None, -1, "-1"])
def test_unknown_speeds_are_zero(speed: Any) -> None:
    assert position_of(from_osmand({"id": "k", "lat": 1, "lon": 2, "speed": speed}))["speed"] == 0.0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"location": 1},
        {"location": {"coords": []}},
        {"position": {}},
        {"position": {"attributes": 3}, "device": 1},
        {"device_id": {}, "location": {"coords": {"latitude": [], "longitude": {}, "speed": "x", "heading": []}}},
    ],
)
def test_any_json_is_read(body: dict) -> None:
    assert isinstance(from_traccar(body), Message)
