"""A forwarder's list of many devices: stored as if each had come by itself, at the cost of one."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Company
from orders.models import Stop
from telematics.models import Device, LatestPosition, Position, StopVisit
from telematics.tests.conftest import make_vehicle
from trips.models import Trip, TripStop

pytestmark = pytest.mark.django_db

URL = "/api/devices/traccar/"
START = dt.datetime(2024, 1, 15, 14, 0, tzinfo=dt.UTC)


def make_fleet(company: Company, count: int, prefix: str = "") -> list[str]:
    """Make vehicles on trips of one stop, each with a tracker; return the trackers' ids."""
    ids = []
    for number in range(count):
        van = make_vehicle(company, f"{prefix}{number}")
        Device.objects.create(vehicle=van, company=company, external_id=f"{prefix}{number}", app="forwarded")
        trip = Trip.objects.create(
            company=company, vehicle=van, name="Tour", status="in_progress", planned_start_date="2024-01-15",
            planned_start_time="14:00", actual_start_datetime=START,
        )  # fmt: skip
        stop = Stop.objects.create(company=company, name="Stop", address="Alger", latitude=36.75, longitude=3.05)
        TripStop.objects.create(trip=trip, stop=stop, sequence=1)
        ids.append(f"{prefix}{number}")
    return ids


def forwarded(external_id: str, minute: float, latitude: float = 36.75, **changes: Any) -> dict:
    instant = START + dt.timedelta(minutes=minute)
    position = {"fixTime": instant.isoformat(), "valid": True, "latitude": latitude, "longitude": 3.05, "accuracy": 8}
    attributes = {"batteryLevel": 60 + minute, **changes.pop("attributes", {})}
    return {"position": {**position, "attributes": attributes, **changes}, "device": {"uniqueId": external_id}}


def of_every_kind(external_id: str) -> list[list[dict]]:
    """Return what one tracker says in three bodies: a halt with a passage before it, and each kind of refusal."""
    return [
        [
            forwarded(external_id, 1, 36.70),
            forwarded(external_id, 2, 48.0),  # out of reach
            forwarded(external_id, 3, course=655, attributes={"fuelLevel": 312}),  # arrived, with values of no use
        ],
        [forwarded(external_id, 4, valid=False), forwarded(external_id, 3, 36.71), forwarded(external_id, 6)],  # stays
        [forwarded(external_id, 8, 36.76), forwarded(external_id, 9, 36.77), forwarded(external_id, 10, 95.0)],  # left
    ]


def stored_of(prefix: str) -> list[tuple]:
    """Return all that is stored of the devices of a prefix, without ids and the instants of arrival here."""
    own = {"vehicle__license_plate__startswith": prefix}
    stop = {"trip__vehicle__license_plate__startswith": prefix}
    device = ("position_at", "refusal", "refusal_detail", "dropped", "battery")
    fixes = ("timestamp", "latitude", "longitude", "speed", "heading", "is_implausible")
    latest = ("timestamp", "latitude", "doubted_at", "doubted_latitude", "doubted_longitude")
    arrival = ("actual_arrival_datetime", "actual_departure_datetime", "arrival_is_suggested")
    visit = ("seen_at", "first_at", "entered_at", "is_sure", "outside_at", "left_at")
    return [
        *Device.objects.filter(**own).order_by("pk").values_list(*device),
        *Position.objects.filter(**own).order_by("vehicle", "timestamp").values_list(*fixes),
        *LatestPosition.objects.filter(**own).order_by("vehicle").values_list(*latest),
        *TripStop.objects.filter(**stop).order_by("pk").values_list(*arrival),
        *StopVisit.objects.filter(trip_stop__in=TripStop.objects.filter(**stop)).order_by("pk").values_list(*visit),
    ]


@pytest.fixture
def headers(api: Any, dispatcher: Any) -> dict[str, str]:
    """The header of a forwarder of the first company."""
    return {"Authorization": f"Bearer {api(dispatcher).post('/api/forwarders/', {}).json()['secret']}"}


def test_a_body_of_many_is_stored_as_each_by_itself(api: Any, company_a: Company, headers: dict) -> None:
    together, apart = make_fleet(company_a, 3, "T"), make_fleet(company_a, 3, "A")
    for turn in range(3):
        body = [message for one in together for message in of_every_kind(one)[turn]]
        assert api().post(URL, body, headers=headers).status_code == 200
        for one in apart:
            assert api().post(URL, of_every_kind(one)[turn], headers=headers).status_code == 200
    assert stored_of("T") == stored_of("A")
    device, stop = Device.objects.get(external_id="T2"), TripStop.objects.get(trip__vehicle__license_plate="T2")
    assert (device.refusal, device.dropped, device.battery) == ("bad_place", "", 70)
    assert device.refused_at == device.contacted_at == Device.objects.get(external_id="T0").contacted_at
    assert (stop.actual_arrival_datetime, stop.arrival_is_suggested) == (START + dt.timedelta(minutes=3), False)
    assert stop.actual_departure_datetime == START + dt.timedelta(minutes=8)


def test_statements_do_not_grow_with_devices(api: Any, company_a: Company, headers: dict) -> None:
    counts = {}
    for count in (1, 3, 50):
        ids, counted = make_fleet(company_a, count, f"{count}-"), []
        for turn in range(3):
            body = [message for one in ids for message in of_every_kind(one)[turn]]
            with CaptureQueriesContext(connection) as queries:
                assert api().post(URL, body, headers=headers).status_code == 200
            counted.append(len(queries))
        counts[count] = counted
    assert counts[3] == counts[50]
    # Of several rows the locks are taken first: of devices, of visits, of the stops that are stamped.
    assert max(many - one for one, many in zip(counts[1], counts[3], strict=True)) <= 3
    assert TripStop.objects.filter(actual_departure_datetime=None).count() == 0


def test_two_trackers_of_one_vehicle_in_one_body(api: Any, company_a: Company, van: Any, headers: dict) -> None:
    for name in ("front", "rear"):
        Device.objects.create(vehicle=van, company=company_a, external_id=name, app="forwarded")
    body = [forwarded("rear", 2), forwarded("front", 1), forwarded("front", 2, 36.7501), forwarded("rear", 3, 48.0)]
    assert api().post(URL, body, headers=headers).status_code == 200
    kept = list(Position.objects.order_by("timestamp").values_list("latitude", "is_implausible"))
    assert kept == [(36.75, False), (36.75, False), (48.0, True)]  # of two of one instant the first
    refusals = dict(Device.objects.values_list("external_id", "refusal"))
    assert refusals == {"front": "", "rear": "jump"}
    assert set(Device.objects.values_list("position_at", flat=True)) == {START + dt.timedelta(minutes=2)}
