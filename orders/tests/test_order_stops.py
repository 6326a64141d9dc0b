"""Stops of orders over REST, and that a location is whole."""

from decimal import Decimal
from importlib import import_module

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from orders.models import Order, Stop
from orders.steps.trip_assignment import claim_for_trip
from orders.stops import change_stop
from orders.tests.order_bodies import PRODUCE, RUNGIS, SMALL, VINCENNES

pytestmark = pytest.mark.django_db


def test_a_stop_is_changed_in_place(api, dispatcher, produce):
    sent = {"pickup_stop": {"id": 999, "name": "Dock C", "extra": 1}, "delivery_stop": {**VINCENNES, "notes": ""}}
    body = api(dispatcher).put(f"/api/orders/{produce['id']}/", sent).json()
    assert body["pickup_stop"] == {**produce["pickup_stop"], "name": "Dock C"}
    assert body["delivery_stop"] == {**produce["delivery_stop"], "notes": ""}


def test_the_bare_id_of_its_own_stop_keeps_it(api, dispatcher, produce):
    own = {"pickup_stop": produce["pickup_stop"]["id"], "delivery_stop": str(produce["delivery_stop"]["id"])}
    assert api(dispatcher).put(f"/api/orders/{produce['id']}/", own).json() == produce


def test_the_bare_id_of_another_stop_copies_it(api, dispatcher, produce):
    client, stop_id = api(dispatcher), produce["pickup_stop"]["id"]
    made = client.post("/api/orders/", {**SMALL, "pickup_stop": stop_id, "delivery_stop": stop_id}).json()
    for end in ("pickup", "delivery"):
        copied = made[f"{end}_stop"]
        assert copied == {**produce["pickup_stop"], "id": copied["id"], "stop_type": end}
        assert copied["id"] != stop_id
    changed = client.put(f"/api/orders/{made['id']}/", {"pickup_stop": produce["delivery_stop"]["id"]}).json()
    assert changed["pickup_stop"] == {
        **produce["delivery_stop"], "id": made["pickup_stop"]["id"], "stop_type": "pickup",
    }  # fmt: skip
    assert client.get(f"/api/orders/{produce['id']}/").json() == produce


def test_null_takes_a_stop_away_unless_a_trip_holds_the_order(api, dispatcher, produce):
    client, url = api(dispatcher), f"/api/orders/{produce['id']}/"
    claim_for_trip([produce["id"]])
    assert client.put(url, {"pickup_stop": None}).status_code == 409
    Order.objects.update(is_in_trip=False)
    assert client.put(url, {"pickup_stop": None}).json()["pickup_stop"] is None
    assert list(Stop.objects.values_list("pk", flat=True)) == [produce["delivery_stop"]["id"]]
    added = client.put(url, {"pickup_stop": {"name": "Dock", "address": "Oran"}}).json()["pickup_stop"]
    assert (added["name"], added["latitude"], added["stop_type"]) == ("Dock", None, "pickup")


def test_half_a_stop_is_refused_whole(api, dispatcher, produce):
    client = api(dispatcher)
    answer = client.post("/api/orders/", {**SMALL, "pickup_stop": {"name": "Dock"}})
    assert (answer.status_code, answer.json()["fields"]) == (400, {"pickup_stop.address": ["This field is required."]})
    answer = client.post("/api/orders/", {**PRODUCE, "delivery_stop": {}})
    assert list(answer.json()["fields"]) == ["delivery_stop.name", "delivery_stop.address"]
    assert (Order.objects.count(), Stop.objects.count()) == (1, 2)
    assert client.put(f"/api/orders/{produce['id']}/", {"pickup_stop": {}}).json() == produce


WHOLE = "Give latitude and longitude together, or neither."


@pytest.mark.parametrize(("given", "lacking"), [("latitude", "longitude"), ("longitude", "latitude")])
def test_half_a_location_is_refused(api, dispatcher, produce, given, lacking):
    client, place = api(dispatcher), {"name": "Dock", "address": "Oran"}
    for half in ({given: "2.5"}, {given: "2.5", lacking: None}):
        answer = client.post("/api/orders/", {**SMALL, "delivery_stop": {**place, **half}})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_data")
        assert answer.json()["fields"] == {f"delivery_stop.{lacking}": [WHOLE]}
    url = f"/api/orders/{produce['id']}/"
    taken = client.put(url, {"pickup_stop": {lacking: None}})
    assert (taken.status_code, taken.json()["fields"]) == (400, {f"pickup_stop.{lacking}": [WHOLE]})
    assert client.get(url).json() == produce
    assert (Order.objects.count(), Stop.objects.count()) == (1, 2)


def test_a_location_is_moved_taken_away_and_given_again(api, dispatcher, produce):
    client, url = api(dispatcher), f"/api/orders/{produce['id']}/"
    moved = client.put(url, {"pickup_stop": {"latitude": "48.760000"}}).json()["pickup_stop"]
    assert (moved["latitude"], moved["longitude"]) == ("48.760000", RUNGIS["longitude"])
    gone = client.put(url, {"pickup_stop": {"latitude": None, "longitude": None}}).json()["pickup_stop"]
    assert (gone["latitude"], gone["longitude"]) == (None, None)
    assert client.patch(url, {"pickup_stop": {"longitude": "2.5"}}).json()["fields"] == {
        "pickup_stop.latitude": [WHOLE]
    }
    given = client.patch(url, {"pickup_stop": {"latitude": 0, "longitude": "2.5"}}).json()["pickup_stop"]
    assert (given["latitude"], given["longitude"]) == ("0.000000", "2.500000")


def test_two_changes_at_once_leave_a_whole_location(produce):
    taken, moved = (Stop.objects.get(pk=produce["pickup_stop"]["id"]) for _ in range(2))
    change_stop(taken, {"latitude": None, "longitude": None})
    change_stop(moved, {"latitude": 36})
    stop = Stop.objects.get(pk=taken.pk)
    assert (str(stop.latitude), str(stop.longitude)) == ("36.000000", "2.352000")


def test_the_database_refuses_half_a_location(produce):
    stop = Stop.objects.filter(pk=produce["pickup_stop"]["id"])
    for half in ({"latitude": None}, {"longitude": None}):
        with pytest.raises(IntegrityError, match="stop_location_whole"), transaction.atomic():
            stop.update(**half)


@pytest.fixture
def unchecked(db):
    """Lift the check, as it was not there in an older release."""
    is_sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        cursor.execute(
            "PRAGMA ignore_check_constraints = ON"
            if is_sqlite
            else "ALTER TABLE orders_stop DROP CONSTRAINT stop_location_whole"
        )
        yield
        if is_sqlite:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


def test_half_locations_of_an_older_release_are_emptied(unchecked, produce):
    Stop.objects.filter(pk=produce["pickup_stop"]["id"]).update(latitude=None)
    import_module("orders.migrations.0002_whole_locations").empty_halves(apps, None)
    places = dict(Stop.objects.values_list("pk", "longitude"))
    assert places == {produce["pickup_stop"]["id"]: None, produce["delivery_stop"]["id"]: Decimal("2.428000")}
