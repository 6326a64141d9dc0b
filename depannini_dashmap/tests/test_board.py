"""The board and the live map: what they count, what comes first, what they cost."""

import datetime as dt
import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from assistance.models import Assistance
from depannini_dashmap.console.board import charts, queries
from depannini_dashmap.console.live_map import snapshot
from depannini_dashmap.tests.console_rows import (
    make_order,
    make_request,
    make_trip,
    make_vehicle,
    report_position,
)
from telematics.models import Device
from telematics.services.devices import make_device
from trips.models import Trip, TripStop
from trips.services.stop_lists import add_order
from trips.services.trips import update_trip

pytestmark = pytest.mark.django_db


def test_the_board_shows_what_waits(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    vehicle = make_vehicle(dispatcher, company_a)
    make_trip(dispatcher, vehicle, "Morning tour", (make_order(dispatcher, company_a),))
    make_order(dispatcher, company_a, "Hotel")
    page = nadia.get("/admin/").content.decode()
    assert "Morning tour" in page
    assert "Hotel" in page
    assert "Roadside requests" not in page
    assert "0 / 2" in page


def test_the_board_shows_operators_the_unanswered_first(client_user: Any, other_client: Any, salim: Client) -> None:
    make_request(client_user)
    Assistance.objects.update(created_at=timezone.now() - dt.timedelta(minutes=20))
    newer = make_request(other_client)
    page = salim.get("/admin/board/").content.decode()
    assert page.index("Amina Client") < page.index("Brahim Client")
    assert reverse("admin:dispatch_request", args=[newer.pk]) in page


def test_a_trip_that_should_have_started_is_late(dispatcher: Any, company_a: Any) -> None:
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a))
    Trip.objects.filter(pk=trip.pk).update(planned_start_time=dt.time(8))
    noon = dt.datetime.combine(trip.planned_start_date, dt.time(11), dt.UTC)
    [line] = queries.read_board(dispatcher, noon).trips
    assert (line.starts_late, line.is_late) == (True, True)


def test_a_late_trip_is_counted_and_stands_first_however_many_run(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    today = timezone.localdate()
    for number in range(queries.TRIPS_SHOWN + 2):
        trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a, f"16-{number}"), f"Tour {number}", (make_order(dispatcher, company_a),))
        update_trip(actor=dispatcher, trip_id=trip.pk, status="in_progress")
    Trip.objects.update(planned_start_date=today, planned_start_time=dt.time(6))
    TripStop.objects.update(planned_arrival_time=dt.time(23, 50))
    Trip.objects.filter(pk=trip.pk).update(planned_start_time=dt.time(9))
    TripStop.objects.filter(trip=trip, sequence=1).update(planned_arrival_time=dt.time(10))
    noon = timezone.make_aware(dt.datetime.combine(today, dt.time(12)), ZoneInfo(settings.DISPLAY_TIME_ZONE))
    with time_machine.travel(noon, tick=False):
        read, page = queries.read_board(dispatcher), nadia.get("/admin/board/").content.decode()
    assert (read.late_trips, read.trips[0].trip.pk, len(read.trips)) == (1, trip.pk, queries.TRIPS_SHOWN)
    assert re.findall(r"Tour \d+", page)[0] == trip.name
    with time_machine.travel(noon + dt.timedelta(days=1), tick=False):
        assert queries.read_board(dispatcher).late_trips == queries.TRIPS_SHOWN + 2


def test_a_vehicle_under_way_without_a_fix_is_silent(dispatcher: Any, company_a: Any) -> None:
    vehicle = make_vehicle(dispatcher, company_a)
    assert queries.read_board(dispatcher).silent_count == 0
    trip = make_trip(dispatcher, vehicle, orders=(make_order(dispatcher, company_a),))
    update_trip(actor=dispatcher, trip_id=trip.pk, status="in_progress")
    assert [one.pk for one in queries.read_board(dispatcher).silent] == [vehicle.pk]


def test_a_parked_vehicle_whose_tracker_sends_signs_of_life_is_not_silent(dispatcher: Any, company_a: Any) -> None:
    vehicle = make_vehicle(dispatcher, company_a)
    report_position(dispatcher, vehicle)
    later = timezone.now() + dt.timedelta(hours=1)
    assert queries.read_board(dispatcher, later).silent_count == 1
    make_device(actor=dispatcher, vehicle_id=vehicle.pk)
    Device.objects.update(contacted_at=later - dt.timedelta(minutes=1))
    assert queries.read_board(dispatcher, later).silent_count == 0
    # Its reports are refused: then the position of the vehicle is unknown.
    Device.objects.update(refused_at=later - dt.timedelta(minutes=1))
    assert queries.read_board(dispatcher, later).silent_count == 1


