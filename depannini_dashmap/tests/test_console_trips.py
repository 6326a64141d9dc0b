"""Trips on their page: stops, states, notices to drivers."""

import datetime as dt
import re
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.conf import settings
from django.core import mail
from django.test import Client
from django.utils import timezone

from depannini_dashmap.lib.realtime import layer
from depannini_dashmap.tests.console_rows import (
    make_order,
    make_trip,
    make_vehicle,
    signed_in,
)
from fleet.services import update_vehicle
from fleet.tests.sheets import confirm, upload
from orders.models import Order
from orders.services import update_order
from orders.stops import StopInput
from trips.models import Trip, TripStop
from trips.services.driver_notification import notify_driver
from trips.services.stop_lists import update_stop
from trips.services.trips import update_trip

pytestmark = pytest.mark.django_db
ORDERS = "/admin/orders/order/"


def test_stops_are_reordered_but_no_delivery_comes_first(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    orders = (make_order(dispatcher, company_a), make_order(dispatcher, company_a))
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=orders)
    p1, d1, p2, d2 = TripStop.objects.filter(trip=trip).values_list("pk", flat=True)
    path = f"/admin/dispatch/trips/{trip.pk}/reorder/"
    nadia.post(path, {"stop": [p1, p2, d1, d2]})
    assert list(trip.trip_stops.values_list("pk", flat=True)) == [p1, p2, d1, d2]
    page = nadia.post(path, {"stop": [d1, p1, p2, d2]}, follow=True).content.decode()
    assert 'class="error"' in page
    assert list(trip.trip_stops.values_list("pk", flat=True)) == [p1, p2, d1, d2]
    assert nadia.post(path, {"stop": ["x"]}).status_code == 404


def test_an_order_is_taken_out_of_its_trip(dispatcher: Any, dispatcher_b: Any, company_a: Any, nadia: Client) -> None:
    orders = (make_order(dispatcher, company_a), make_order(dispatcher, company_a))
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=orders)
    path = f"/admin/dispatch/trips/{trip.pk}/take-out/"
    assert f"{path}?ids={orders[0].pk}" in nadia.get(f"/admin/dispatch/trips/{trip.pk}/").content.decode()
    assert orders[0].order_number in nadia.get(f"{path}?ids={orders[0].pk}").content.decode()
    assert trip.trip_stops.count() == 4
    assert signed_in(dispatcher_b).post(path, {"ids": orders[0].pk}).status_code == 404
    assert "waits for a trip" in nadia.post(path, {"ids": orders[0].pk}, follow=True).content.decode()
    orders[0].refresh_from_db()
    assert orders[0].status == "pending"
    assert list(trip.trip_stops.values_list("sequence", "order_id")) == [(1, orders[1].pk), (2, orders[1].pk)]
    assert nadia.post(path, {"ids": orders[0].pk}).status_code == 404
    update_trip(actor=dispatcher, trip_id=trip.pk, status="cancelled")
    assert "/take-out/" not in nadia.get(f"/admin/dispatch/trips/{trip.pk}/").content.decode()
    assert nadia.post(path, {"ids": orders[1].pk}).status_code == 404


def test_a_trip_is_filled_from_its_page(dispatcher: Any, company_a: Any, company_b: Any, dispatcher_b: Any, nadia: Client) -> None:
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a))
    hotel, cafe = make_order(dispatcher, company_a, "Hotel"), make_order(dispatcher, company_a, "Cafe")
    foreign = make_order(dispatcher_b, company_b, "Foreign")
    path = f"/admin/dispatch/trips/{trip.pk}/fill/"
    page = nadia.get(path).content.decode()
    assert ("Hotel" in page, "Cafe" in page, "Foreign" in page) == (True, True, False)
    assert "Cafe" not in nadia.get(path, {"q": "hot"}).content.decode()
    assert "No waiting order matches" in nadia.get(path, {"q": "xyz"}).content.decode()
    assert "Tick at least one" in nadia.post(path).content.decode()
    assert "Tick at least one" in nadia.post(path, {"order": foreign.pk}).content.decode()
    assert "2 orders added" in nadia.post(path, {"order": [hotel.pk, cafe.pk]}, follow=True).content.decode()
    assert trip.trip_stops.count() == 4
    assert "is already in a trip" in nadia.post(path, {"order": cafe.pk}).content.decode()
    assert "No order waits" in nadia.get(path).content.decode()
    assert signed_in(dispatcher_b).get(path).status_code == 404


