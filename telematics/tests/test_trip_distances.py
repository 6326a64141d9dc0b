"""How far a trip went: recorded where the positions cover it, else by road, else straight; measured once, and old trips too."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from depannini_dashmap.console.reports.month_queries import Month, read_month
from depannini_dashmap.lib.geo import haversine_km
from depannini_dashmap.lib.roads import routing
from depannini_dashmap.operations import periodic_jobs
from payments.tests.conftest import order_of  # noqa: F401
from payments.tests.test_reports import driven_trip
from telematics import trip_distances
from telematics.models import Position
from telematics.services import trip_measurement
from trips.models import Trip

pytestmark = pytest.mark.django_db
START, PORT, POSTE = datetime(2026, 11, 5, 8, tzinfo=UTC), (36.0, 3.0), (37.0, 3.0)
STRAIGHT = haversine_km(*PORT, *POSTE)


@pytest.fixture
def trip(dispatcher: Any, company_a: Any, order_of: Any, time_machine: Any) -> Trip:  # noqa: F811
    """From the port to the post office, 111 km to the north, over in two and a half hours."""
    time_machine.move_to(START + timedelta(hours=6))
    return driven_trip(dispatcher, company_a, order_of)


def drive(trip: Trip, *, every: int = 1, until: float = 1.0, **fields: Any) -> None:
    """Record a way north that swings to the east: longer than the straight line."""
    rows = [
        Position(
            vehicle=trip.vehicle, timestamp=START + timedelta(minutes=minute), latitude=36 + minute / 120,
            longitude=3 + 0.2 * (1 - abs(minute / 60 - 1)), speed=50, heading=0, created_at=START, **fields,
        )
        for minute in range(0, int(120 * until) + 1, every)
    ]  # fmt: skip
    Position.objects.bulk_create(rows)


def measured(trip: Trip) -> tuple[str, float]:
    trip_measurement.measure_trips(actor=None)
    trip.refresh_from_db()
    assert trip.driven_km is not None
    return trip.km_source, trip.driven_km


def test_a_track_that_covers_the_trip_counts(trip: Trip) -> None:
    drive(trip)
    source, km = measured(trip)
    assert source == "recorded" and STRAIGHT + 4 < km < STRAIGHT + 8


@pytest.mark.parametrize(
    "track", [{"every": 10}, {"until": 0.9}, {"is_implausible": True}, {"until": 0}], ids=["gaps", "ends too early", "not trusted", "one fix"]
)
def test_a_track_that_does_not_is_no_measure(trip: Trip, track: dict[str, Any]) -> None:
    drive(trip, **track)
    source, km = measured(trip)
    assert source == "straight" and km == pytest.approx(STRAIGHT, abs=0.01)


def test_by_road_where_roads_are_known(trip: Trip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "route", lambda points, **_: routing.Route("road", [routing.Leg(5000, 130_500, "road")]))
    assert measured(trip) == ("road", 130.5)


def test_a_parked_receiver_that_wanders_drives_nowhere() -> None:
    parked = [(START + timedelta(seconds=10 * number), 36 + (number % 3) * 0.0001, 3.0) for number in range(1000)]
    assert trip_distances.way_of(parked).km == 0


def test_it_is_measured_once_after_a_while_and_stays_when_positions_go(trip: Trip, time_machine: Any) -> None:
    drive(trip)
    time_machine.move_to(START + timedelta(hours=2.6))
    assert trip_measurement.measure_trips(actor=None) == 0
    time_machine.move_to(START + timedelta(hours=3))
    assert trip_measurement.measure_trips(actor=None) == 1
    first = Trip.objects.get(pk=trip.pk).driven_km
    Position.objects.all().delete()
    assert trip_measurement.measure_trips(actor=None) == 0
    assert Trip.objects.get(pk=trip.pk).driven_km == first


def test_a_trip_that_reached_nothing_and_was_not_recorded_is_measured_too(trip: Trip) -> None:
    trip.trip_stops.update(is_completed=False)
    assert measured(trip) == ("straight", 0)


def test_the_report_says_which_source_its_kilometres_have(trip: Trip, staff_user: Any) -> None:
    november = Month(2026, 11)
    trips = read_month(staff_user, november)[0].total_trips
    assert (round(trips.km), trips.recorded_km, round(trips.straight_km)) == (111, 0, 111)
    drive(trip)
    measured(trip)
    trips = read_month(staff_user, november)[0].total_trips
    assert (round(trips.km), round(trips.recorded_km), trips.road_km, trips.straight_km) == (117, 117, 0, 0)


def test_trips_are_measured_by_one_process_and_so_many_at_once(trip: Trip, monkeypatch: pytest.MonkeyPatch) -> None:
    assert timezone.now() > START
    monkeypatch.setattr(trip_measurement, "MEASURED_AT_ONCE", 0)
    assert trip_measurement.measure_trips(actor=None) == 0
    monkeypatch.undo()
    assert periodic_jobs.measure_trips() and not periodic_jobs.measure_trips()
    assert Trip.objects.get(pk=trip.pk).km_source == "straight"


# --- Fixes that come late ------------------------------------------------------------------------------------------------------------
def sent(trip: Trip, minutes: Iterable[float], until: float = 120) -> list[dict[str, Any]]:
    """Return bodies of fixes on the way of `drive`, as a phone uploads what it kept."""
    return [
        {
            "vehicle_id": trip.vehicle_id, "timestamp": (START + timedelta(minutes=minute)).isoformat(), "latitude": 36 + minute / until,
            "longitude": 3 + 0.2 * (1 - abs(2 * minute / until - 1)), "speed": 50, "heading": 0,
        }
        for minute in minutes
    ]  # fmt: skip


def round_after(time_machine: Any, **later: float) -> int:
    time_machine.shift(timedelta(**later))
    return trip_measurement.measure_trips(actor=None)


def test_what_a_phone_without_reception_sends_hours_later_is_counted_once(trip: Trip, api: Any, dispatcher: Any, time_machine: Any) -> None:
    assert measured(trip)[0] == "straight"
    client, fixes = api(dispatcher), sent(trip, range(121))
    assert client.post("/api/positions/bulk/", {"positions": fixes[:60]}).json()["accepted"] == 60
    time_machine.shift(timedelta(minutes=2))
    assert client.post("/api/positions/", fixes[60]).status_code == 201
    client.post("/api/positions/bulk/", {"positions": fixes[61:]})
    assert round_after(time_machine, minutes=2) == 0, "the phone may still send"
    assert round_after(time_machine, minutes=2) == 1
    trip.refresh_from_db()
    assert (trip.km_source, trip.late_fixes_at) == ("recorded", None) and STRAIGHT + 4 < trip.driven_km < STRAIGHT + 8
    for repeated in (fixes, fixes[5:6]):
        assert client.post("/api/positions/bulk/", {"positions": repeated}).json()["accepted"] == 0
    assert round_after(time_machine, minutes=10) == 0, "sent again, they change nothing"


@pytest.mark.parametrize("minutes", [range(40), range(0, 121, 10), range(200, 220), range(-60, -40)], ids=["a part", "gaps", "after", "before"])
def test_late_fixes_that_do_not_cover_the_trip_change_nothing(trip: Trip, api: Any, dispatcher: Any, time_machine: Any, minutes: range) -> None:
    before = measured(trip)
    api(dispatcher).post("/api/positions/bulk/", {"positions": sent(trip, minutes)})
    round_after(time_machine, minutes=5)
    assert measured(trip) == before


def test_recorded_kilometres_stay_where_positions_were_pruned(trip: Trip, api: Any, dispatcher: Any, time_machine: Any) -> None:
    drive(trip)
    before = measured(trip)
    Position.objects.all().delete()
    api(dispatcher).post("/api/positions/bulk/", {"positions": sent(trip, [30.5, 31.5])})
    assert round_after(time_machine, minutes=5) == 1 and measured(trip) == before


def test_fixes_that_come_while_a_trip_is_measured_are_measured_next(trip: Trip, api: Any, dispatcher: Any, time_machine: Any, monkeypatch: Any) -> None:
    measured(trip)
    client, fixes = api(dispatcher), sent(trip, range(121))
    client.post("/api/positions/bulk/", {"positions": fixes[:40]})
    time_machine.shift(timedelta(minutes=5))
    distance_of = trip_measurement.distance_of

    def meanwhile(*arguments: Any) -> Any:
        found = distance_of(*arguments)
        client.post("/api/positions/bulk/", {"positions": fixes[40:]})
        return found

    monkeypatch.setattr(trip_measurement, "distance_of", meanwhile)
    trip_measurement.measure_trips(actor=None)
    monkeypatch.undo()
    assert round_after(time_machine, minutes=5) == 1 and measured(trip)[0] == "recorded"


def test_five_thousand_late_fixes_cost_what_two_cost(trip: Trip, api: Any, dispatcher: Any) -> None:
    measured(trip)
    client = api(dispatcher)
    with CaptureQueriesContext(connection) as two:
        client.post("/api/positions/bulk/", {"positions": sent(trip, [1.256, 1.306])})
    with CaptureQueriesContext(connection) as many:
        answer = client.post("/api/positions/bulk/", {"positions": sent(trip, ((number + 0.5) / 50 for number in range(5000)))})
    assert answer.json()["accepted"] == 5000
    assert len(many) == len(two)


def test_live_fixes_and_doubtful_ones_mark_nothing(trip: Trip, api: Any, dispatcher: Any, time_machine: Any) -> None:
    measured(trip)
    client = api(dispatcher)
    now = (timezone.now() - START).total_seconds() / 60
    client.post("/api/positions/", sent(trip, [now])[0])
    assert not Trip.objects.filter(late_fixes_at__isnull=False).exists()
