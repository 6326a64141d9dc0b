"""What positions say about trips."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from trips import watched_stops
from trips.models import Trip, TripStop
from trips.services import stop_arrivals
from trips.steps.stop_outcomes import record_outcome
from trips.tests.world import loaded_trip, make_trip, stops_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(api, dispatcher):
    return api(dispatcher)


@pytest.fixture
def running(client):
    trip, _ = loaded_trip(client)
    client.put(f"/api/trips/{trip}/", {"status": "in_progress"})
    return Trip.objects.get(pk=trip)


def times(client, trip):
    stop = stops_of(client, trip.pk)[0]
    return [stop[name] for name in ("actual_arrival_datetime", "actual_departure_datetime", "arrival_is_suggested")]


def test_an_arrival_is_suggested_then_a_fact_and_a_tap_keeps_it(client, running):
    now = timezone.now().replace(microsecond=0) + timedelta(minutes=1)
    pickup = stops_of(client, running.pk)[0]["id"]
    assert stop_arrivals.record_arrivals(actor=None, trip_stops={pickup: now}) is True
    assert stop_arrivals.record_arrivals(actor=None, trip_stops={pickup: now}) is False
    assert times(client, running) == [f"{now:%Y-%m-%dT%H:%M:%SZ}", None, True]
    assert stop_arrivals.confirm_arrivals(actor=None, trip_stops=[pickup]) is True
    assert stop_arrivals.confirm_arrivals(actor=None, trip_stops=[pickup]) is False
    assert times(client, running)[2] is False
    done = client.put(f"/api/trip-stops/{pickup}/", {"is_completed": True}).json()
    undone = client.put(f"/api/trip-stops/{pickup}/", {"is_completed": False}).json()
    assert done["actual_arrival_datetime"] == undone["actual_arrival_datetime"] is not None
    assert undone["actual_departure_datetime"] is None


def test_a_suggestion_gives_way_to_a_later_one_and_a_fact_to_none(client, running):
    first, later = timezone.now() + timedelta(minutes=1), timezone.now() + timedelta(minutes=9)
    pickup = stops_of(client, running.pk)[0]["id"]
    stop_arrivals.record_arrivals(actor=None, trip_stops={pickup: first})
    stop_arrivals.record_departures(actor=None, trip_stops={pickup: first + timedelta(seconds=30)})
    assert stop_arrivals.record_arrivals(actor=None, trip_stops={pickup: later}) is True
    row = TripStop.objects.get(pk=pickup)
    assert (row.actual_arrival_datetime, row.actual_departure_datetime) == (later, None)
    stop_arrivals.confirm_arrivals(actor=None, trip_stops=[pickup])
    assert stop_arrivals.record_arrivals(actor=None, trip_stops={pickup: later + timedelta(minutes=9)}) is False


def test_an_arrival_that_positions_tell_meanwhile_is_not_overwritten(client, running):
    pickup = stops_of(client, running.pk)[0]["id"]
    read_before = TripStop.objects.select_related("stop").get(pk=pickup)
    told = timezone.now()
    stop_arrivals.record_arrivals(actor=None, trip_stops={pickup: told})
    with transaction.atomic():
        record_outcome(running, read_before, actor=None, is_completed=True)
    row = TripStop.objects.get(pk=pickup)
    assert row.actual_arrival_datetime == told < row.actual_departure_datetime


def test_late_fixes_and_trips_that_do_not_run_stamp_nothing(client, running):
    early = running.actual_start_datetime - timedelta(seconds=1)
    pickup = stops_of(client, running.pk)[0]["id"]
    assert stop_arrivals.record_arrivals(actor=None, trip_stops={pickup: early}) is False
    waiting, _ = loaded_trip(client)
    assert stop_arrivals.record_arrivals(actor=None, trip_stops={stops_of(client, waiting)[0]["id"]: timezone.now()}) is False
    assert watched_stops.watched_stops([Trip.objects.get(pk=waiting).vehicle_id]) == {}


def test_watched_stops_in_one_query(client, running, django_assert_num_queries):
    make_trip(client)
    with django_assert_num_queries(1):
        watched = watched_stops.watched_stops([running.vehicle_id, 10**9])
    assert [stop.trip_stop_id for stop in watched[running.vehicle_id]] == [row["id"] for row in stops_of(client, running.pk)]


def test_departures_follow_arrivals(client, running):
    pickup, now = stops_of(client, running.pk)[0]["id"], timezone.now() + timedelta(minutes=1)
    assert stop_arrivals.record_departures(actor=None, trip_stops={pickup: now}) is False
    assert stop_arrivals.record_arrivals(actor=None, trip_stops={pickup: now}) is True
    assert stop_arrivals.record_departures(actor=None, trip_stops={pickup: now - timedelta(seconds=1)}) is False
    assert stop_arrivals.record_departures(actor=None, trip_stops={pickup: now + timedelta(minutes=5)}) is True
    assert stop_arrivals.record_departures(actor=None, trip_stops={pickup: now + timedelta(minutes=9)}) is False


def test_completing_keeps_the_departure_that_was_seen(client, running):
    pickup, left = stops_of(client, running.pk)[0]["id"], timezone.now() + timedelta(minutes=5)
    stop_arrivals.record_arrivals(actor=None, trip_stops={pickup: left - timedelta(minutes=4)})
    stop_arrivals.record_departures(actor=None, trip_stops={pickup: left})
    client.put(f"/api/trips/{running.pk}/", {"status": "completed"})
    assert TripStop.objects.get(pk=pickup).actual_departure_datetime == left
