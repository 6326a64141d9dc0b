"""How far a trip went: recorded where the positions cover it, else by road, else straight; measured once, and old trips too."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from depannini_dashmap.console.reports.month_queries import Month, read_month
from depannini_dashmap.lib.geo import haversine_km
from depannini_dashmap.lib.roads import routing
from depannini_dashmap.operations import periodic_jobs
from payments.tests.conftest import order_of  # noqa: F401
from payments.tests.test_reports import driven_trip
from telematics import trip_distances
from telematics.models import Position
from telematics.services import positions
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
    positions.measure_trips(actor=None)
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
    assert positions.measure_trips(actor=None) == 0
    time_machine.move_to(START + timedelta(hours=3))
    assert positions.measure_trips(actor=None) == 1
    first = Trip.objects.get(pk=trip.pk).driven_km
    Position.objects.all().delete()
    assert positions.measure_trips(actor=None) == 0
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
    monkeypatch.setattr(positions, "MEASURED_AT_ONCE", 0)
    assert positions.measure_trips(actor=None) == 0
    monkeypatch.undo()
    assert periodic_jobs.measure_trips() and not periodic_jobs.measure_trips()
    assert Trip.objects.get(pk=trip.pk).km_source == "straight"