def test_a_stop_is_done_and_undone_over_the_phone(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=(make_order(dispatcher, company_a),))
    update_trip(actor=dispatcher, trip_id=trip.pk, status="in_progress")
    pickup = trip.trip_stops.first()
    path = f"/admin/dispatch/trips/{trip.pk}/stops/{pickup.pk}/"
    for said, is_done in (("yes", True), ("no", False)):
        assert 'class="success"' in nadia.post(path, {"done": said}, follow=True).content.decode()
        pickup.refresh_from_db()
        assert pickup.is_completed is is_done
    assert nadia.get(path).status_code == 405
    other = make_trip(dispatcher, make_vehicle(dispatcher, company_a, "16-2"))
    wrong = nadia.post(f"/admin/dispatch/trips/{other.pk}/stops/{pickup.pk}/", {"done": "yes"}, follow=True)
    assert 'class="error"' in wrong.content.decode()


def test_late_stops_and_too_heavy_loads_are_marked(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    order = make_order(dispatcher, company_a)
    Order.objects.update(goods_weight=3500)
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=(order,))
    path = f"/admin/dispatch/trips/{trip.pk}/"
    assert "stops late" not in nadia.get(path).content.decode()
    update_trip(actor=dispatcher, trip_id=trip.pk, status="in_progress")
    Trip.objects.update(planned_start_date=trip.planned_start_date - dt.timedelta(days=1))
    TripStop.objects.update(planned_arrival_time=dt.time(8))
    page = nadia.get(path).content.decode()
    assert "2 stops late" in page
    assert "overloaded" in page


@pytest.mark.django_db(transaction=True)
def test_a_driver_notified_of_other_stops_counts_as_not_notified(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    order = make_order(dispatcher, company_a)
    vehicle = make_vehicle(dispatcher, company_a)
    update_vehicle(actor=dispatcher, vehicle_id=vehicle.pk, driver_email="driver@example.com")
    trip = make_trip(dispatcher, vehicle, orders=(order,))
    notify_driver(actor=dispatcher, trip_id=trip.pk)
    trip_path, lists = f"/admin/dispatch/trips/{trip.pk}/", "/admin/trips/trip/?driver_told="
    assert "not since the last change" not in nadia.get(trip_path).content.decode()
    assert [trip.name in nadia.get(lists + answer).content.decode() for answer in ("yes", "no")] == [True, False]
    with layer.captured("fleet.company") as published:
        update_order(actor=dispatcher, order_id=order.pk, pickup_stop=StopInput(fields={"address": "Elsewhere 1"}))
    assert "orders" in [event.get("what") for _, event in published]
    assert "not since the last change" in nadia.get(trip_path).content.decode()
    assert [trip.name in nadia.get(lists + answer).content.decode() for answer in ("yes", "no")] == [False, True]


@pytest.mark.parametrize(
    ("clock", "reached", "late"),
    [
        ("22:05", [], 0),
        ("23:05", [], 1),
        ("23:05", ["arrived"], 0),
        ("00:10", ["done"], 0),
        ("00:45", ["done"], 1),
        ("04:00", ["done", "arrived"], 2),
    ],
)
def test_stops_after_midnight_are_late_on_the_next_day(
    clock: str, reached: list[str], late: int, dispatcher: Any, company_a: Any, nadia: Client
) -> None:
    carried = (make_order(dispatcher, company_a), make_order(dispatcher, company_a))
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=carried)
    update_trip(actor=dispatcher, trip_id=trip.pk, status="in_progress")
    today = timezone.localdate()
    Trip.objects.filter(pk=trip.pk).update(planned_start_date=today, planned_start_time=dt.time(22))
    due = [dt.time(23), dt.time(0, 30), dt.time(1), dt.time(3)]
    for row, planned, state in zip(trip.trip_stops.order_by("sequence"), due, [*reached, "", "", ""], strict=False):
        row.planned_arrival_time = planned
        row.actual_arrival_datetime = timezone.now() if state else None
        row.is_completed = state == "done"
        row.actual_departure_datetime = row.actual_arrival_datetime if row.is_completed else None
        row.save()
    at = dt.time.fromisoformat(clock)
    local = dt.datetime.combine(today + dt.timedelta(days=at.hour < 12), at)
    with time_machine.travel(timezone.make_aware(local, ZoneInfo(settings.DISPLAY_TIME_ZONE)), tick=False):
        pages = [nadia.get(path).content.decode() for path in (f"/admin/dispatch/trips/{trip.pk}/", "/admin/board/")]
    for page in pages:
        assert re.findall(r"(\d+) stops? late", page) == ([str(late)] if late else [])


