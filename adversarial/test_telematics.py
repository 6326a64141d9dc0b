"""H. Telematics."""

import random

import pytest

from testing.samples import fleet_of


@pytest.fixture
def fleet(users):
    """A dispatcher and a vehicle."""
    dispatcher = users.dispatcher()
    return dispatcher, fleet_of(dispatcher)["vehicle"]


def reading(vehicle, **fields):
    return {"vehicle_id": vehicle, "latitude": "36.7", "longitude": "3.05", "speed": "50.00", "heading": "90.00", **fields}


def test_h01_a_retransmission_is_stored_once(environment, fleet):
    dispatcher, vehicle = fleet
    body = reading(vehicle, timestamp="2026-02-01T10:00:00Z")
    answers = [dispatcher.post("/api/positions/", body) for _ in range(10)]
    assert [answer.status_code for answer in answers] == [201] + [200] * 9
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert environment.rows("SELECT count(*) FROM telematics_position WHERE vehicle_id = %s", [vehicle]) == [(1,)]


def test_h02_latest_is_by_timestamp(fleet):
    dispatcher, vehicle = fleet
    rows = [reading(vehicle, timestamp=f"2026-02-01T{n // 60:02d}:{n % 60:02d}:00Z", speed=f"{n % 90}.00") for n in range(1000)]
    random.Random(7).shuffle(rows)
    for chunk in range(0, 1000, 250):
        answer = dispatcher.post("/api/positions/bulk/", {"positions": rows[chunk : chunk + 250]})
        assert answer.status_code in (200, 201), answer.text
    latest = [row for row in dispatcher.get("/api/positions/latest/").json()["results"] if row["vehicle_id"] == vehicle]
    assert [row["timestamp"] for row in latest] == ["2026-02-01T16:39:00Z"]
    again = dispatcher.post("/api/positions/", reading(vehicle, timestamp="2026-02-01T16:39:00Z", speed="1.00"))
    assert again.status_code == 200 and again.json()["speed"] == latest[0]["speed"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("latitude", "90.0000001"), ("latitude", "-90.1"), ("longitude", "-180.0000001"), ("heading", "360.01"), ("heading", "-1"), ("speed", "-1"), ("speed", "1000"), ("fuel_level", "100.01"), ("fuel_level", "-0.5"), ("engine_status", "burning"), ("timestamp", "tomorrow"), ("timestamp", "2999-01-01T00:00:00Z")],
)
def test_h04_values_out_of_range_are_refused(fleet, name, value):
    dispatcher, vehicle = fleet
    answer = dispatcher.post("/api/positions/", reading(vehicle, **{name: value}))
    assert answer.status_code == 400 and name in answer.json()["fields"]


def test_h04_zeroes_come_back(fleet):
    dispatcher, vehicle = fleet
    zeroes = {"latitude": 0, "longitude": 0, "speed": 0, "heading": 0, "altitude": 0, "odometer": 0, "fuel_level": 0}
    got = dispatcher.post("/api/positions/", {"vehicle_id": vehicle, **zeroes}).json()
    assert {name: float(got[name]) for name in zeroes} == dict.fromkeys(zeroes, 0.0)
    assert got["latitude"] == "0.0000000" and got["engine_status"] == "off"


def test_h05_a_deleted_vehicle_takes_no_positions(fleet):
    dispatcher, vehicle = fleet
    trips = dispatcher.get(f"/api/trips/?vehicle={vehicle}").json()["results"]
    for trip in trips:
        dispatcher.delete(f"/api/trips/{trip['id']}/")
    assert dispatcher.delete(f"/api/vehicles/{vehicle}/").status_code == 204
    assert dispatcher.get(f"/api/vehicles/{vehicle}/").status_code == 404
    answer = dispatcher.post("/api/positions/", reading(vehicle))
    assert answer.status_code == 400 and answer.json()["error"] == "Vehicle not found"
    assert dispatcher.post("/api/positions/generate-fake/", {"vehicle_id": vehicle}).status_code == 403


def test_h06_teleports_are_flagged(environment, fleet):
    dispatcher, vehicle = fleet
    dispatcher.post("/api/positions/", reading(vehicle, timestamp="2026-03-01T10:00:00Z"))
    jump = dispatcher.post("/api/positions/", reading(vehicle, latitude="10.0", timestamp="2026-03-01T10:00:01Z"))
    assert jump.status_code == 201
    assert environment.rows("SELECT is_implausible FROM telematics_position WHERE id = %s", [jump.json()["id"]]) == [(True,)]


def test_h07_bulk_keeps_the_good_rows(fleet):
    dispatcher, vehicle = fleet
    rows = [reading(vehicle, timestamp="2026-04-01T10:00:00Z"), reading(vehicle, latitude="91", timestamp="2026-04-01T10:00:01Z"), reading(10**9), "x", reading(vehicle, timestamp="2026-04-01T10:00:02Z")]
    answer = dispatcher.post("/api/positions/bulk/", {"positions": rows})
    assert answer.status_code in (200, 201)
    assert {int(error["index"]) for error in answer.json()["errors"]} == {1, 2, 3}
    assert len(dispatcher.get(f"/api/positions/?vehicle={vehicle}").json()["results"]) == 2
