"""What positions say about trips."""

from datetime import timedelta

import pytest
from django.utils import timezone

from trips.models import Trip, TripStop
from trips.services import arrivals
from trips.tests.world import loaded_trip, make_trip, stops_of

pytestmark = pytest.mark.django_db
AT_RUNGIS = {"latitude": 48.7591, "longitude": 2.3521}


@pytest.fixture
def client(api, dispatcher):
    return api(dispatcher)


@pytest.fixture
def running(client):
    trip, _ = loaded_trip(client)
    client.put(f"/api/trips/{trip}/", {"status": "in_progress"})
    return Trip.objects.get(pk=trip)


def test_a_vehicle_near_an_awaited_stop_has_arrived(client, running):
    now = timezone.now() + timedelta(minutes=1)
    pickup = stops_of(client, running.pk)[0]
    told = {"vehicle_id": running.vehicle_id, "at": now}
    assert arrivals.record_vehicle_position(**told, latitude=48.70, longitude=2.35) is None
    assert arrivals.record_vehicle_position(**told, **AT_RUNGIS) == pickup["id"]
    assert arrivals.record_vehicle_position(**told, **AT_RUNGIS) is None
    row = TripStop.objects.get(pk=pickup["id"])
    assert (row.actual_arrival_datetime, row.is_completed) == (now, False)
    done = client.put(f"/api/trip-stops/{row.pk}/", {"is_completed": True}).json()
    undone = client.put(f"/api/trip-stops/{row.pk}/", {"is_completed": False}).json()
    assert done["actual_arrival_datetime"] == undone["actual_arrival_datetime"] is not None
    assert undone["actual_departure_datetime"] is None


def test_late_fixes_and_trips_that_do_not_run_stamp_nothing(client, running):
    early = running.actual_start_datetime - timedelta(seconds=1)
    pickup = stops_of(client, running.pk)[0]["id"]
    assert arrivals.record_arrival(trip_stop_id=pickup, at=early) is False
    waiting, _ = loaded_trip(client)
    assert arrivals.record_arrival(trip_stop_id=stops_of(client, waiting)[0]["id"], at=timezone.now()) is False
    assert arrivals.awaited_stops([Trip.objects.get(pk=waiting).vehicle_id]) == {}


def test_awaited_stops_in_one_query(client, running, django_assert_num_queries):
    make_trip(client)
    with django_assert_num_queries(1):
        awaited = arrivals.awaited_stops([running.vehicle_id, 10**9])
    assert [stop.sequence for stop in awaited[running.vehicle_id]] == [1, 2]


def test_departures_follow_arrivals(client, running):
    pickup, now = stops_of(client, running.pk)[0]["id"], timezone.now() + timedelta(minutes=1)
    assert arrivals.record_departure(trip_stop_id=pickup, at=now) is False
    assert arrivals.record_arrival(trip_stop_id=pickup, at=now) is True
    assert arrivals.record_departure(trip_stop_id=pickup, at=now - timedelta(seconds=1)) is False
    assert arrivals.record_departure(trip_stop_id=pickup, at=now + timedelta(minutes=5)) is True
    assert arrivals.record_departure(trip_stop_id=pickup, at=now + timedelta(minutes=9)) is False
