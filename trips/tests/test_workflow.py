"""The document's Example Workflow, and what the React console in the field sends, over REST."""

import pytest
from django.core import mail

from trips.tests.world import RUNGIS, VINCENNES, add_place, loaded_trip, made, make_order, make_vehicle, stops_of

pytestmark = pytest.mark.django_db


def test_the_documented_workflow(api, dispatcher, password):
    client = api()
    token = client.post("/api/auth/login/", {"username": dispatcher.username, "password": password}).json()["token"]
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    company = made(client.post("/api/companies/", {"name": "ACME Logistics", "address": "123 Business St"}))["id"]
    vehicle = make_vehicle(client, company=company, license_plate="ABC123")
    order = make_order(client)
    assert order["company"] == company
    trip = made(
        client.post(
            "/api/trips/",
            {
                "vehicle": vehicle,
                "dispatcher": dispatcher.pk,
                "name": "Morning Route",
                "planned_start_date": "2024-01-20",
                "planned_start_time": "08:00:00",
                "notes": "Standard morning delivery",
            },
        )
    )
    assert trip["status"] == "draft"
    assert trip["vehicle_license_plate"] == "ABC123"
    assert trip["dispatcher_name"] == dispatcher.display_name
    assert trip["planned_start_time"] == "08:00:00"
    assert trip["trip_stops"] == []
    path = f"/api/trips/{trip['id']}/"
    stop = {**RUNGIS, "stop_type": "pickup"}
    first = made(client.post("/api/trip-stops/", {"trip": trip["id"], "stop": stop, "order": 1, "sequence": 1}))
    assert (first["sequence"], first["linked_order"], first["trip"]) == (1, None, trip["id"])
    added = made(
        client.post(
            f"{path}add-order/",
            {
                "order_id": order["id"],
                "sequence": 1,
                "pickup_time": "09:00:00",
                "delivery_time": "14:00:00",
                "notes": "Handle with care",
            },
        )
    )
    assert added["message"] == f"Successfully added order {order['order_number']} to trip"
    assert added["pickup_trip_stop"]["sequence"] == 1
    assert added["pickup_trip_stop"]["planned_arrival_time"] == "09:00:00"
    assert added["pickup_trip_stop"]["stop"]["id"] == order["pickup_stop"]["id"]
    assert added["delivery_trip_stop"]["sequence"] == 2
    assert added["delivery_trip_stop"]["linked_order"] == {
        "id": order["id"],
        "order_number": order["order_number"],
        "customer_name": "John Smith",
    }
    assert client.post(f"{path}notify-driver/").json() == {"message": "Driver notified successfully"}
    assert [message.to for message in mail.outbox] == [["driver@example.com"]]
    planned = client.put(path, {"status": "planned"}).json()
    assert (planned["status"], planned["driver_notified"]) == ("planned", True)
    assert planned["planned_duration_minutes"] == 360
    assert planned["total_distance_km"] == pytest.approx(22.5, abs=0.5)
    tracked = client.put(f"/api/orders/{order['id']}/", {"status": "in_transit"})
    assert (tracked.status_code, tracked.json()["status"]) == (200, "in_transit")
    assert client.post("/api/auth/logout/").status_code == 200
    assert client.get(path).status_code == 401


def test_the_console_plans_reorders_and_puts_whole_objects_back(api, dispatcher):
    client = api(dispatcher)
    trip, [order] = loaded_trip(client)
    depot = add_place(client, trip, planned_arrival_time="07:30", sequence=1)
    assert depot["planned_arrival_time"] == "07:30:00"
    ids = [row["id"] for row in stops_of(client, trip)]
    wanted = [ids[1], ids[2], ids[0]]
    body = {"sequences": [{"id": pk, "sequence": place} for place, pk in enumerate(wanted)]}
    answer = client.post(f"/api/trips/{trip}/reorder-stops/", body)
    assert answer.status_code == 200
    assert [(row["id"], row["sequence"]) for row in answer.json()["results"]] == [
        (pk, place) for place, pk in enumerate(wanted, start=1)
    ]
    whole = client.get(f"/api/trips/{trip}/").json()
    back = client.put(f"/api/trips/{trip}/", {**whole, "name": "Renamed"})
    assert back.status_code == 200
    assert {**back.json(), "updated_at": 0} == {**whole, "name": "Renamed", "updated_at": 0}
    whole_order = client.get(f"/api/orders/{order['id']}/").json()
    assert client.put(f"/api/orders/{order['id']}/", whole_order).json()["status"] == "assigned"
    for row in stops_of(client, trip):
        answer = client.put(f"/api/trip-stops/{row['id']}/", {**row, "planned_arrival_time": "10:15", "extra": [1]})
        assert answer.status_code == 200
        assert answer.json() == {**row, "planned_arrival_time": "10:15:00"}


def test_a_stop_comes_as_an_object_with_extra_keys_or_as_an_id(api, dispatcher):
    client = api(dispatcher)
    trip, [order] = loaded_trip(client)
    pickup, delivery = stops_of(client, trip)
    keyed = {**VINCENNES, "id": pickup["stop"]["id"], "company": 99, "stop_type": "delivery"}
    new = made(client.post("/api/trip-stops/", {"trip": trip, "stop": keyed}))
    assert new["stop"]["id"] not in (pickup["stop"]["id"], delivery["stop"]["id"])
    again = made(client.post("/api/trip-stops/", {"trip": str(trip), "stop": str(new["stop"]["id"])}))
    assert again["stop"]["id"] == new["stop"]["id"]
    assert client.delete(f"/api/trip-stops/{pickup['id']}/").status_code == 204
    back = made(client.post("/api/trip-stops/", {"trip": trip, "stop": order["pickup_stop"]["id"]}))
    assert (back["sequence"], back["linked_order"]["id"]) == (1, order["id"])
