"""Positions of a vehicle on its trip stamp arrivals at the stops they come near."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

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


def departures(stops: list[TripStop]) -> list[str | None]:
    rows = TripStop.objects.filter(pk__in=[stop.pk for stop in stops]).order_by("sequence")
    return [row.actual_departure_datetime and row.actual_departure_datetime.strftime("%H:%M") for row in rows]


def test_a_halt_is_an_arrival_and_a_departure_whether_sent_one_by_one_or_late(
    api: Any, dispatcher: Any, van: Any, stops: list[TripStop], fix: Callable
) -> None:
    client, away = api(dispatcher), (36.76, 3.05)
    legs = [(1, 36.755, 3.05), (2, *PLACES[0]), (3, *PLACES[0]), (6, *PLACES[0]), (7, *away), (8, 36.77, 3.05)]
    for leg in legs[:4]:
        client.post(URL, fix(van, **at(*leg)))
    assert TripStop.objects.get(pk=stops[0].pk).arrival_is_suggested is False
    assert client.post(f"{URL}bulk/", {"positions": [fix(van, **at(*leg)) for leg in legs]}).json()["accepted"] == 2
    assert (arrivals(stops), departures(stops)) == (["14:02", None], ["14:07", None])
    # Fixes that come late, and a second time at the place, re-open nothing.
    client.post(URL, fix(van, **at(5, 36.7501, 3.05)))
    client.post(URL, fix(van, **at(30, *PLACES[0])))
    client.post(URL, fix(van, **at(35, *PLACES[0])))
    assert (arrivals(stops), departures(stops)) == (["14:02", None], ["14:07", None])


def test_passing_by_is_a_suggestion(
    api: Any, dispatcher: Any, van: Any, stops: list[TripStop], fix: Callable
) -> None:
    client = api(dispatcher)
    for minute, seconds, latitude in [(5, 0, 36.7495), (5, 10, 36.7505), (5, 30, 36.754), (5, 40, 36.757)]:
        stamp = START + dt.timedelta(minutes=minute, seconds=seconds)
        client.post(URL, fix(van, latitude=latitude, longitude=3.05, timestamp=stamp.isoformat()))
    shown = client.get(f"/api/trip-stops/{stops[0].pk}/").json()
    assert (shown["actual_arrival_datetime"][14:19], shown["actual_departure_datetime"][14:19]) == ("05:00", "05:30")
    assert shown["arrival_is_suggested"] is True
    for minute in (20, 23):
        client.post(URL, fix(van, **at(minute, *PLACES[0])))
    assert (arrivals(stops), departures(stops)) == (["14:20", None], [None, None])


def test_one_accurate_fix_of_a_device_is_enough(api: Any, dispatcher: Any, van: Any, stops: list[TripStop]) -> None:
    key = api(dispatcher).post("/api/devices/", {"vehicle_id": van.pk}).json()["key"]
    for minute, accuracy in ((4, "900"), (6, "12")):
        stamp = int((START + dt.timedelta(minutes=minute)).timestamp())
        query = {"id": key, "lat": "36.75", "lon": "3.05", "timestamp": stamp, "accuracy": accuracy}
        assert api().get("/api/devices/osmand/", query).status_code == 200
        assert arrivals(stops)[0] == (None if minute == 4 else "14:04")


@pytest.mark.parametrize("rows", [1, 3])
def test_following_visits_costs_the_same_with_more_stops(
    rows: int, api: Any, dispatcher: Any, van: Any, stops: list[TripStop], fix: Callable
) -> None:
    for number in range(rows):
        stop = Stop.objects.create(company=van.company, name=f"S{number}", address="Alger", latitude=36.9, longitude=3.2)
        TripStop.objects.create(trip=stops[0].trip, stop=stop, sequence=number + 3)
    client = api(dispatcher)
    client.post(URL, fix(van, **at(5, 36.76, 3.06)))
    client.get("/api/positions/latest/")
    with CaptureQueriesContext(connection) as queries:
        client.post(URL, fix(van, **at(6, 36.77, 3.06)))
    assert sum("trips_tripstop" in query["sql"] for query in queries) == 1  # the watched stops
    assert sum("telematics_stopvisit" in query["sql"] for query in queries) == 1
