"""A stop that failed is closed and delivers nothing; its order may leave for another trip, or be cancelled."""

from datetime import timedelta

import pytest
from django.utils import timezone

from trips.models import TripOrder, TripStop
from trips.tests.world import loaded_trip, make_trip, order_status, stops_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(api, dispatcher):
    return api(dispatcher)


@pytest.fixture
def running(client):
    """A running trip with one order: its id, the order, and its trip stops by kind."""
    trip, [order] = loaded_trip(client)
    assert client.put(f"/api/trips/{trip}/", {"status": "in_progress"}).status_code == 200
    return trip, order, {row["stop"]["stop_type"]: row for row in stops_of(client, trip)}


def fail(client, row, reason="nobody there"):
    return client.put(f"/api/trip-stops/{row['id']}/", {"failed": True, "failure_reason": reason})


def test_a_failed_delivery_is_closed_and_delivers_nothing(client, running):
    trip, order, halves = running
    client.put(f"/api/trip-stops/{halves['pickup']['id']}/", {"is_completed": True})
    answer = fail(client, halves["delivery"])
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["failed"], body["failure_reason"], body["is_completed"]) == (True, "nobody there", False)
    assert order_status(client, order) == "in_transit"
    assert client.put(f"/api/trips/{trip}/", {"status": "completed"}).status_code == 200
    rows = stops_of(client, trip)
    assert [(row["is_completed"], row["failed"]) for row in rows] == [(True, False), (False, True)]
    assert order_status(client, order) == "pending"
    assert client.get(f"/api/trips/{trip}/").json()["incomplete_orders"] == []


def test_a_failed_pickup_fails_the_delivery_too(client, running):
    trip, _, halves = running
    fail(client, halves["pickup"], "goods not ready")
    assert [(row["failed"], row["failure_reason"]) for row in stops_of(client, trip)] == [(True, "goods not ready")] * 2
    client.put(f"/api/trip-stops/{halves['pickup']['id']}/", {"failed": False})
    assert [(row["failed"], row["failure_reason"]) for row in stops_of(client, trip)] == [(False, "")] * 2


def test_the_time_of_a_failure_stays(client, running, time_machine):
    trip, _, halves = running
    time_machine.move_to(failed_at := timezone.now(), tick=False)
    fail(client, halves["pickup"])
    place = client.post("/api/trip-stops/", {"trip": trip, "stop": {"name": "Fuel", "address": "1 Road"}}).json()
    assert client.post(f"/api/trips/{trip}/reorder-stops/", {"orders": [{"id": place["id"], "sequence": 0}]}).status_code == 200
    time_machine.shift(timedelta(hours=1))
    assert client.post(f"/api/trips/{trip}/reorder-stops/", {"orders": [{"id": place["id"], "sequence": 9}]}).status_code == 200
    fail(client, halves["pickup"], "nobody there, called twice")
    rows = TripStop.objects.filter(trip=trip)
    assert set(rows.filter(failed=True).values_list("failed_at", flat=True)) == {failed_at}
    assert rows.get(pk=halves["pickup"]["id"]).updated_at > failed_at
    client.put(f"/api/trip-stops/{halves['pickup']['id']}/", {"failed": False})
    assert not rows.exclude(failed_at=None).exists()
    fail(client, halves["delivery"])
    assert rows.get(pk=halves["delivery"]["id"]).failed_at == failed_at + timedelta(hours=1)


@pytest.mark.parametrize("wanted", ["pending", "cancelled"])
def test_its_order_leaves_by_its_status(client, running, wanted):
    trip, order, halves = running
    assert client.put(f"/api/orders/{order['id']}/", {"status": wanted}).status_code == 409
    fail(client, halves["delivery"])
    answer = client.put(f"/api/orders/{order['id']}/", {"status": wanted})
    assert answer.status_code == 200, answer.content
    assert (answer.json()["status"], answer.json()["is_in_trip"]) == (wanted, False)
    assert len(stops_of(client, trip)) == 2
    assert client.get(f"/api/trips/{trip}/").json()["incomplete_orders"] == []
    assert not TripOrder.objects.live().exists()


def test_its_order_goes_into_another_trip_at_once(client, running):
    trip, order, halves = running
    fail(client, halves["delivery"])
    other = make_trip(client)
    answer = client.post(f"/api/trips/{other}/add-order/", {"order": order["id"]})
    assert answer.status_code == 201, answer.content
    assert order_status(client, order) == "assigned"
    assert [row["failed"] for row in stops_of(client, other)] == [False, False]
    assert [row["failed"] for row in stops_of(client, trip)] == [True, True]
    # Changes in the history of the first trip no longer touch the second one's order.
    answer = client.put(f"/api/trip-stops/{halves['delivery']['id']}/", {"is_completed": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "order_left_trip")
    for row in stops_of(client, trip):
        assert client.delete(f"/api/trip-stops/{row['id']}/").status_code == 204
    assert order_status(client, order) == "assigned"


def test_its_order_may_come_into_the_same_trip_again(client, running):
    trip, order, halves = running
    fail(client, halves["delivery"])
    assert client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"]}).status_code == 201
    rows = stops_of(client, trip)
    assert [(row["failed"], row["linked_order"] is None) for row in rows] == [(True, True), (True, True), (False, False), (False, False)]
    assert TripOrder.objects.get(trip=trip).is_live


def test_completing_a_failed_stop_says_that_it_did_not_fail(client, running):
    _, order, halves = running
    fail(client, halves["delivery"])
    answer = client.put(f"/api/trip-stops/{halves['delivery']['id']}/", {"is_completed": True}).json()
    assert (answer["failed"], answer["failure_reason"], answer["is_completed"]) == (False, "", True)
    assert order_status(client, order) == "delivered"


def test_a_completed_delivery_that_failed_after_all_is_taken_back(client, running):
    _, order, halves = running
    client.put(f"/api/trip-stops/{halves['delivery']['id']}/", {"is_completed": True})
    assert fail(client, halves["delivery"]).status_code == 200
    assert order_status(client, order) == "in_transit"


def test_completed_and_failed_at_once_is_refused(client, running):
    _, _, halves = running
    answer = client.put(f"/api/trip-stops/{halves['delivery']['id']}/", {"is_completed": True, "failed": True})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["failed"])
    assert not TripStop.objects.filter(failed=True).exists()


def test_nothing_fails_in_a_closed_trip(client, running):
    trip, _, halves = running
    client.put(f"/api/trips/{trip}/", {"status": "completed"})
    assert fail(client, halves["delivery"]).status_code == 409


def test_the_list_is_narrowed_by_failures(client, running):
    _, _, halves = running
    fail(client, halves["delivery"])
    assert len(client.get("/api/trip-stops/?failed=true").json()["results"]) == 2
    assert client.get("/api/trip-stops/?failed=false").json()["results"] == []


def test_a_dispatcher_records_a_failure_on_the_page_of_the_trip(client, running, dispatcher):
    from django.test import Client

    trip, _, halves = running
    browser = Client()
    browser.force_login(dispatcher)
    number = halves["delivery"]["id"]
    browser.post(f"/admin/dispatch/trips/{trip}/stops/{number}/", {"failed": "yes", f"reason-{number}": "closed shop"})
    assert "closed shop" in browser.get(f"/admin/dispatch/trips/{trip}/").content.decode()
    browser.post(f"/admin/dispatch/trips/{trip}/stops/{number}/", {"done": "no"})
    assert not TripStop.objects.filter(failed=True).exists()
