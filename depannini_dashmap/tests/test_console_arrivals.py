"""Estimated arrivals and due times on the page of a trip."""

import datetime as dt
import re
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from depannini_dashmap.tests.console_rows import (
    make_order,
    make_trip,
    make_vehicle,
    report_position,
)
from orders.models import Stop
from trips.models import Trip, TripStop
from trips.services.trips import update_trip

pytestmark = pytest.mark.django_db
MORNING = dt.datetime(2026, 5, 4, 8, 2, tzinfo=dt.UTC)  # 09:02 in Algiers


def _running(actor: Any, company: Any) -> Trip:
    trip = make_trip(actor, make_vehicle(actor, company), orders=(make_order(actor, company), make_order(actor, company)))
    update_trip(actor=actor, trip_id=trip.pk, status="in_progress")
    return trip


def _due(browser: Client, trip: Trip, stops: list[int]) -> dict[str, str]:
    return browser.get(f"/admin/dispatch/trips/{trip.pk}/due-times/", {"stop": stops}).json()["due"]


@pytest.mark.parametrize(("age", "is_shown"), [(0, True), (300, True), (301, False), (None, False)])
def test_the_next_stop_has_an_estimated_arrival_while_the_position_is_fresh(
    age: int | None, is_shown: bool, dispatcher: Any, company_a: Any, nadia: Client
) -> None:
    with time_machine.travel(MORNING, tick=False):
        trip = _running(dispatcher, company_a)
        if age is not None:
            report_position(dispatcher, trip.vehicle, age)
        trip_page, page = (nadia.get(path).content.decode() for path in (f"/admin/dispatch/trips/{trip.pk}/", "/admin/board/"))
    assert "Next stop" in trip_page
    # Measured from where it was when: 09:02 or 08:57, and 17 minutes, in steps of five.
    assert re.findall(r"about [\d:]+", trip_page) == ["about 09:20" if age == 0 else "about 09:15"] * 2 * is_shown
    assert len(re.findall(r"about [\d:]+", page)) == is_shown


def test_a_vehicle_at_a_stop_goes_on_after_its_service(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    with time_machine.travel(MORNING, tick=False):
        trip = _running(dispatcher, company_a)
        first = trip.trip_stops.first()
        TripStop.objects.filter(pk=first.pk).update(actual_arrival_datetime=timezone.now())
        report_position(dispatcher, trip.vehicle)
        trip_page = nadia.get(f"/admin/dispatch/trips/{trip.pk}/").content.decode()
    assert re.findall(r"about [\d:]+", trip_page) == ["about 09:35"] * 2


def test_due_times_are_suggested_in_the_order_given_and_nothing_is_stored(
    dispatcher: Any, company_a: Any, nadia: Client, viewer: Any, dispatcher_b: Any
) -> None:
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=(make_order(dispatcher, company_a), make_order(dispatcher, company_a)))
    Trip.objects.filter(pk=trip.pk).update(planned_start_time=dt.time(7, 58))
    one, two, three, four = trip.trip_stops.values_list("pk", flat=True)
    Stop.objects.filter(trip_stops=two).update(latitude="36.75", longitude="3.15")
    Stop.objects.filter(trip_stops=four).update(latitude=None, longitude=None)
    # Twice 17 minutes on the road, 15 at each stop, in steps of five; a stop that is on no map has no time.
    assert _due(nadia, trip, [one, two, three, four]) == {str(one): "08:00", str(two): "08:35", str(three): "09:05"}
    assert _due(nadia, trip, [two, one, 10**9]) == {str(two): "08:00", str(one): "08:35"}
    assert set(trip.trip_stops.values_list("planned_arrival_time", flat=True)) == {None}
    nadia.force_login(dispatcher_b)
    assert nadia.get(f"/admin/dispatch/trips/{trip.pk}/due-times/?stop={one}").status_code == 404


def test_due_times_of_a_running_trip_go_on_from_where_it_is(
    dispatcher: Any, company_a: Any, nadia: Client, django_assert_num_queries: Any
) -> None:
    with time_machine.travel(MORNING, tick=False):
        trip = _running(dispatcher, company_a)
        stops = list(trip.trip_stops.values_list("pk", flat=True))
        Stop.objects.filter(trip_stops=stops[0]).update(latitude="36.75", longitude="3.15")
        TripStop.objects.filter(pk=stops[0]).update(actual_arrival_datetime=timezone.now() - dt.timedelta(minutes=10))
        # Without a position: from the stop that it was at last, which it serves for five minutes more.
        at_stop = {str(stops[1]): "09:25", str(stops[2]): "09:40", str(stops[3]): "09:55"}
        assert _due(nadia, trip, stops) == at_stop
        report_position(dispatcher, trip.vehicle)
        TripStop.objects.filter(pk=stops[0]).update(is_completed=True)
        # session, user, operators' group, roles; the trip, its stops, the last position
        with django_assert_num_queries(7):
            assert _due(nadia, trip, stops) == {str(stops[1]): "09:20", str(stops[2]): "09:35", str(stops[3]): "09:50"}
