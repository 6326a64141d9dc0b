"""Trips on real roads: their length and line, when their stops may be reached, and what is said where roads are not known."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from depannini_dashmap.lib.roads import osrm
from orders.models import Stop
from telematics.services.positions import record_position
from testing.roads import LIECHTENSTEIN
from trips.expected_arrivals import expected_stops
from trips.models import Trip, TripStop

pytestmark = pytest.mark.django_db
VADUZ, SCHAAN, RUGGELL = (47.1393, 9.5228), (47.1650, 9.5100), (47.2400, 9.5270)
SEA = (0.5, 0.5)


@pytest.fixture(autouse=True)
def _nothing_rests():
    osrm.forget()
    yield
    osrm.forget()


@pytest.fixture
def trip_of(api, dispatcher, company_a):
    from fleet.services import create_vehicle

    def make(*places, status="in_progress", plate="1-1-1"):
        vehicle = create_vehicle(actor=dispatcher, company=company_a, license_plate=plate, make="x", model="y", year=2020, capacity="1.5")
        now = timezone.now()
        trip = Trip.objects.create(
            company=company_a, vehicle=vehicle, name="Tour", status=status, planned_start_date=now.date(), planned_start_time=now.time(),
            actual_start_datetime=now if status == "in_progress" else None,
        )  # fmt: skip
        for number, place in enumerate(places, 1):
            stop = Stop.objects.create(company=company_a, name=f"Stop {number}", address="x", latitude=place and place[0], longitude=place and place[1])
            TripStop.objects.create(trip=trip, stop=stop, sequence=number)
        return trip

    return make


def _report(dispatcher, trip, place, age=0):
    raw = {
        "vehicle_id": trip.vehicle_id, "latitude": place[0], "longitude": place[1], "speed": 30, "heading": 0,
        "timestamp": (timezone.now() - timedelta(seconds=age)).isoformat(),
    }  # fmt: skip
    record_position(actor=dispatcher, raw=raw)


def test_a_trip_says_its_way_by_road(api, dispatcher, trip_of, use_roads):
    use_roads(LIECHTENSTEIN)
    trip = trip_of(VADUZ, None, SCHAAN, RUGGELL)
    body = api(dispatcher).get(f"/api/trips/{trip.pk}/").json()
    assert body["road"]["source"] == "road"
    assert body["total_distance_km"] < body["road"]["distance_km"] < 2 * body["total_distance_km"]
    assert 10 < body["road"]["driving_minutes"] < 30


def test_without_roads_the_way_is_an_estimate_that_says_so(api, dispatcher, trip_of):
    trip = trip_of(VADUZ, SCHAAN)
    road = api(dispatcher).get(f"/api/trips/{trip.pk}/").json()["road"]
    assert road["source"] == "straight_line"
    alone = trip_of(VADUZ, plate="2")
    assert api(dispatcher).get(f"/api/trips/{alone.pk}/").json()["road"] is None


def test_each_stop_ahead_has_its_arrival(api, dispatcher, trip_of, use_roads):
    use_roads(LIECHTENSTEIN)
    trip = trip_of(VADUZ, SCHAAN, None, RUGGELL)
    _report(dispatcher, trip, (47.1200, 9.5200), age=60)
    first, second, nowhere, last = api(dispatcher).get(f"/api/trips/{trip.pk}/").json()["trip_stops"]
    assert nowhere["eta"] is None
    assert [row["eta"]["source"] for row in (first, second, last)] == ["road"] * 3
    assert 55 <= first["eta"]["fix_age_s"] <= 75
    assert first["eta"]["at"] < second["eta"]["at"] < last["eta"]["at"]
    assert all(row["eta"]["earliest"] <= row["eta"]["at"] <= row["eta"]["latest"] for row in (first, second, last))
    listed = api(dispatcher).get(f"/api/trip-stops/?trip={trip.pk}").json()["results"]
    assert [row["eta"] and row["eta"]["source"] for row in listed] == ["road", "road", None, "road"]
    one = api(dispatcher).get(f"/api/trip-stops/{first['id']}/").json()
    assert one["eta"]["source"] == "road"


def test_nothing_is_expected_without_a_fresh_fix_or_before_the_start(api, dispatcher, trip_of, use_roads, settings):
    use_roads(LIECHTENSTEIN)
    silent, planned, old = trip_of(VADUZ), trip_of(VADUZ, status="planned", plate="2"), trip_of(VADUZ, plate="3")
    _report(dispatcher, planned, SCHAAN)
    _report(dispatcher, old, SCHAAN, age=settings.ETA_MAX_FIX_AGE.total_seconds() + 5)
    for trip in (silent, planned, old):
        assert [row["eta"] for row in api(dispatcher).get(f"/api/trips/{trip.pk}/").json()["trip_stops"]] == [None]


def test_a_stop_in_the_sea_has_an_estimate_and_the_others_their_roads(api, dispatcher, trip_of, use_roads):
    use_roads(LIECHTENSTEIN)
    trip = trip_of(SCHAAN, SEA)
    _report(dispatcher, trip, VADUZ)
    assert [row["eta"]["source"] for row in api(dispatcher).get(f"/api/trips/{trip.pk}/").json()["trip_stops"]] == ["road", "straight_line"]


def test_many_trips_cost_one_query(dispatcher, trip_of, use_roads):
    use_roads(LIECHTENSTEIN)
    counts = []
    for number in (1, 3):
        trips = [trip_of(VADUZ, RUGGELL, plate=f"{number}-{each}") for each in range(number)]
        for trip in trips:
            _report(dispatcher, trip, SCHAAN)
        with CaptureQueriesContext(connection) as queries:
            expected = expected_stops([trip.pk for trip in trips], timezone.now())
        counts.append(len(queries))  # the stops ahead, with the fixes of their vehicles
        assert all(stop.arrival.source == "road" for stops in expected.values() for stop in stops)
    assert counts == [1, 1]


def test_the_line_follows_roads(api, dispatcher, trip_of, use_roads):
    trip = trip_of(VADUZ, SCHAAN, status="planned")
    path = f"/api/trips/{trip.pk}/route.geojson"
    straight = api(dispatcher).get(path).json()["features"][-1]
    use_roads(LIECHTENSTEIN)
    by_road = api(dispatcher).get(path).json()["features"][-1]
    assert (len(straight["geometry"]["coordinates"]), straight["properties"]["road"]["source"]) == (2, "straight_line")
    assert (len(by_road["geometry"]["coordinates"]) > 20, by_road["properties"]["road"]["source"]) == (True, "road")
    assert by_road["geometry"]["coordinates"][0] == pytest.approx(VADUZ[::-1], abs=0.005)
