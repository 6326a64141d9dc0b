"""What a trip visits: adding, shifting, completing journeys, moving, removing, reordering."""

import pytest

from orders.models import Order, Stop
from trips.models import TripOrder, TripStop
from trips.tests.world import (
    add_place,
    loaded_trip,
    made,
    make_order,
    make_trip,
    order_status,
    stops_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(api, dispatcher):
    return api(dispatcher)


def names(client, trip):
    rows = stops_of(client, trip)
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
    return [row["stop"]["name"] for row in rows]


def frozen(trip):
    rows = TripStop.objects.filter(trip_id=trip).order_by("pk").values_list()
    return (
        list(rows),
        list(TripOrder.objects.values_list()),
        list(Order.objects.values_list("pk", "status", "is_in_trip")),
    )


def test_a_taken_sequence_shifts_the_others_up(client):
    trip = make_trip(client)
    for name in "abc":
        add_place(client, trip, name)
    assert add_place(client, trip, "new", sequence=2)["sequence"] == 2
    assert names(client, trip) == ["a", "new", "b", "c"]
    assert add_place(client, trip, "far", sequence=99)["sequence"] == 5
    assert add_place(client, trip, "zero", sequence=0)["sequence"] == 1
    assert names(client, trip) == ["zero", "a", "new", "b", "c", "far"]


@pytest.mark.parametrize("half", ["pickup", "delivery"])
def test_half_a_journey_is_refused_with_the_documented_sentence(client, half):
    trip, order = make_trip(client), make_order(client)
    other = {"pickup": "delivery", "delivery": "pickup"}[half]
    answer = client.post("/api/trip-stops/", {"trip": trip, "stop": order[f"{half}_stop"]["id"]})
    assert answer.status_code == 400
    assert answer.json()["error"] == (
        f"Cannot add {half} stop for order {order['order_number']} without also including its {other} stop. "
        "Trips must contain complete order journeys (both pickup and delivery)."
    )
    assert frozen(trip)[0] == []


def test_add_order_puts_the_delivery_right_after_the_pickup(client):
    trip = make_trip(client)
    add_place(client, trip, "a")
    add_place(client, trip, "b")
    order = make_order(client)
    answer = made(client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"], "sequence": 2}))
    assert (answer["pickup_trip_stop"]["sequence"], answer["delivery_trip_stop"]["sequence"]) == (2, 3)
    assert names(client, trip) == ["a", "Rungis", "Vincennes", "b"]
    assert order_status(client, order) == "assigned"
    assert client.delete(f"/api/orders/{order['id']}/").status_code == 409


def test_an_order_goes_into_one_trip_only(client):
    trip, [order] = loaded_trip(client)
    other = make_trip(client)
    for target in (trip, other):
        answer = client.post(f"/api/trips/{target}/add-order/", {"order": order["id"]})
        assert (answer.status_code, answer.json()["code"]) == (409, "order_not_available")
    assert stops_of(client, other) == []
    again = client.post("/api/trip-stops/", {"trip": trip, "stop": order["pickup_stop"]["id"]})
    assert (again.status_code, again.json()["code"]) == (409, "stop_in_trip")


@pytest.mark.parametrize("status", ["assigned", "in_transit", "delivered", "cancelled"])
def test_only_pending_orders_come_in(client, status):
    trip, order = make_trip(client), make_order(client)
    client.put(f"/api/orders/{order['id']}/", {"status": status})
    assert client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"]}).status_code == 409
    assert order_status(client, order) == status


def test_an_order_without_both_stops_does_not_come_in(client):
    trip, order = make_trip(client), make_order(client, delivery_stop=None)
    answer = client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"]})
    assert answer.status_code == 400
    assert order["order_number"] in answer.json()["error"]


@pytest.mark.parametrize(
    "body", [{}, {"order": None}, {"order": 2**63}, {"order": "x"}, {"order": True}, {"order": []}]
)
def test_add_order_needs_an_order_that_exists(client, body):
    answer = client.post(f"/api/trips/{make_trip(client)}/add-order/", body)
    assert answer.status_code == 400
    assert "order" in answer.json()["fields"]


def test_deleting_a_stop_closes_the_gap_and_names_the_incomplete_order(client):
    trip, [order] = loaded_trip(client)
    add_place(client, trip, "end")
    pickup, delivery, _ = stops_of(client, trip)
    assert client.delete(f"/api/trip-stops/{pickup['id']}/").status_code == 204
    assert names(client, trip) == ["Vincennes", "end"]
    assert client.get(f"/api/trips/{trip}/").json()["incomplete_orders"] == [order["order_number"]]
    assert order_status(client, order) == "assigned"
    for status in ("planned", "in_progress"):
        answer = client.put(f"/api/trips/{trip}/", {"status": status})
        assert answer.status_code == 400
        assert answer.json()["incomplete_orders"] == [order["order_number"]]
    assert client.delete(f"/api/trip-stops/{delivery['id']}/").status_code == 204
    assert order_status(client, order) == "pending"
    assert client.get(f"/api/trips/{trip}/").json()["incomplete_orders"] == []
    made(client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"]}))
    assert names(client, trip) == ["end", "Rungis", "Vincennes"]


def test_a_missing_half_comes_back_in_its_right_place(client):
    trip, [order] = loaded_trip(client)
    add_place(client, trip, "end")
    pickup = stops_of(client, trip)[0]
    client.delete(f"/api/trip-stops/{pickup['id']}/")
    late = client.post("/api/trip-stops/", {"trip": trip, "stop": order["pickup_stop"]["id"], "sequence": 3})
    assert (late.status_code, late.json()["code"]) == (400, "delivery_before_pickup")
    assert names(client, trip) == ["Vincennes", "end"]
    made(client.post("/api/trip-stops/", {"trip": trip, "stop": order["pickup_stop"]["id"]}))
    assert names(client, trip) == ["Rungis", "Vincennes", "end"]


def test_an_own_stop_is_gone_with_its_place_but_an_orders_stop_stays(client):
    trip, [order] = loaded_trip(client)
    place = add_place(client, trip)
    assert client.delete(f"/api/trip-stops/{place['id']}/").status_code == 204
    assert not Stop.objects.filter(pk=place["stop"]["id"]).exists()
    for row in stops_of(client, trip):
        client.delete(f"/api/trip-stops/{row['id']}/")
    assert Stop.objects.filter(pk=order["pickup_stop"]["id"]).exists()


@pytest.mark.parametrize("key", ["orders", "sequences"])
@pytest.mark.parametrize("numbers", [(1, 2, 3), (0, 1, 2), (-7, 0, 900), ("3", "40", "500")])
def test_reorder_takes_any_distinct_numbers(client, key, numbers):
    trip = make_trip(client)
    ids = [add_place(client, trip, name)["id"] for name in "abc"]
    wanted = [ids[2], ids[0], ids[1]]
    body = {key: [{"id": pk, "sequence": number} for pk, number in zip(wanted, numbers, strict=True)]}
    answer = client.post(f"/api/trips/{trip}/reorder-stops/", body)
    assert answer.status_code == 200
    assert [row["id"] for row in answer.json()["results"]] == wanted
    assert names(client, trip) == ["c", "a", "b"]


def test_a_partial_reorder_sorts_among_the_places_held(client):
    trip = make_trip(client)
    ids = [add_place(client, trip, name)["id"] for name in "abcd"]
    body = {"orders": [{"id": ids[3], "sequence": 1}, {"id": ids[1], "sequence": 2}]}
    assert client.post(f"/api/trips/{trip}/reorder-stops/", body).status_code == 200
    assert names(client, trip) == ["a", "d", "c", "b"]


def test_what_reorder_refuses_changes_nothing(client):
    trip, _ = loaded_trip(client, orders=2)
    foreign = add_place(client, make_trip(client))["id"]
    first, second, *_ = [row["id"] for row in stops_of(client, trip)]
    before = frozen(trip)
    bodies = [
        {"orders": [{"id": first, "sequence": 2}, {"id": second, "sequence": 1}]},
        {"orders": [{"id": first, "sequence": 1}, {"id": first, "sequence": 2}]},
        {"orders": [{"id": first, "sequence": 1}, {"id": second, "sequence": 1}]},
        {"orders": [{"id": foreign, "sequence": 1}]},
        {"orders": [{"id": 10**9, "sequence": 1}]},
        {"orders": [{"id": first, "sequence": 2**31}]},
        {"orders": [{"id": first, "sequence": "x"}]},
        {"orders": [{"id": first, "sequence": True}]},
        {"orders": [{"id": first}]},
        {"orders": [first, second]},
        {"orders": {"id": first, "sequence": 1}},
        {"orders": []},
        {"orders": None},
        {},
    ]
    for body in bodies:
        answer = client.post(f"/api/trips/{trip}/reorder-stops/", body)
        assert answer.status_code == 400, body
        assert set(answer.json()) >= {"error", "code", "request_id"}
    assert frozen(trip) == before


def test_half_a_location_is_refused(client):
    trip, _ = loaded_trip(client)
    place = {"name": "Depot", "address": "1 Rue A"}
    told = {"stop.longitude": ["Give latitude and longitude together, or neither."]}
    added = client.post("/api/trip-stops/", {"trip": trip, "stop": {**place, "latitude": "36.7"}})
    assert (added.status_code, added.json()["fields"]) == (400, told)
    before = frozen(trip)
    for row in (stops_of(client, trip)[0], add_place(client, make_trip(client))):
        path = f"/api/trip-stops/{row['id']}/"
        changed = client.put(path, {"stop": {"latitude": "36.7", "longitude": None}})
        assert (changed.status_code, changed.json()["fields"]) == (400, told)
        assert client.get(path).json() == row
    assert frozen(trip) == before


def test_a_put_moves_edits_and_completes(client):
    trip, [order] = loaded_trip(client)
    depot = add_place(client, trip)
    path = f"/api/trip-stops/{depot['id']}/"
    assert client.put(path, {"sequence": 1, "notes": "Ring", "planned_arrival_time": "07:45"}).json()["sequence"] == 1
    assert names(client, trip) == ["Depot", "Rungis", "Vincennes"]
    pickup, delivery = stops_of(client, trip)[1:]
    early = client.put(f"/api/trip-stops/{delivery['id']}/", {"sequence": 1, "notes": "lost"})
    assert early.status_code == 400
    assert stops_of(client, trip)[2]["notes"] == ""
    renamed = client.patch(path, {"stop": {"name": "Yard"}, "planned_arrival_time": None}).json()
    assert (renamed["stop"]["name"], renamed["stop"]["id"]) == ("Yard", depot["stop"]["id"])
    assert renamed["planned_arrival_time"] is None
    client.put(f"/api/trip-stops/{pickup['id']}/", {"stop": {"name": "Gate 4", "stop_type": "delivery"}})
    shown = client.get(f"/api/orders/{order['id']}/").json()["pickup_stop"]
    assert (shown["name"], shown["stop_type"]) == ("Gate 4", "pickup")
    swap = client.put(f"/api/trip-stops/{pickup['id']}/", {"stop": depot["stop"]["id"]})
    assert swap.status_code == 400
    other_trip = client.put(path, {"trip": make_trip(client)})
    assert (other_trip.status_code, list(other_trip.json()["fields"])) == (400, ["trip"])


def test_another_place_can_be_visited_instead(client):
    trip = make_trip(client)
    first, second = add_place(client, trip, "a"), add_place(client, trip, "b")
    answer = client.put(f"/api/trip-stops/{first['id']}/", {"stop": second["stop"]["id"]})
    assert answer.json()["stop"]["id"] == second["stop"]["id"]
    assert not Stop.objects.filter(pk=first["stop"]["id"]).exists()


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_stops_of_a_closed_trip_do_not_change(client, status):
    trip, _ = loaded_trip(client)
    row = stops_of(client, trip)[0]
    for step in ("in_progress", status):
        assert client.put(f"/api/trips/{trip}/", {"status": step}).status_code == 200
    row = stops_of(client, trip)[0]
    path, order = f"/api/trip-stops/{row['id']}/", make_order(client)
    before = frozen(trip)
    refused = [
        client.put(path, {"notes": "x"}),
        client.put(path, {"sequence": 2}),
        client.put(path, {"is_completed": not row["is_completed"]}),
        client.put(path, {"stop": {"name": "x"}}),
        client.delete(path),
        client.post("/api/trip-stops/", {"trip": trip, "stop": {"name": "x", "address": "y"}}),
        client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"]}),
        client.post(f"/api/trips/{trip}/reorder-stops/", {"orders": [{"id": row["id"], "sequence": 1}]}),
    ]
    assert [answer.status_code for answer in refused] == [409] * len(refused)
    assert {answer.json()["current_status"] for answer in refused} == {status}
    assert frozen(trip) == before
    assert client.put(path, row).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"trip": "x"},
        {"stop": None},
        {"stop": "abc"},
        {"stop": True},
        {"stop": 2**70},
        {"stop": []},
        {"stop": {"name": "only"}},
        {"stop": {"name": "a", "address": "b", "latitude": "90.0000001"}},
        {"stop": {"name": "a", "address": "b", "latitude": "NaN"}},
        {"stop": {"name": "a", "address": "b", "contact_phone": "<script>"}},
        {"stop": {"name": "a\x00", "address": "b"}},
        {"stop": {"name": "a" * 201, "address": "b"}},
        {"sequence": -1},
        {"sequence": 2**31},
        {"sequence": 1.5},
        {"sequence": True},
        {"planned_arrival_time": "24:00"},
        {"planned_arrival_time": "9 o'clock"},
        {"planned_arrival_time": 900},
        {"notes": "x" * 5001},
        {"notes": {}},
    ],
)
def test_bad_bodies_of_a_new_stop(client, body):
    trip = make_trip(client)
    good = {"trip": trip, "stop": {"name": "a", "address": "b"}}
    answer = client.post("/api/trip-stops/", {**good, **body} if body else {})
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_data"
    assert answer.json()["fields"]
    assert not TripStop.objects.exists()
    assert not Stop.objects.exists()


def test_a_stop_of_a_long_trip_names_its_day(api, dispatcher):
    client = api(dispatcher)
    trip, order = make_trip(client, planned_start_date="2026-12-01"), make_order(client)
    days = {"pickup_time": "09:00", "delivery_time": "16:30", "delivery_date": "2026-12-03"}
    made(client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"], **days}))
    document = client.get(f"/api/trips/{trip}/").json()
    assert [stop["planned_arrival_date"] for stop in document["trip_stops"]] == [None, "2026-12-03"]
    assert document["planned_duration_minutes"] == 2 * 24 * 60 + 510
    path = f"/api/trip-stops/{document['trip_stops'][1]['id']}/"
    assert client.put(path, {"planned_arrival_date": "2026-13-03"}).json()["fields"].keys() == {"planned_arrival_date"}
    assert client.put(path, {"planned_arrival_date": ""}).json()["planned_arrival_date"] is None
    assert client.get(f"/api/trips/{trip}/").json()["planned_duration_minutes"] == 510
    added = add_place(client, trip, planned_arrival_time="08:00", planned_arrival_date="2026-12-02")
    assert added["planned_arrival_date"] == "2026-12-02"
