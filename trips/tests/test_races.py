"""Many at once on real connections: one winner, and the data whole after every round."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client

from accounts.tokens import issue_pair
from fleet.models import Vehicle
from orders.models import Order
from trips.models import Trip, TripLink, TripOrder, TripStop
from trips.tests.world import add_place, loaded_trip, make_order, make_trip, make_vehicle, order_status, stops_of

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

CONTENDERS = 16
ROUNDS = int(os.environ.get("RACE_ROUNDS", "3"))


@pytest.fixture
def client(api, dispatcher):
    return api(dispatcher)


@pytest.fixture
def race(dispatcher):
    """Return a function that runs calls at the same moment, each on a connection of its own, and returns the answers."""
    from rest_framework.test import APIClient

    token = issue_pair(dispatcher)["access"]

    def run(calls: list[Callable[[Any], Any]]) -> list[Any]:
        barrier = Barrier(len(calls))

        def contend(call: Callable[[Any], Any]) -> Any:
            one = APIClient()
            one.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
            connection.ensure_connection()
            barrier.wait(timeout=20)
            try:
                return call(one)
            finally:
                connection.close()

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(contend, calls))

    return run


def statuses(answers: list[Any]) -> Counter:
    return Counter(answer.status_code for answer in answers)


def require_whole() -> None:
    """Sequences are 1…n, pickups come first, and claims, links and stops agree."""
    for trip in Trip.objects.all():
        rows = list(TripStop.objects.filter(trip=trip).order_by("sequence").select_related("stop"))
        assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
        for order_id in {row.order_id for row in rows} - {None}:
            halves = [row.stop.stop_type for row in rows if row.order_id == order_id]
            assert halves in (["pickup", "delivery"], ["pickup"], ["delivery"])
    for order in Order.objects.all():
        assert order.is_in_trip == TripOrder.objects.live().filter(order=order).exists()
        assert not (order.is_in_trip and order.status == "pending")


def test_one_order_into_sixteen_trips(client, race):
    """E07."""
    vehicle = make_vehicle(client)
    trips = [make_trip(client, vehicle) for _ in range(CONTENDERS)]
    for _ in range(ROUNDS):
        order = make_order(client)
        body = {"order": order["id"]}
        answers = race([lambda one, trip=trip: one.post(f"/api/trips/{trip}/add-order/", body) for trip in trips])
        assert statuses(answers) == {201: 1, 409: CONTENDERS - 1}
        assert TripStop.objects.filter(order_id=order["id"]).count() == 2
        require_whole()


def test_sixteen_orders_into_one_trip(client, race):
    """E08."""
    vehicle = make_vehicle(client)
    for _ in range(ROUNDS):
        trip = make_trip(client, vehicle)
        orders = [make_order(client)["id"] for _ in range(CONTENDERS)]
        answers = race(
            [
                lambda one, pk=pk, trip=trip: one.post(f"/api/trips/{trip}/add-order/", {"order": pk, "sequence": 1})
                for pk in orders
            ]
        )
        assert statuses(answers) == {201: CONTENDERS}
        assert [row["sequence"] for row in stops_of(client, trip)] == list(range(1, 2 * CONTENDERS + 1))
        require_whole()


def test_reorder_against_delete_against_add(client, race):
    """E09."""
    for _ in range(ROUNDS):
        trip, _ = loaded_trip(client, orders=3)
        places = [add_place(client, trip)["id"] for _ in range(4)]
        spare = [make_order(client)["id"] for _ in range(4)]
        ids = [row["id"] for row in stops_of(client, trip)]
        sorted_anew = {"orders": [{"id": pk, "sequence": -number} for number, pk in enumerate(places)]}
        calls = [lambda one, trip=trip, body=sorted_anew: one.post(f"/api/trips/{trip}/reorder-stops/", body)] * 4
        calls += [lambda one, pk=pk: one.delete(f"/api/trip-stops/{pk}/") for pk in (*places[:2], ids[0], ids[1])]
        calls += [
            lambda one, pk=pk, t=trip: one.post(f"/api/trips/{t}/add-order/", {"order": pk, "sequence": 2})
            for pk in spare
        ]
        calls += [
            lambda one, pk=pk: one.put(f"/api/trip-stops/{pk}/", {"sequence": 1}) for pk in (*places[2:], *ids[2:4])
        ]
        answers = race(calls)
        assert set(statuses(answers)) <= {200, 201, 204, 400, 404}
        assert statuses(answers[4:12]) == {204: 4, 201: 4}
        require_whole()


def test_deleting_an_order_or_a_vehicle_against_adding(client, race):
    """E10."""
    for _ in range(ROUNDS):
        trip, order = make_trip(client), make_order(client)["id"]
        calls = [lambda one, t=trip, o=order: one.post(f"/api/trips/{t}/add-order/", {"order": o})]
        calls += [lambda one, o=order: one.delete(f"/api/orders/{o}/")]
        answers = race(calls * (CONTENDERS // 2))
        assert set(statuses(answers)) <= {201, 204, 400, 404, 409}
        assert statuses(answers)[201] + statuses(answers)[204] == 1
        assert TripStop.objects.filter(trip_id=trip).count() == 2 * statuses(answers)[201]
        require_whole()
        vehicle = make_vehicle(client)
        body = {"vehicle": vehicle, "name": "x", "planned_start_date": "2024-01-20", "planned_start_time": "08:00"}
        calls = [
            lambda one, b=body: one.post("/api/trips/", b),
            lambda one, v=vehicle: one.delete(f"/api/vehicles/{v}/"),
        ]
        answers = race(calls * (CONTENDERS // 2))
        assert set(statuses(answers)) <= {201, 204, 400, 404, 409}
        deleted = Vehicle.objects.get(pk=vehicle).deleted_at is not None
        assert deleted == (statuses(answers)[201] == 0) == (not Trip.objects.filter(vehicle_id=vehicle).exists())


def test_two_trips_of_one_vehicle_start_at_once(client, race):
    """E11."""
    vehicle = make_vehicle(client)
    for _ in range(ROUNDS):
        trips = [make_trip(client, vehicle) for _ in range(CONTENDERS)]
        start = {"status": "in_progress"}
        answers = race([lambda one, trip=trip: one.put(f"/api/trips/{trip}/", start) for trip in trips])
        assert statuses(answers) == {200: 1, 409: CONTENDERS - 1}
        assert Trip.objects.running().filter(vehicle_id=vehicle).count() == 1
        winner = next(answer.json()["id"] for answer in answers if answer.status_code == 200)
        assert client.put(f"/api/trips/{winner}/", {"status": "completed"}).status_code == 200


def test_sixteen_times_notify(client, race):
    """E13."""
    for _ in range(ROUNDS):
        trip, _ = loaded_trip(client)
        mail.outbox.clear()
        answers = race([lambda one, trip=trip: one.post(f"/api/trips/{trip}/notify-driver/")] * CONTENDERS)
        assert statuses(answers) == {200: 1, 400: CONTENDERS - 1}
        assert {answer.json()["error"] for answer in answers if answer.status_code == 400} == {
            "Driver already notified"
        }
        assert len(mail.outbox) == 1


def test_links_handed_on_at_once_and_beside_a_mail_leave_one_alive(client, race):
    trip, _ = loaded_trip(client)
    path = f"/api/trips/{trip}"
    calls = [lambda one: one.post(f"{path}/driver-link/")] * (CONTENDERS - 1) + [lambda one: one.post(f"{path}/notify-driver/")]
    for _ in range(ROUNDS):
        answers = race(calls)
        assert {answer.status_code for answer in answers[:-1]} <= {201, 409}
        assert answers[-1].status_code in (200, 400), "the mail left, or a link was handed on before"
        assert TripLink.objects.live().filter(trip=trip).count() == 1
        assert Trip.objects.get(pk=trip).driver_notified
        assert Trip.objects.get(pk=trip).notify_claimed_at is None


def test_complete_against_cancel_against_delivered(client, race):
    for _ in range(ROUNDS):
        trip, [order, _] = loaded_trip(client, orders=2)
        client.put(f"/api/trips/{trip}/", {"status": "in_progress"})
        delivery = stops_of(client, trip)[1]["id"]
        calls = [lambda one, t=trip: one.put(f"/api/trips/{t}/", {"status": "completed"})] * 4
        calls += [lambda one, t=trip: one.put(f"/api/trips/{t}/", {"status": "cancelled"})] * 4
        calls += [lambda one, d=delivery: one.put(f"/api/trip-stops/{d}/", {"is_completed": True})] * 4
        calls += [lambda one, o=order["id"]: one.put(f"/api/orders/{o}/", {"status": "delivered"})] * 4
        answers = race(calls)
        assert set(statuses(answers)) <= {200, 409}
        ended = client.get(f"/api/trips/{trip}/").json()["status"]
        assert ended in ("completed", "cancelled")
        if ended == "completed":
            assert order_status(client, order) == "delivered"
        require_whole()


def test_changing_an_order_against_moving_its_trip(client, race):
    """Orders are locked after trips from both sides: nobody waits in a circle."""
    for _ in range(ROUNDS):
        trip, orders = loaded_trip(client, orders=3)
        spare = [make_order(client) for _ in range(3)]
        calls = [
            lambda one, o=o: one.put(f"/api/orders/{o['id']}/", {"customer_name": "x", "pickup_stop": {"name": "y"}})
            for o in (*orders, *spare)
        ]
        calls += [lambda one, o=o, t=trip: one.post(f"/api/trips/{t}/add-order/", {"order": o["id"]}) for o in spare]
        calls += [
            lambda one, r=r: one.put(f"/api/trip-stops/{r['id']}/", {"stop": {"name": "z"}, "is_completed": True})
            for r in stops_of(client, trip)
        ]
        calls += [lambda one, t=trip: one.put(f"/api/trips/{t}/", {"status": "cancelled"})]
        answers = race(calls)
        assert set(statuses(answers)) <= {200, 201, 409}
        require_whole()


def test_the_same_stop_completed_by_many_and_a_delete_of_the_trip(client, race):
    for _ in range(ROUNDS):
        trip, [order] = loaded_trip(client)
        row = stops_of(client, trip)[1]["id"]
        calls = [lambda one, r=row: one.put(f"/api/trip-stops/{r}/", {"is_completed": True})] * 8
        calls += [lambda one, t=trip: one.delete(f"/api/trips/{t}/")] * 8
        answers = race(calls)
        assert set(statuses(answers)) <= {200, 204, 404}
        assert statuses(answers[8:]) == {204: 1, 404: 7}
        assert order_status(client, order) in ("pending", "delivered")
        require_whole()


def test_two_dispatchers_save_one_order_into_two_lanes_and_one_is_refused_by_name(dispatcher, client):
    order, vehicles = make_order(client), [make_vehicle(client), make_vehicle(client)]
    stops = [["pickup", order["id"]], ["delivery", order["id"]]]
    runs = [{"key": "n", "trip": None, "vehicle": pk, "starts": "2026-12-01T08:00", "version": "", "stops": stops} for pk in vehicles]
    answers = at_once([partial(save_lane, dispatcher, run) for run in runs])
    assert sorted(row["is_done"] for row in answers) == [False, True]
    [refused] = [row for row in answers if not row["is_done"]]
    assert order["order_number"] in refused["message"]
    assert Trip.objects.count() == 1
    require_whole()


def test_lanes_that_exchange_orders_both_ways_at_once_stay_whole(dispatcher, client):
    for _ in range(ROUNDS):
        trips = [loaded_trip(client, 2, planned_start_date="2026-12-01") for _ in range(2)]
        versions = {row["id"]: row["version"] for row in look(dispatcher)["trips"]}
        halves = [[both(order) for order in orders] for _trip, orders in trips]
        swapped = [[*halves[0][0], *halves[1][0]], [*halves[0][1], *halves[1][1]]]
        vehicle = Vehicle.objects.first().pk
        body = [
            {"key": f"t{trip}", "trip": trip, "vehicle": vehicle, "version": versions[trip], "stops": stops}
            for (trip, _orders), stops in zip(trips, swapped, strict=True)
        ]
        answers = at_once([partial(save_lanes, dispatcher, body), partial(save_lanes, dispatcher, body[::-1])])
        assert sorted(all(row["is_done"] for row in rows) for rows in answers) == [False, True]
        assert {row["code"] for rows in answers for row in rows if not row["is_done"]} == {"trip_changed"}
        require_whole()


def test_lanes_that_want_orders_in_opposite_order_never_wait_for_each_other(dispatcher, client):
    for _ in range(ROUNDS):
        orders, vehicles = [make_order(client) for _ in range(6)], [make_vehicle(client), make_vehicle(client)]
        stops = [both(order) for order in orders]
        runs = [
            {"key": "n", "trip": None, "vehicle": pk, "starts": "2026-12-01T08:00", "version": "", "stops": [ref for refs in wanted for ref in refs]}
            for pk, wanted in zip(vehicles, (stops, stops[::-1]), strict=True)
        ]
        answers = at_once([partial(save_lane, dispatcher, run) for run in runs])
        assert sorted(row["is_done"] for row in answers) == [False, True]
        assert {row["code"] for row in answers if not row["is_done"]} == {"order_not_available"}
        require_whole()


def both(order):
    return [["pickup", order["id"]], ["delivery", order["id"]]]


def look(user):
    browser = Client()
    browser.force_login(user)
    return browser.get(f"/admin/plan/state/?company={user.current_company_id}&day=2026-12-01").json()


def save_lane(user, run):
    return save_lanes(user, [run])[0]


def save_lanes(user, runs):
    browser = Client()
    browser.force_login(user)
    return browser.post("/admin/plan/save/", json.dumps({"runs": runs}), "application/json").json()["runs"]


def at_once(calls):
    """Run calls at the same moment, each on a connection of its own."""
    barrier = Barrier(len(calls))

    def contend(call):
        connection.ensure_connection()
        barrier.wait(timeout=20)
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(contend, calls))
