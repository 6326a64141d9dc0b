"""Who may come near trips, and that the other company's are as if they were not there."""

import pytest

from accounts.models import Membership
from depannini_dashmap.lib.realtime.layer import captured
from orders.models import Order, Stop
from trips.models import Trip, TripOrder, TripStop
from trips.tests.world import add_place, loaded_trip, made, make_order, make_trip, make_vehicle, stops_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def theirs(api, dispatcher):
    client = api(dispatcher)
    trip, [order] = loaded_trip(client)
    return {
        "trip": trip,
        "order": order["id"],
        "loose_order": make_order(client)["id"],
        "row": stops_of(client, trip)[0]["id"],
        "stop": order["pickup_stop"]["id"],
        "place": add_place(client, trip)["stop"]["id"],
        "vehicle": make_vehicle(client),
        "company": order["company"],
    }


def everything():
    models = (Trip, TripStop, TripOrder, Order, Stop)
    return [list(model.objects.order_by("pk").values()) for model in models]


def body_of(answer):
    return {key: value for key, value in answer.json().items() if key != "request_id"}


def test_the_other_companys_trips_are_not_there(api, dispatcher_b, theirs):
    client, before = api(dispatcher_b), everything()
    calls = [
        ("get", "/api/trips/{}/", "trip", None),
        ("put", "/api/trips/{}/", "trip", {"name": "mine"}),
        ("patch", "/api/trips/{}/", "trip", {"status": "planned"}),
        ("delete", "/api/trips/{}/", "trip", None),
        ("post", "/api/trips/{}/add-order/", "trip", {"order": 1}),
        ("post", "/api/trips/{}/reorder-stops/", "trip", {"orders": [{"id": theirs["row"], "sequence": 1}]}),
        ("post", "/api/trips/{}/notify-driver/", "trip", None),
        ("get", "/api/trips/{}/route.geojson", "trip", None),
        ("get", "/api/trip-stops/{}/", "row", None),
        ("put", "/api/trip-stops/{}/", "row", {"notes": "mine", "is_completed": True}),
        ("delete", "/api/trip-stops/{}/", "row", None),
    ]
    for method, path, key, body in calls:
        real = getattr(client, method)(path.format(theirs[key]), body)
        missing = getattr(client, method)(path.format(10**9), body)
        assert (real.status_code, missing.status_code) == (404, 404), path
        assert (
            body_of(real)
            == body_of(missing)
            == {
                "error": {"trip": "Trip", "row": "Trip stop"}[key] + " not found",
                "code": "not_found",
            }
        )
    assert everything() == before


@pytest.mark.parametrize("bad", ["0", "-1", str(2**63), "9" * 120, "abc", "%00", "é", "1e3"])
def test_ids_in_paths_that_no_row_has(api, dispatcher, bad):
    for path in (f"/api/trips/{bad}/", f"/api/trip-stops/{bad}/", f"/api/trips/{bad}/route.geojson"):
        assert api(dispatcher).get(path).status_code == 404


def test_filters_naming_the_other_company_are_empty(api, dispatcher_b, staff_user, theirs):
    client = api(dispatcher_b)
    vehicle = Trip.objects.get(pk=theirs["trip"]).vehicle_id
    for query in (f"company={theirs['company']}", f"vehicle={vehicle}", f"order={theirs['order']}", "status=draft", ""):
        answer = client.get(f"/api/trips/?{query}")
        assert answer.json() == {"results": [], "next": None, "previous": None}
        assert len(api(staff_user).get(f"/api/trips/?{query}").json()["results"]) == 1
    assert client.get(f"/api/trip-stops/?trip={theirs['trip']}").json()["results"] == []