def test_a_trip_is_driven_from_the_console(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    order = make_order(dispatcher, company_a)
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=(order,))
    for step, status in (("plan", "planned"), ("notify", "planned"), ("start", "in_progress"), ("complete", "completed")):
        path = f"/admin/dispatch/trips/step/{step}/"
        assert nadia.get(f"{path}?ids={trip.pk}").status_code == 200
        trip.refresh_from_db()
        before = trip.status
        assert before != "completed"
        assert nadia.post(path, {"ids": trip.pk}).status_code == 302
        trip.refresh_from_db()
        assert trip.status == status
    assert [sent.to for sent in mail.outbox] == [["ali@example.com"]]
    order.refresh_from_db()
    assert order.status == "delivered"
    page = nadia.post("/admin/dispatch/trips/step/cancel/", {"ids": trip.pk}, follow=True).content.decode()
    assert 'class="error"' in page


def test_stops_get_the_times_at_which_they_are_due(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=(make_order(dispatcher, company_a),))
    pickup, delivery = trip.trip_stops.values_list("pk", flat=True)
    path = f"/admin/dispatch/trips/{trip.pk}/reorder/"
    for sent, kept in (
        (["08:15", ""], [dt.time(8, 15), None]),
        (["08:15", "09:40"], [dt.time(8, 15), dt.time(9, 40)]),
        (["25:00", ""], [dt.time(8, 15), dt.time(9, 40)]),
        (["noon", ""], [dt.time(8, 15), dt.time(9, 40)]),
        (["", ""], [None, None]),
    ):
        nadia.post(path, {"stop": [pickup, delivery], "due": sent})
        assert list(trip.trip_stops.values_list("planned_arrival_time", flat=True)) == kept, sent