def test_every_number_leads_to_a_list(salim: Client, staff_user: Any) -> None:
    for link in queries.read_board(staff_user).links.values():
        assert salim.get(link).status_code == 200, link


@pytest.mark.parametrize("rows", [1, 3])
def test_the_board_costs_the_same_with_more_rows(
    rows: int, dispatcher: Any, company_a: Any, nadia: Client, django_assert_num_queries: Any
) -> None:
    for number in range(rows):
        make_trip(dispatcher, make_vehicle(dispatcher, company_a, f"16-{number}"), orders=(make_order(dispatcher, company_a),))
        make_order(dispatcher, company_a)
    # session, user, operators' group, roles; trips counted and listed; orders waiting listed, open ones by status;
    # silent vehicles listed and counted; late stops of all running trips.
    with django_assert_num_queries(11):
        nadia.get("/admin/board/")


@pytest.mark.parametrize("rows", [1, 3])
def test_next_stops_cost_a_query_more_however_many_trips_run(
    rows: int, dispatcher: Any, company_a: Any, nadia: Client, django_assert_num_queries: Any
) -> None:
    for number in range(rows):
        vehicle = make_vehicle(dispatcher, company_a, f"16-{number}")
        trip = make_trip(dispatcher, vehicle, orders=(make_order(dispatcher, company_a), make_order(dispatcher, company_a)))
        update_trip(actor=dispatcher, trip_id=trip.pk, status="in_progress")
        report_position(dispatcher, vehicle)
    # What the board of drafts costs, and the open stops of running trips with their vehicles' positions.
    with django_assert_num_queries(12):
        body = nadia.get("/admin/board/").content.decode()
    assert body.count("about ") == rows


def test_the_map_offers_trips_under_way_before_drafts(
    dispatcher: Any, company_a: Any, nadia: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = make_trip(dispatcher, make_vehicle(dispatcher, company_a, "16-20"), "Running tour")
    update_trip(actor=dispatcher, trip_id=running.pk, status="in_progress")
    for number in range(3):
        make_trip(dispatcher, make_vehicle(dispatcher, company_a, f"16-2{number}1"), f"Draft {number}")
    monkeypatch.setattr(snapshot, "TRIPS_OFFERED", 2)
    offered = nadia.get("/admin/map/").content.decode()
    assert re.findall(r"Running tour|Draft \d", offered) == ["Running tour", "Draft 2"]


@pytest.mark.parametrize("rows", [1, 3])
def test_the_map_costs_the_same_with_more_rows(
    rows: int, dispatcher: Any, company_a: Any, nadia: Client, django_assert_num_queries: Any
) -> None:
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a))
    for _ in range(rows):
        add_order(actor=dispatcher, trip_id=trip.pk, order=make_order(dispatcher, company_a))
    # session, user, operators' group, roles; latest positions, who is under way; trip, its stops
    with django_assert_num_queries(8):
        state = nadia.get(f"/admin/map/state/?trip={trip.pk}").json()
    assert len(state["trip"]["stops"]) == 2 * rows


def test_charts_hold_what_they_are_given() -> None:
    now = dt.datetime(2026, 3, 4, 12, tzinfo=dt.UTC)
    asked = [(now - dt.timedelta(minutes=30), now - dt.timedelta(minutes=27)), (now - dt.timedelta(hours=5), None)]
    hours = charts.requests_per_hour(asked, now, dt.UTC)
    assert [bar.value for bar in hours.bars][-6:] == [1, 0, 0, 0, 0, 1]
    waited = charts.time_to_accept(asked)
    assert [bar.value for bar in waited.bars] == [0, 0, 1, 0, 0]
    assert charts.chart("k", "t", "h", "u", []).total == 0


def test_a_cut_map_says_so_and_keeps_who_needs_somebody(
    dispatcher: Any, company_a: Any, nadia: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from depannini_dashmap.console.live_map import snapshot

    vans = [make_vehicle(dispatcher, company_a, f"16-{number}") for number in range(4)]
    for number, van in enumerate(vans):
        report_position(dispatcher, van, 600 * number)
    trip = make_trip(dispatcher, vans[3])
    update_trip(actor=dispatcher, trip_id=trip.pk, status="in_progress")
    assert nadia.get("/admin/map/state/").json()["cut"] == {}
    monkeypatch.setattr(snapshot, "MOST_ROWS", 2)
    state = nadia.get("/admin/map/state/").json()
    assert [row["name"] for row in state["vehicles"]] == ["16-3", "16-0"]
    assert state["cut"] == {"vehicles": 4}
