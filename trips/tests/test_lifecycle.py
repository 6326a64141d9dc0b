"""Trips through their states, and the orders and stops that follow."""

import pytest
from django.utils import timezone

from orders.models import Order
from trips.lifecycle import STATUSES
from trips.models import Trip, TripOrder, TripStop
from trips.tests.world import loaded_trip, made, make_order, make_trip, make_vehicle, order_status, stops_of

pytestmark = pytest.mark.django_db

# Written by hand: what may follow what.
ORACLE = {
    "draft": {"draft", "planned", "in_progress", "cancelled"},
    "planned": {"planned", "draft", "in_progress", "cancelled"},
    "in_progress": {"in_progress", "completed", "cancelled"},
    "completed": {"completed"},
    "cancelled": {"cancelled"},
}
WAY = {
    "draft": [],
    "planned": ["planned"],
    "in_progress": ["in_progress"],
    "completed": ["in_progress", "completed"],
    "cancelled": ["cancelled"],
}


@pytest.fixture
def client(api, dispatcher):
    return api(dispatcher)


def move(client, trip, *statuses):
    for status in statuses:
        answer = client.put(f"/api/trips/{trip}/", {"status": status})
        assert answer.status_code == 200, answer.content
    return client.get(f"/api/trips/{trip}/").json()


@pytest.mark.parametrize("source", STATUSES)
@pytest.mark.parametrize("target", STATUSES)
@pytest.mark.parametrize("method", ["put", "patch"])
def test_every_pair_of_states(client, source, target, method):
    trip, _ = loaded_trip(client)
    before = move(client, trip, *WAY[source])
    answer = getattr(client, method)(f"/api/trips/{trip}/", {"status": target})
    assert answer.status_code == (200 if target in ORACLE[source] else 409)
    after = client.get(f"/api/trips/{trip}/").json()
    if answer.status_code == 409:
        assert (answer.json()["code"], answer.json()["current_status"]) == ("invalid_transition", source)
    if answer.status_code == 409 or source == target:
        assert after == before
    else:
        assert after["status"] == target


@pytest.mark.parametrize("status", ["", "Draft", None, 3, True, ["draft"], "canceled"])
def test_what_is_no_status(client, status):
    trip = make_trip(client)
    assert client.put(f"/api/trips/{trip}/", {"status": status}).status_code == 400


def test_orders_and_stops_follow_a_trip_to_its_end(client):
    trip, [order] = loaded_trip(client)
    assert order_status(client, order) == "assigned"
    move(client, trip, "planned")
    assert order_status(client, order) == "assigned"
    started = move(client, trip, "in_progress")
    assert started["actual_start_datetime"].endswith("Z")
    assert started["actual_end_datetime"] is None
    assert order_status(client, order) == "in_transit"
    ended = move(client, trip, "completed")
    assert ended["actual_end_datetime"].endswith("Z")
    assert [row["is_completed"] for row in ended["trip_stops"]] == [True, True]
    assert all(row["actual_arrival_datetime"] and row["actual_departure_datetime"] for row in ended["trip_stops"])
    assert order_status(client, order) == "delivered"
    history = (
        Order.history.filter(id=order["id"]).order_by("history_date", "history_id").values_list("status", flat=True)
    )
    assert list(history) == ["pending", "assigned", "in_transit", "delivered"]
    assert list(Trip.history.filter(id=trip).order_by("history_id").values_list("status", flat=True)) == [
        "draft",
        "planned",
        "in_progress",
        "completed",
    ]


@pytest.mark.parametrize("way", [[], ["planned"], ["in_progress"]])
def test_completing_the_delivery_stop_delivers_and_can_be_taken_back(client, way):
    trip, [order] = loaded_trip(client)
    move(client, trip, *way)
    before = order_status(client, order)
    delivery = f"/api/trip-stops/{stops_of(client, trip)[1]['id']}/"
    done = client.put(delivery, {"is_completed": True}).json()
    assert done["actual_arrival_datetime"] == done["actual_departure_datetime"] is not None
    assert order_status(client, order) == "delivered"
    again = client.put(delivery, {"is_completed": True}).json()
    assert again == done
    undone = client.put(delivery, {"is_completed": False}).json()
    assert (undone["actual_arrival_datetime"], undone["actual_departure_datetime"]) == (None, None)
    assert order_status(client, order) == before


def test_a_cancelled_trip_frees_what_was_not_delivered(client):
    trip, [delivered, open_order] = loaded_trip(client, orders=2)
    move(client, trip, "in_progress")
    client.put(f"/api/trip-stops/{stops_of(client, trip)[1]['id']}/", {"is_completed": True})
    ended = move(client, trip, "cancelled")
    assert len(ended["trip_stops"]) == 4
    assert (order_status(client, delivered), order_status(client, open_order)) == ("delivered", "pending")
    back = client.put(f"/api/orders/{delivered['id']}/", {"status": "pending"})
    assert (back.status_code, back.json()["current_status"]) == (409, "delivered")
    other = make_trip(client)
    made(client.post(f"/api/trips/{other}/add-order/", {"order": open_order["id"]}))
    assert list(TripOrder.objects.live().filter(order_id=open_order["id"]).values_list("trip_id", flat=True)) == [other]
    # The cancelled trip still shows what it would have carried.
    assert len(stops_of(client, trip)) == 4
    assert client.delete(f"/api/orders/{open_order['id']}/").status_code == 409