def test_a_step_of_several_trips_shows_each_result(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    trips = [make_trip(dispatcher, make_vehicle(dispatcher, company_a, f"16-{n}"), f"T{n}") for n in range(2)]
    update_trip(actor=dispatcher, trip_id=trips[0].pk, status="cancelled")
    answer = nadia.post("/admin/dispatch/trips/step/cancel/", {"ids": f"{trips[0].pk},{trips[1].pk}"})
    assert "2 done" in answer.content.decode() or "1 done, 1 skipped" in answer.content.decode()
    assert set(Trip.objects.values_list("status", flat=True)) == {"cancelled"}


@pytest.mark.django_db(transaction=True)
def test_an_action_on_many_rows_hints_once(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    orders = [make_order(dispatcher, company_a) for _ in range(3)]
    trips = [make_trip(dispatcher, make_vehicle(dispatcher, company_a, f"16-{n}"), f"T{n}") for n in range(3)]
    with layer.captured("fleet.company") as published:
        ids = ",".join(str(order.pk) for order in orders)
        nadia.post("/admin/dispatch/orders/into-trip/", {"ids": ids, "kind": "existing", "trip": trips[0].pk})
    assert sorted(event["what"] for _, event in published) == ["orders", "trips"]
    with layer.captured("fleet.company") as published:
        nadia.post("/admin/dispatch/trips/step/cancel/", {"ids": ",".join(str(trip.pk) for trip in trips)})
    assert sorted(event["what"] for _, event in published) == ["orders", "trips"]
    with layer.captured("fleet.company") as published:
        sheet = "customer_name,goods_description\n" + "Hotel,beds\n" * 3
        confirm(nadia, upload(nadia, sheet, "orders.csv", ORDERS), ORDERS)
    assert [event["what"] for _, event in published] == ["orders"]
    assert Order.objects.count() == 6


def test_a_refused_arrangement_is_kept_on_the_page(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=(make_order(dispatcher, company_a), make_order(dispatcher, company_a)))
    ids = list(trip.trip_stops.order_by("sequence").values_list("pk", flat=True))
    wanted = [ids[3], ids[0], ids[1], ids[2]]  # the second order is delivered before it is picked up
    sent = {"stop": wanted, "due": ["10:00", "08:15", "", "09:00"]}
    page = nadia.post(f"/admin/dispatch/trips/{trip.pk}/reorder/", sent).content.decode()
    assert "cannot come before its pickup" in page and "Not saved yet." in page
    assert re.findall(r'name="stop" value="(\d+)"', page) == [str(pk) for pk in wanted]
    assert re.findall(r'name="due" value="([\d:]*)"', page) == sent["due"]
    assert list(trip.trip_stops.order_by("sequence").values_list("pk", flat=True)) == ids


def test_completing_says_how_many_stops_are_open(dispatcher: Any, company_a: Any, nadia: Client) -> None:
    orders = tuple(make_order(dispatcher, company_a) for _ in range(3))
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=orders)
    update_trip(actor=dispatcher, trip_id=trip.pk, status="in_progress")
    for row in trip.trip_stops.order_by("sequence")[:2]:
        update_stop(actor=dispatcher, trip_stop_id=row.pk, is_completed=True)
    page = nadia.get(f"/admin/dispatch/trips/step/complete/?ids={trip.pk}").content.decode()
    assert "2 / 6" in page and "4 still open" in page
    assert "still open" not in nadia.get(f"/admin/dispatch/trips/step/cancel/?ids={trip.pk}").content.decode()


def test_a_drivers_link_is_made_shown_once_and_ended_on_its_page(
    dispatcher: Any, dispatcher_b: Any, viewer: Any, company_a: Any, nadia: Client
) -> None:
    trip = make_trip(dispatcher, make_vehicle(dispatcher, company_a), orders=(make_order(dispatcher, company_a),))
    path = f"/admin/dispatch/trips/{trip.pk}/link/"
    assert path in nadia.get(f"/admin/dispatch/trips/{trip.pk}/").content.decode()
    page = nadia.get(path).content.decode()
    assert "None yet." in page and "driver@example.com" not in page
    page = nadia.post(path, {"do": "make"}).content.decode()
    address = re.search(r'id="url"[^>]*value="([^"]+)"', page).group(1)
    assert "<svg" in page and Client().get(urlsplit(address).path).status_code == 200
    assert address not in nadia.get(path).content.decode()
    for stranger, status in ((viewer, 403), (dispatcher_b, 404)):
        assert signed_in(stranger).get(path).status_code == signed_in(stranger).post(path, {"do": "make"}).status_code == status
    assert "opens nothing any more" in nadia.post(path, {"do": "end"}, follow=True).content.decode()
    assert Client().get(urlsplit(address).path).status_code == 404