def test_ids_of_the_other_company_in_bodies_read_as_unknown(api, dispatcher, dispatcher_b, theirs):
    client = api(dispatcher_b)
    own, vehicle = make_trip(client), make_vehicle(client)
    row = add_place(client, own)["id"]
    trip = {"vehicle": vehicle, "name": "x", "planned_start_date": "2024-01-20", "planned_start_time": "08:00"}
    before = everything()
    calls = [
        ("post", "/api/trips/", lambda pk: {**trip, "vehicle": pk}, theirs["vehicle"]),
        ("post", "/api/trips/", lambda pk: {**trip, "dispatcher": pk}, dispatcher.pk),
        ("put", f"/api/trips/{own}/", lambda pk: {"vehicle": pk}, theirs["vehicle"]),
        ("put", f"/api/trips/{own}/", lambda pk: {"dispatcher": pk}, dispatcher.pk),
        ("post", f"/api/trips/{own}/add-order/", lambda pk: {"order": pk}, theirs["loose_order"]),
        ("post", f"/api/trips/{own}/add-order/", lambda pk: {"order_id": pk}, theirs["loose_order"]),
        ("post", "/api/trip-stops/", lambda pk: {"trip": own, "stop": pk}, theirs["place"]),
        ("post", "/api/trip-stops/", lambda pk: {"trip": pk, "stop": {"name": "a", "address": "b"}}, theirs["trip"]),
        ("put", f"/api/trip-stops/{row}/", lambda pk: {"trip": pk}, theirs["trip"]),
        ("put", f"/api/trip-stops/{row}/", lambda pk: {"stop": pk}, theirs["place"]),
    ]
    for method, path, body, foreign in calls:
        real, missing = (getattr(client, method)(path, body(pk)) for pk in (foreign, 10**9))
        assert real.status_code == 400, path
        assert body_of(real) == body_of(missing)
    mixed = {"orders": [{"id": theirs["row"], "sequence": 1}]}
    assert client.post(f"/api/trips/{own}/reorder-stops/", mixed).status_code == 400
    assert everything() == before


def test_clients_assistants_strangers_and_viewers(api, client_user, assistant_user, viewer, theirs):
    trip, row = theirs["trip"], theirs["row"]
    reads = [
        "/api/trips/",
        f"/api/trips/{trip}/",
        f"/api/trips/{trip}/route.geojson",
        "/api/trip-stops/",
        f"/api/trip-stops/{row}/",
    ]
    writes = [
        ("post", "/api/trips/", {}),
        ("put", f"/api/trips/{trip}/", {"name": "x"}),
        ("delete", f"/api/trips/{trip}/", None),
        ("post", f"/api/trips/{trip}/add-order/", {"order": theirs["loose_order"]}),
        ("post", f"/api/trips/{trip}/reorder-stops/", {"orders": [{"id": row, "sequence": 1}]}),
        ("post", f"/api/trips/{trip}/notify-driver/", None),
        ("post", "/api/trip-stops/", {"trip": trip, "stop": {"name": "a", "address": "b"}}),
        ("put", f"/api/trip-stops/{row}/", {"notes": "x"}),
        ("delete", f"/api/trip-stops/{row}/", None),
    ]
    before = everything()
    for user, read, write in (
        (None, 401, 401),
        (client_user, 403, 403),
        (assistant_user, 403, 403),
        (viewer, 200, 403),
    ):
        client = api(user) if user else api()
        assert {client.get(path).status_code for path in reads} == {read}
        assert {getattr(client, method)(path, body).status_code for method, path, body in writes} == {write}
    assert everything() == before


def test_a_viewer_here_who_is_a_member_elsewhere_still_only_looks(api, viewer, company_b, theirs):
    Membership.objects.create(user=viewer, company=company_b)
    client = api(viewer)
    before = everything()
    assert client.put(f"/api/trips/{theirs['trip']}/", {"name": "x"}).status_code == 403
    assert client.put(f"/api/trip-stops/{theirs['row']}/", {"notes": "x"}).status_code == 403
    assert client.post(f"/api/trips/{theirs['trip']}/notify-driver/").status_code == 403
    body = {
        "vehicle": theirs["vehicle"],
        "name": "x",
        "planned_start_date": "2024-01-20",
        "planned_start_time": "08:00",
    }
    assert client.post("/api/trips/", body).status_code == 403
    assert everything() == before