def test_a_deleted_trip_frees_its_orders_and_takes_its_own_stops(client):
    trip, [order] = loaded_trip(client)
    made(client.post("/api/trip-stops/", {"trip": trip, "stop": {"name": "a", "address": "b"}}))
    assert client.delete(f"/api/trips/{trip}/").status_code == 204
    assert client.get(f"/api/trips/{trip}/").json()["error"] == "Trip not found"
    assert order_status(client, order) == "pending"
    assert client.get("/api/trip-stops/").json()["results"] == []
    assert client.delete(f"/api/orders/{order['id']}/").status_code == 204


def test_a_completed_trip_gives_back_an_order_whose_delivery_was_taken_out(client):
    trip, [order] = loaded_trip(client)
    move(client, trip, "in_progress")
    client.delete(f"/api/trip-stops/{stops_of(client, trip)[1]['id']}/")
    move(client, trip, "completed")
    assert order_status(client, order) == "pending"


def test_two_trips_of_one_vehicle_do_not_run_at_once(client):
    vehicle = make_vehicle(client)
    first, second = make_trip(client, vehicle), make_trip(client, vehicle)
    move(client, first, "in_progress")
    answer = client.put(f"/api/trips/{second}/", {"status": "in_progress", "name": "lost"})
    assert (answer.status_code, answer.json()["code"]) == (409, "vehicle_busy")
    assert client.get(f"/api/trips/{second}/").json()["name"] == "Morning Route"
    other = make_trip(client)
    move(client, other, "in_progress")
    assert client.put(f"/api/trips/{other}/", {"vehicle": vehicle}).status_code == 409
    move(client, first, "completed")
    move(client, second, "in_progress")


def test_the_status_of_an_order_obeys_its_trip(client):
    trip, [order] = loaded_trip(client)
    path = f"/api/orders/{order['id']}/"
    for status in ("in_transit", "delivered", "pending", "cancelled"):
        assert client.put(path, {"status": status}).status_code == 409
    assert client.put(path, {"status": "assigned", "customer_name": "New"}).json()["customer_name"] == "New"
    move(client, trip, "planned")
    for status in ("pending", "cancelled"):
        assert client.put(path, {"status": status}).status_code == 409
    assert client.put(path, {"status": "in_transit"}).status_code == 200
    assert client.put(path, {"status": "assigned"}).status_code == 409
    assert client.put(path, {"status": "delivered"}).status_code == 200


def test_a_vehicle_with_open_trips_stays(client, company_b, dispatcher):
    vehicle = make_vehicle(client)
    trip = make_trip(client, vehicle)
    assert client.delete(f"/api/vehicles/{vehicle}/").status_code == 409
    move(client, trip, "cancelled")
    assert client.delete(f"/api/vehicles/{vehicle}/").status_code == 204
    whole = client.get(f"/api/trips/{trip}/").json()
    assert client.put(f"/api/trips/{trip}/", {**whole, "notes": "kept"}).json()["notes"] == "kept"
    body = {"vehicle": vehicle, "name": "x", "planned_start_date": "2024-01-20", "planned_start_time": "08:00"}
    assert client.post("/api/trips/", body).json()["fields"] == {"vehicle": ["Unknown id."]}


def test_a_new_trip_may_start_in_a_state_that_a_draft_can_reach(client):
    assert client.get(f"/api/trips/{make_trip(client, status='planned')}/").json()["status"] == "planned"
    body = {
        "vehicle": make_vehicle(client),
        "name": "x",
        "planned_start_date": "2024-01-20",
        "planned_start_time": "8:00",
    }
    assert client.post("/api/trips/", {**body, "status": "completed"}).status_code == 409
    assert Trip.objects.count() == 1


def test_what_a_closed_trip_keeps(client):
    trip, _ = loaded_trip(client)
    whole = move(client, trip, "cancelled")
    assert client.put(f"/api/trips/{trip}/", {"planned_start_date": "2025-01-01"}).status_code == 409
    assert client.put(f"/api/trips/{trip}/", {"vehicle": make_vehicle(client)}).status_code == 409
    assert client.put(f"/api/trips/{trip}/", {**whole, "name": "Old"}).json()["name"] == "Old"


def test_an_order_that_comes_into_a_running_trip_is_assigned_then_loaded(client):
    trip = make_trip(client)
    move(client, trip, "in_progress")
    order = make_order(client)
    made(client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"]}))
    assert order_status(client, order) == "assigned"
    client.put(f"/api/trip-stops/{stops_of(client, trip)[0]['id']}/", {"is_completed": True})
    assert order_status(client, order) == "in_transit"


def test_the_state_constraints_hold_below_the_services(client):
    from django.db import IntegrityError, transaction

    trip, _ = loaded_trip(client)
    for change in (
        {"status": "gone"},
        {"status": "in_progress"},
        {"status": "completed", "actual_start_datetime": timezone.now()},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Trip.objects.filter(pk=trip).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        TripStop.objects.filter(trip_id=trip).update(sequence=1)
    link = TripOrder.objects.get(trip_id=trip)
    other = make_trip(client)
    with pytest.raises(IntegrityError), transaction.atomic():
        TripOrder.objects.create(trip_id=other, order_id=link.order_id)
