"""Positions of a vehicle on its trip stamp arrivals at the stops they come near."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from orders.models import Stop
from trips.models import Trip, TripStop

pytestmark = pytest.mark.django_db

URL = "/api/positions/"
START = dt.datetime(2024, 1, 15, 14, 0, tzinfo=dt.UTC)
PLACES = ((36.75, 3.05), (36.80, 3.10))


@pytest.fixture
def stops(van: Any, company_a: Any) -> list[TripStop]:
    """Two stops of the van's running trip."""
    trip = Trip.objects.create(
        company=company_a,
        vehicle=van,
        name="Tour",
        status="in_progress",
        planned_start_date="2024-01-15",
        planned_start_time="14:00",
        actual_start_datetime=START,
    )
    made = []
    for number, (latitude, longitude) in enumerate(PLACES, start=1):
        stop = Stop.objects.create(
            company=company_a, name=f"Stop {number}", address="Alger", latitude=latitude, longitude=longitude
        )
        made.append(TripStop.objects.create(trip=trip, stop=stop, sequence=number))
    return made


def arrivals(stops: list[TripStop]) -> list[str | None]:
    return [
        stop.actual_arrival_datetime and stop.actual_arrival_datetime.strftime("%H:%M")
        for stop in TripStop.objects.filter(pk__in=[stop.pk for stop in stops]).order_by("sequence")
    ]


def at(minute: int, latitude: float, longitude: float) -> dict:
    stamp = START + dt.timedelta(minutes=minute)
    return {"latitude": latitude, "longitude": longitude, "timestamp": stamp.isoformat()}


def test_a_position_at_a_stop_is_an_arrival(
    api: Any, dispatcher: Any, van: Any, stops: list[TripStop], fix: Callable
) -> None:
    client = api(dispatcher)
    client.post(URL, fix(van, **at(5, 36.76, 3.06)))
    assert arrivals(stops) == [None, None]
    client.post(URL, fix(van, **at(9, 36.7505, 3.0505)))
    client.post(URL, fix(van, **at(10, 36.75, 3.05)))
    assert arrivals(stops) == ["14:09", None]


def test_a_buffered_drive_stamps_each_stop_at_its_first_fix(
    api: Any, dispatcher: Any, van: Any, stops: list[TripStop], fix: Callable
) -> None:
    drive = [(-30, *PLACES[0]), (-1, *PLACES[0]), (1, *PLACES[0]), (3, *PLACES[0]), (20, 36.78, 3.08)]
    rows = [fix(van, **at(*leg)) for leg in [*drive, (40, *PLACES[1]), (41, *PLACES[1])]]
    answer = api(dispatcher).post(f"{URL}bulk/", {"positions": list(reversed(rows))})
    assert answer.json()["accepted"] == 7
    assert arrivals(stops) == ["14:01", "14:40"]


def test_jumps_and_other_vehicles_arrive_nowhere(
    api: Any, dispatcher: Any, van: Any, other_van: Any, stops: list[TripStop], fix: Callable
) -> None:
    client = api(dispatcher)
    client.post(URL, fix(van, **at(1, 50.0, 3.0)))
    assert client.post(URL, fix(van, **at(2, *PLACES[0]))).json()["implausible"] is True
    client.post(URL, fix(other_van, **at(2, *PLACES[0])))
    assert arrivals(stops) == [None, None]