def test_a_pending_order_moves_to_the_company_of_the_trip(api, dispatcher):
    client = api(dispatcher)
    order = make_order(client)
    second = made(client.post("/api/companies/", {"name": "Second"}))["id"]
    trip = make_trip(client, make_vehicle(client, company=second))
    made(client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"]}))
    assert client.get(f"/api/orders/{order['id']}/").json()["company"] == second
    assert set(Stop.objects.values_list("company_id", flat=True)) == {second}
    place = add_place(client, make_trip(client, make_vehicle(client, company=order["company"])))
    copied = made(client.post("/api/trip-stops/", {"trip": trip, "stop": place["stop"]["id"]}))
    assert copied["stop"]["id"] != place["stop"]["id"]
    assert Stop.objects.get(pk=copied["stop"]["id"]).company_id == second


def test_an_order_that_moved_is_no_longer_seen_by_the_company_it_left(api, dispatcher, company_b):
    client = api(dispatcher)
    old, [order] = loaded_trip(client)
    client.put(f"/api/trips/{old}/", {"status": "cancelled"})
    Membership.objects.create(user=dispatcher, company=company_b)
    trip = make_trip(client, make_vehicle(client, company=company_b.pk))
    made(client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"]}))
    client.put(f"/api/orders/{order['id']}/", {"customer_name": "Secret", "pickup_stop": {"name": "Hidden"}})
    rows = stops_of(client, old)
    assert [(row["stop"]["name"], row["linked_order"]) for row in rows] == [("Rungis", None), ("Vincennes", None)]
    assert [row["stop"]["name"] for row in stops_of(client, trip)] == ["Hidden", "Vincennes"]
    assert Stop.objects.filter(trip_stops__trip_id=old, company=dispatcher.current_company_id).count() == 2


def test_the_dispatcher_of_a_trip_is_a_member_or_staff(api, dispatcher, staff_user, client_user, viewer):
    client = api(dispatcher)
    for user, status in ((staff_user, 200), (viewer, 200), (dispatcher, 200), (client_user, 400)):
        trip = make_trip(client)
        assert client.put(f"/api/trips/{trip}/", {"dispatcher": user.pk}).status_code == status
    by_staff = api(staff_user).get(f"/api/trips/{trip}/").json()
    assert by_staff["dispatcher_name"] == dispatcher.display_name
    Membership.objects.filter(user=viewer).delete()
    left = make_trip(client)
    Trip.objects.filter(pk=left).update(dispatcher=viewer)
    assert client.put(f"/api/trips/{left}/", client.get(f"/api/trips/{left}/").json()).status_code == 200


def test_a_trip_without_stops_may_go_to_another_company(api, dispatcher):
    client = api(dispatcher)
    second = made(client.post("/api/companies/", {"name": "Second"}))["id"]
    truck = make_vehicle(client, company=second)
    first = dispatcher.current_company_id
    empty = make_trip(client, make_vehicle(client, company=first))
    assert client.put(f"/api/trips/{empty}/", {"vehicle": truck}).json()["company"] == second
    full = make_trip(client, make_vehicle(client, company=first))
    add_place(client, full)
    assert client.put(f"/api/trips/{full}/", {"vehicle": truck}).status_code == 400


def test_a_company_with_trips_is_not_deleted(api, dispatcher, theirs):
    assert api(dispatcher).delete(f"/api/companies/{theirs['company']}/").status_code == 409


def boards_told(events):
    return {(group, event["what"]) for group, event in events if event["type"] == "board_changed"}


@pytest.mark.django_db(transaction=True)
def test_both_boards_are_notified_of_a_change_of_company(api, dispatcher):
    client = api(dispatcher)
    first = dispatcher.current_company_id
    second = made(client.post("/api/companies/", {"name": "Second"}))["id"]
    old, new = f"fleet.company.{first}", f"fleet.company.{second}"
    van = make_vehicle(client, company=first)
    with captured("fleet.company") as told:
        assert client.put(f"/api/vehicles/{van}/", {"company": second}).status_code == 200
    assert boards_told(told) == {(old, "vehicles"), (new, "vehicles")}
    trip = make_trip(client, make_vehicle(client, company=first))
    with captured("fleet.company") as told:
        assert client.put(f"/api/trips/{trip}/", {"vehicle": van}).status_code == 200
    assert boards_told(told) == {(old, "trips"), (new, "trips")}
    order = make_order(client, company=first)
    left = make_trip(client, make_vehicle(client, company=first))
    made(client.post(f"/api/trips/{left}/add-order/", {"order": order["id"]}))
    client.put(f"/api/trips/{left}/", {"status": "cancelled"})
    with captured("fleet.company") as told:
        made(client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"]}))
    assert boards_told(told) == {(old, "orders"), (old, "trips"), (new, "orders"), (new, "trips")}


@pytest.mark.django_db(transaction=True)
def test_a_failed_move_is_published_to_nobody(api, dispatcher):
    client = api(dispatcher)
    first = dispatcher.current_company_id
    second = made(client.post("/api/companies/", {"name": "Second"}))["id"]
    van = make_vehicle(client, company=first)
    make_trip(client, van)
    with captured("fleet.company") as told:
        assert client.put(f"/api/vehicles/{van}/", {"company": second}).status_code == 409
    assert boards_told(told) == set()
