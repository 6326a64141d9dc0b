"""Running late is said once for each stop and threshold, and arrivals are published when they change by more than a minute."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from depannini_dashmap.lib.realtime import layer
from depannini_dashmap.lib.time_zone import display_zone
from depannini_dashmap.operations import periodic_jobs
from orders.models import Stop
from telematics.services.positions import record_position
from testing.roads import LIECHTENSTEIN
from trips.models import Trip, TripStop
from trips.services import delays

pytestmark = pytest.mark.django_db
VADUZ, SCHAAN, RUGGELL = (47.1393, 9.5228), (47.1650, 9.5100), (47.2400, 9.5270)


@pytest.fixture
def trip_of(dispatcher, company_a):
    """A running trip whose stops are due so many minutes from now (None: never)."""
    from fleet.services import create_vehicle

    def make(*stops, plate="1-1-1"):
        vehicle = create_vehicle(actor=dispatcher, company=company_a, license_plate=plate, make="x", model="y", year=2020, capacity="1.5")
        begins = timezone.now() - timedelta(hours=3)
        here = begins.astimezone(display_zone())
        trip = Trip.objects.create(
            company=company_a, vehicle=vehicle, name="Tour", status="in_progress", actual_start_datetime=begins,
            planned_start_date=here.date(), planned_start_time=here.time(),
        )  # fmt: skip
        for number, (place, minutes) in enumerate(stops, 1):
            stop = Stop.objects.create(company=company_a, name=f"Stop {number}", address="x", latitude=place[0], longitude=place[1])
            due = minutes is not None and (timezone.now() + timedelta(minutes=minutes)).astimezone(display_zone())
            TripStop.objects.create(
                trip=trip, stop=stop, sequence=number, planned_arrival_time=due.time() if due else None, planned_arrival_date=due.date() if due else None
            )
        return trip

    return make


def _report(dispatcher, trip, place, at=None):
    raw = {"vehicle_id": trip.vehicle_id, "latitude": place[0], "longitude": place[1], "speed": 30, "heading": 0, "timestamp": (at or timezone.now()).isoformat()}
    record_position(actor=dispatcher, raw=raw)


def _heard(now=None):
    with layer.captured("fleet.company.") as sent, TestCase.captureOnCommitCallbacks(execute=True), transaction.atomic():
        delays.check_delays(actor=None, now=now)
    return [event for _, event in sent if event["type"] in ("running_late", "trip_eta")]


def _late(now=None):
    return [(event["late_min"], [stop["sequence"] for stop in event["stops"]]) for event in _heard(now) if event["type"] == "running_late"]


def test_a_stop_without_a_position_is_late_by_the_clock_once_a_threshold(trip_of):
    trip_of((VADUZ, 0), (SCHAAN, 20), (RUGGELL, None))
    now = timezone.now()
    said = {minutes: _late(now + timedelta(minutes=minutes)) for minutes in (0, 14, 15.2, 16, 29, 30.2, 36, 61, 62, 100, 200)}
    assert {minutes: frames for minutes, frames in said.items() if frames} == {
        15.2: [(15, [1])], 30.2: [(30, [1])], 36: [(15, [2])], 61: [(60, [1, 2])], 100: [(60, [2])],
    }  # fmt: skip


def test_what_is_expected_counts_before_the_due_time_has_come(trip_of, dispatcher, use_roads):
    use_roads(LIECHTENSTEIN)
    trip = trip_of((VADUZ, 2), (RUGGELL, 4))
    _report(dispatcher, trip, VADUZ)
    TripStop.objects.filter(trip=trip, sequence=1).update(actual_arrival_datetime=timezone.now())
    heard = _heard()
    [late] = [event for event in heard if event["type"] == "running_late"]
    [stop] = late["stops"]
    assert (late["trip_id"], late["late_min"], stop["name"], stop["source"]) == (trip.pk, 15, "Stop 2", "road")
    assert stop["expected_at"] > stop["due_at"]
    assert [event["stops"][0]["eta"]["source"] for event in heard if event["type"] == "trip_eta"] == ["road"]


def test_who_was_not_there_reads_it(trip_of, api, dispatcher, client):
    trip = trip_of((VADUZ, -40))
    assert _late() == [(30, [1])]
    assert api(dispatcher).get(f"/api/trips/{trip.pk}/").json()["trip_stops"][0]["late_min"] == 30
    client.force_login(dispatcher)
    assert b"at least 30 min late" in client.get(f"/admin/dispatch/trips/{trip.pk}/").content


def test_another_due_time_begins_anew(trip_of, api, dispatcher):
    trip = trip_of((VADUZ, -40))
    _late()
    path = f"/api/trip-stops/{trip.trip_stops.get().pk}/"
    later = (timezone.now() - timedelta(minutes=20)).astimezone(display_zone())
    assert api(dispatcher).put(path, {"planned_arrival_time": f"{later:%H:%M}", "planned_arrival_date": f"{later:%Y-%m-%d}"}).json()["late_min"] == 0
    assert _late() == [(15, [1])]


def test_a_trip_that_is_put_off_begins_anew(trip_of, api, dispatcher):
    trip = trip_of((VADUZ, None))
    begins = (timezone.now() - timedelta(minutes=40)).astimezone(display_zone())
    TripStop.objects.filter(trip=trip).update(planned_arrival_time=begins.time())
    Trip.objects.filter(pk=trip.pk).update(planned_start_date=begins.date(), planned_start_time=begins.time())
    assert _late() == [(30, [1])]
    later = begins + timedelta(days=1)
    shown = api(dispatcher).patch(f"/api/trips/{trip.pk}/", {"planned_start_date": f"{later:%Y-%m-%d}"}).json()
    assert shown["trip_stops"][0]["late_min"] == 0
    assert _late() == []
    assert _late(timezone.now() + timedelta(days=1)) == [(30, [1])]


def test_who_catches_up_is_no_alarm_and_is_said_once_all_the_same(trip_of, api, dispatcher, client):
    trip = trip_of((SCHAAN, 30))
    now = timezone.now()
    client.force_login(dispatcher)

    def shown():
        late = api(dispatcher).get(f"/api/trips/{trip.pk}/").json()["trip_stops"][0]["late_min"]
        return late, b"at least 30 min late" in client.get(f"/admin/dispatch/trips/{trip.pk}/").content, b"at least 30 min late" in client.get("/admin/board/").content

    assert _late(now + timedelta(minutes=61)) == [(30, [1])]
    assert shown() == (30, True, True)
    assert _late(now) == []  # as if the way had become shorter
    assert shown() == (0, False, False)
    assert _late(now + timedelta(minutes=61)) == []
    assert shown()[0] == 30
    assert _late(now + timedelta(minutes=91)) == [(60, [1])]


def test_what_is_reached_closed_or_not_running_is_not_late(trip_of):
    trip = trip_of((VADUZ, -40), (SCHAAN, -40), (RUGGELL, -40))
    first, second, _ = TripStop.objects.filter(trip=trip).order_by("sequence")
    TripStop.objects.filter(pk=first.pk).update(is_completed=True, actual_arrival_datetime=timezone.now())
    TripStop.objects.filter(pk=second.pk).update(actual_arrival_datetime=timezone.now())
    Trip.objects.filter(pk=trip.pk).update(status="planned")
    assert _late() == []
    Trip.objects.filter(pk=trip.pk).update(status="in_progress")
    assert _late() == [(30, [3])]


def test_an_arrival_is_published_when_it_changed_by_more_than_a_minute(trip_of, dispatcher):
    trip = trip_of((SCHAAN, 300))
    now = timezone.now()
    _report(dispatcher, trip, VADUZ)
    [first] = _heard(now)
    assert first["type"] == "trip_eta" and first["stops"][0]["eta"]["source"] == "straight_line"
    assert _heard(now + timedelta(seconds=30)) == []
    [gone] = _heard(now + timedelta(minutes=30))  # the fix has grown too old
    assert gone["stops"] == [{"trip_stop_id": trip.trip_stops.get().pk, "eta": None}]
    assert _heard(now + timedelta(minutes=31)) == []


@pytest.mark.parametrize("field", ["stop", "trip"])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("clock", ["00:00", "23:59"])
def test_the_ends_of_the_calendar_break_neither_the_look_nor_a_page(trip_of, api, dispatcher, client, field, day, clock):
    trip = trip_of((VADUZ, 30), (SCHAAN, 30))
    path = f"/api/trip-stops/{trip.trip_stops.order_by('sequence').first().pk}/"
    if field == "stop":
        assert api(dispatcher).put(path, {"planned_arrival_time": clock, "planned_arrival_date": day}).status_code == 200
    else:
        Trip.objects.filter(pk=trip.pk).update(planned_start_date=day, planned_start_time=clock)
        TripStop.objects.filter(trip=trip).update(planned_arrival_date=None)
    assert all(late == 60 for late, _ in _late())
    client.force_login(dispatcher)
    for page in (f"/admin/dispatch/trips/{trip.pk}/", "/admin/", "/admin/map/", "/admin/trips/trip/", f"/api/trips/{trip.pk}/"):
        assert client.get(page).status_code in (200, 401)
    assert api(dispatcher).get(f"/api/trips/{trip.pk}/").status_code == 200


def test_many_trips_cost_two_queries(trip_of, dispatcher):
    for number in range(3):
        _report(dispatcher, trip_of((VADUZ, 60), (SCHAAN, 90), plate=str(number)), RUGGELL)
    delays.check_delays(actor=None)
    with CaptureQueriesContext(connection) as queries:
        delays.check_delays(actor=None)
    assert len(queries) == 2  # the open stops of running trips; their expected arrivals


def test_one_process_of_several_looks(trip_of):
    assert periodic_jobs.run_delay_round()
    assert not periodic_jobs.run_delay_round()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_processes_at_once_say_it_once(trip_of):
    trip_of((VADUZ, -70), (SCHAAN, -70))
    together = threading.Barrier(4)

    def look():
        together.wait()
        delays.check_delays(actor=None)
        connection.close()

    with layer.captured("fleet.company.") as sent:
        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    heard = [stop["sequence"] for _, event in sent if event["type"] == "running_late" for stop in event["stops"]]
    assert sorted(heard) == [1, 2]
