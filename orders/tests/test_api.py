"""Orders over REST: the document's object, stops, numbers, statuses, tenancy, filters, hostile input."""

from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module

import pytest
import time_machine
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from accounts.models import Membership
from orders.models import Order, OrderNumber, Stop
from orders.signals import order_status_requested
from orders.stops import change_stop
from orders.trip_assignment import claim_for_trip, set_status_from_trip

pytestmark = pytest.mark.django_db

RUNGIS = {
    "name": "Rungis International Market",
    "address": "1 Rue de la Tour, 94150 Rungis, France",
    "latitude": "48.759000",
    "longitude": "2.352000",
    "stop_type": "pickup",
    "contact_name": "Market Manager",
    "contact_phone": "555-0001",
    "notes": "Use loading dock B",
}
VINCENNES = {
    "name": "Carrefour Distribution Paris",
    "address": "93 Avenue de Paris, 94300 Vincennes, France",
    "latitude": "48.847000",
    "longitude": "2.428000",
    "stop_type": "delivery",
    "contact_name": "Receiving Manager",
    "contact_phone": "555-0015",
    "notes": "Ring bell at entrance",
}
PRODUCE = {
    "customer_name": "John Smith",
    "customer_company": "ACME Manufacturing",
    "customer_email": "john.smith@acme.com",
    "customer_phone": "+33-1-42-00-1234",
    "pickup_stop": RUNGIS,
    "delivery_stop": VINCENNES,
    "goods_description": "Fresh produce and dairy products",
    "goods_weight": "2500.00",
    "goods_volume": "15.00",
    "goods_type": "refrigerated",
    "special_instructions": "Keep temperature at 2-4°C throughout transport",
    "status": "pending",
    "requested_pickup_date": "2024-01-20",
    "requested_delivery_date": "2024-01-21",
}
SMALL = {"customer_name": "Amel", "goods_description": "Boxes"}


@pytest.fixture
def produce(api, dispatcher):
    return api(dispatcher).post("/api/orders/", PRODUCE).json()


@pytest.fixture
def trip_is():
    """Let a trip of the given status hold the orders."""
    receivers = []

    def hold(status):
        def answer(**kwargs):
            return status

        receivers.append(answer)
        order_status_requested.connect(answer)

    yield hold
    for receiver in receivers:
        order_status_requested.disconnect(receiver)


def test_create_answers_the_documented_object(api, dispatcher, company_a, produce):
    assert {name: produce[name] for name in PRODUCE if not name.endswith("_stop")} == {
        name: value for name, value in PRODUCE.items() if not name.endswith("_stop")
    }
    for end, sent in (("pickup_stop", RUNGIS), ("delivery_stop", VINCENNES)):
        assert list(produce[end]) == ["id", *sent, "windows", "service_minutes"]
        assert produce[end] == {"id": produce[end]["id"], **sent, "windows": [], "service_minutes": None}
    assert produce["order_number"] == f"ORD-{datetime.now(UTC).year}-0001"
    assert produce["company"] == company_a.pk
    assert produce["created_at"].endswith("Z") and len(produce["created_at"]) == 20
    assert api(dispatcher).get(f"/api/orders/{produce['id']}").json() == produce
    assert api(dispatcher).get("/api/orders/").json()["results"] == [produce]


def test_the_least_that_an_order_needs(api, dispatcher):
    body = api(dispatcher).post("/api/orders", SMALL).json()
    assert (body["pickup_stop"], body["delivery_stop"], body["goods_weight"]) == (None, None, None)
    assert (body["status"], body["goods_type"]) == ("pending", "standard")


@pytest.mark.parametrize("name", ["customer_name", "goods_description"])
def test_required_fields(api, dispatcher, name):
    body = {key: value for key, value in SMALL.items() if key != name}
    answer = api(dispatcher).post("/api/orders/", body)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [name])


def test_a_whole_object_put_back_changes_nothing(api, dispatcher, produce):
    history = Order.history.count()
    assert api(dispatcher).put(f"/api/orders/{produce['id']}/", produce).json() == produce
    assert (Order.history.count(), Stop.objects.count()) == (history, 2)


def test_d06_what_is_read_only_stays(api, dispatcher, company_b, produce):
    sent = {
        "order_number": "ORD-1",
        "company": company_b.pk,
        "created_at": "2000-01-01T00:00:00Z",
        "id": 9,
        "is_in_trip": True,
    }
    assert api(dispatcher).put(f"/api/orders/{produce['id']}/", sent).json() == produce


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


def test_d04_foreign_stops_and_companies_are_unknown_ones(api, dispatcher_b, company_a, produce):
    client = api(dispatcher_b)
    for field, foreign, unknown in (
        ("pickup_stop", produce["pickup_stop"]["id"], 987654),
        ("company", company_a.pk, 987654),
    ):
        answers = [client.post("/api/orders/", {**SMALL, field: value}) for value in (foreign, unknown)]
        assert [answer.status_code for answer in answers] == [400, 400]
        assert answers[0].json()["fields"] == answers[1].json()["fields"] == {field: ["Unknown id."]}
    assert (Order.objects.count(), Stop.objects.count(), OrderNumber.objects.get().last) == (1, 2, 1)


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_d02_a_foreign_order_is_a_missing_one(api, dispatcher_b, produce, method):
    before = Order.objects.values().get()
    answers = [
        getattr(api(dispatcher_b), method)(f"/api/orders/{pk}/", {"status": 5}) for pk in (produce["id"], 987654)
    ]
    bodies = [{**answer.json(), "request_id": ""} for answer in answers]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert bodies[0] == bodies[1] == {"error": "Order not found", "code": "not_found", "request_id": ""}
    assert Order.objects.values().get() == before


def test_d03_a_foreign_company_in_a_filter_is_an_empty_list(api, dispatcher_b, staff_user, company_a, produce):
    url = f"/api/orders/?company={company_a.pk}"
    assert api(dispatcher_b).get(url).json() == {"results": [], "next": None, "previous": None}
    assert api(staff_user).get(url).json()["results"] == [produce]


def test_d08_a_company_with_orders_cannot_be_deleted(api, dispatcher, company_a, produce):
    assert api(dispatcher).delete(f"/api/companies/{company_a.pk}/").status_code == 409
    assert api(dispatcher).delete(f"/api/orders/{produce['id']}/").status_code == 204
    assert api(dispatcher).delete(f"/api/companies/{company_a.pk}/").status_code == 204


def test_delete_takes_its_stops_along_and_is_refused_in_a_trip(api, dispatcher, produce):
    client, url = api(dispatcher), f"/api/orders/{produce['id']}/"
    claim_for_trip([produce["id"]])
    answer = client.delete(url)
    assert (answer.status_code, answer.json()["code"]) == (409, "order_in_trip")
    assert (Order.objects.count(), Stop.objects.count()) == (1, 2)
    Order.objects.update(is_in_trip=False)
    assert client.delete(url).status_code == 204
    assert client.delete(url).status_code == 404
    assert (Order.objects.count(), Stop.objects.count()) == (0, 0)


def test_without_a_trip_any_status_goes(api, dispatcher, produce):
    for status in ("delivered", "pending", "in_transit", "cancelled", "assigned", "assigned"):
        answer = api(dispatcher).put(f"/api/orders/{produce['id']}/", {"status": status})
        assert (answer.status_code, answer.json()["status"]) == (200, status)


@pytest.mark.parametrize(
    ("trip", "present", "wanted", "code"),
    [("draft", "assigned", "assigned", 200), ("draft", "assigned", "in_transit", 409), ("draft", "assigned", "pending", 409),
     ("planned", "assigned", "in_transit", 200), ("planned", "assigned", "delivered", 200),
     ("in_progress", "in_transit", "delivered", 200), ("in_progress", "in_transit", "assigned", 409),
     ("in_progress", "assigned", "cancelled", 409), ("in_progress", "delivered", "pending", 409),
     ("completed", "delivered", "pending", 409), ("completed", "delivered", "delivered", 200),
     (None, "assigned", "in_transit", 409)],
)  # fmt: skip
def test_f06_a_trip_allows_only_its_steps(api, dispatcher, produce, trip_is, trip, present, wanted, code):
    claim_for_trip([produce["id"]])
    if present != "assigned":
        set_status_from_trip([produce["id"]], present)
    trip_is(trip)
    answer = api(dispatcher).put(
        f"/api/orders/{produce['id']}/", {"status": wanted, "customer_name": "Other", "pickup_stop": {"notes": "n"}}
    )
    assert answer.status_code == code
    order = Order.objects.select_related("pickup_stop").get()
    if code == 409:
        assert (answer.json()["code"], answer.json()["current_status"]) == ("invalid_transition", present)
        assert (order.status, order.customer_name, order.pickup_stop.notes) == (present, "John Smith", RUNGIS["notes"])
    else:
        assert (order.status, order.customer_name, order.pickup_stop.notes) == (wanted, "Other", "n")


def test_numbers_grow_beyond_four_digits_and_start_anew_each_year(api, dispatcher):
    client = api(dispatcher)
    OrderNumber.objects.create(year=2031, last=9998)
    with time_machine.travel("2031-12-31T23:59:58Z", tick=False):
        dispatchers = api(dispatcher)
        numbers = [dispatchers.post("/api/orders/", SMALL).json()["order_number"] for _ in range(2)]
    assert numbers == ["ORD-2031-9999", "ORD-2031-10000"]
    with time_machine.travel("2032-01-01T00:00:01Z", tick=False):
        assert api(dispatcher).post("/api/orders/", SMALL).json()["order_number"] == "ORD-2032-0001"
    assert client.get("/api/orders/?search=ORD-2031-10000").json()["results"][0]["customer_name"] == "Amel"


def test_available_for_trip(api, dispatcher, produce):
    client = api(dispatcher)
    second = client.post("/api/orders/", SMALL).json()

    def numbers(query):
        return [row["order_number"] for row in client.get(f"/api/orders/?{query}").json()["results"]]

    assert numbers("available_for_trip=true") == [second["order_number"], produce["order_number"]]
    claim_for_trip([produce["id"]])
    client.put(f"/api/orders/{second['id']}/", {"status": "cancelled"})
    assert numbers("available_for_trip=true") == []
    assert numbers("available_for_trip=false") == [second["order_number"], produce["order_number"]]


def test_filters(api, dispatcher, produce):
    client = api(dispatcher)
    client.post("/api/orders/", {**SMALL, "status": "cancelled", "goods_type": "fragile"})

    def names(query):
        return [row["customer_name"] for row in client.get(f"/api/orders/?{query}").json()["results"]]

    assert names("") == ["Amel", "John Smith"]
    assert names("status=pending") == ["John Smith"]
    assert names("status=pending,cancelled") == ["Amel", "John Smith"]
    assert names("goods_type=fragile") == ["Amel"]
    assert names("search=dairy") == ["John Smith"]
    assert names("pickup_date=2024-01-20") == ["John Smith"]
    assert names("pickup_from=2024-01-21") == []
    assert names("pickup_to=2024-01-20&delivery_from=2024-01-21&delivery_to=2024-01-21") == ["John Smith"]
    assert names("created_from=2999-01-01") == []
    assert names("updated_since=2024-01-01T00:00:00%2B01:00") == ["Amel", "John Smith"]
    assert names("ordering=customer_name") == ["Amel", "John Smith"]
    assert names("ordering=-order_number") == ["Amel", "John Smith"]


@pytest.mark.parametrize(
    "query",
    ["company=abc", "company=%00", "company=", "company=9223372036854775808", "status=lost", "status=pending,lost",
     "goods_type=%00", "available_for_trip=maybe", "pickup_date=2024-13-01", "pickup_from=0000-01-01",
     "delivery_to=10000-01-01", "created_from=24:00", "updated_since=%00", "search=%00", "ordering=id;drop",
     "cursor=x", "cursor=%00", "cursor=", "cursor=é", "cursor=W10", "cursor=W3RydWUsIngiLDFd",
     "cursor=WzEsIngiLDFd", "cursor=bnVsbA"],
)  # fmt: skip
def test_g06_bad_filters(api, dispatcher, query):
    answer = api(dispatcher).get(f"/api/orders/?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_data")


@pytest.mark.parametrize("path", ["abc", "-1", "9223372036854775808", "1" * 120, "%00", "é", "0"])
def test_g06_bad_path_ids(api, dispatcher, path):
    for method in ("get", "put", "delete"):
        assert getattr(api(dispatcher), method)(f"/api/orders/{path}/").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [("customer_name", ""), ("customer_name", "x" * 201), ("customer_name", "a\x00b"), ("customer_name", None),
     ("customer_name", True), ("customer_email", "x"), ("customer_phone", "1" * 21), ("customer_phone", "1;2"),
     ("goods_description", "x" * 5001), ("goods_description", []), ("goods_weight", "NaN"), ("goods_weight", True),
     ("goods_weight", -1), ("goods_weight", "1e400"), ("goods_volume", "Infinity"), ("goods_volume", "9" * 5000),
     ("goods_type", "liquid"), ("goods_type", None), ("status", "lost"), ("status", 1), ("status", ["pending"]),
     ("requested_pickup_date", "2024-02-30"), ("requested_pickup_date", "0000-01-01"),
     ("requested_delivery_date", "10000-01-01"), ("requested_delivery_date", 5), ("pickup_stop", True),
     ("pickup_stop", "abc"), ("pickup_stop", [1]), ("pickup_stop", 1.5), ("pickup_stop", -1), ("pickup_stop", 2**63),
     ("pickup_stop", "9" * 400), ("delivery_stop", "²"), ("pickup_stop.latitude", "90.0000001"),
     ("pickup_stop.latitude", "NaN"), ("pickup_stop.latitude", True), ("pickup_stop.longitude", -181),
     ("pickup_stop.name", ""), ("pickup_stop.address", "x" * 501), ("pickup_stop.stop_type", "depot"),
     ("delivery_stop.contact_phone", "<script>"), ("delivery_stop.notes", "x" * 2001), ("delivery_stop.notes", None)],
)  # fmt: skip
def test_g02_g03_wrong_values_change_nothing(api, dispatcher, produce, field, value):
    before = [*Order.objects.values(), *Stop.objects.values(), *OrderNumber.objects.values()]
    outer, _, inner = field.partition(".")
    sent = {outer: {**PRODUCE[outer], inner: value} if inner else value}
    for answer in (
        api(dispatcher).post("/api/orders/", {**PRODUCE, **sent}),
        api(dispatcher).put(f"/api/orders/{produce['id']}/", sent),
    ):
        assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])
    assert [*Order.objects.values(), *Stop.objects.values(), *OrderNumber.objects.values()] == before


def test_what_is_lenient(api, dispatcher):
    stop = {"id": 5, "name": "Dock", "address": "Oran", "latitude": 35.69712345678, "longitude": 0, "created": "x"}
    sent = {**SMALL, "pickup_stop": stop, "goods_weight": 12.345, "unknown": {"deep": []}, "order_number": "mine"}
    body = api(dispatcher).post("/api/orders/", sent).json()
    assert (body["pickup_stop"]["latitude"], body["pickup_stop"]["longitude"]) == ("35.697123", "0.000000")
    assert body["goods_weight"] == "12.35"
    assert body["order_number"].startswith("ORD-")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("'; DROP TABLE orders_order;--", "'; DROP TABLE orders_order;--"),
        ("\u202ertl \u202dltr", "rtl \u202dltr"),
        ("e" + "\u0301" * 90, "\u00e9" + "\u0301" * 89),
        ("=1+1", "=1+1"),
        ("\u200fعلي\u00a0", "علي"),
    ],
)
def test_g08_text_comes_back_in_nfc_without_invisible_ends(api, dispatcher, text, kept):
    client = api(dispatcher)
    stop = {"name": text, "address": text}
    sent = {"customer_name": text, "goods_description": text, "pickup_stop": stop, "delivery_stop": stop}
    body = client.post("/api/orders/", sent).json()
    assert [body["customer_name"], body["goods_description"], *[body["pickup_stop"][name] for name in stop]] == [kept] * 4
    assert len(client.get("/api/orders/", {"search": text}).json()["results"]) == 1


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [(b"{", "application/json", 400), (b"[]", "application/json", 400), (b'{"a": NaN}', "application/json", 400),
     (b'"\xff"', "application/json", 400), (b"[" * 100_000, "application/json", 400), (b"a=1", "text/plain", 415),
     (b"{}", "application/xml", 415), (b"\x1f\x8b\x08", "application/json", 400),
     ('{"customer_name":"a"}'.encode("utf-16"), "application/json", 400), (b"{" + b" " * 2_700_000 + b"}", "application/json", 413)],
)  # fmt: skip
def test_g04_g05_hostile_bodies(api, dispatcher, body, kind, code):
    answer = api(dispatcher).generic("POST", "/api/orders/", body, content_type=kind)
    assert answer.status_code == code
    assert set(answer.json()) >= {"error", "code", "request_id"}


def test_who_may(api, client_user, assistant_user, viewer, produce):
    assert api().get("/api/orders/").status_code == 401
    for user in (client_user, assistant_user):
        assert api(user).get("/api/orders/").status_code == 403
        assert api(user).post("/api/orders/", SMALL).status_code == 403
        assert api(user).post("/api/orders/generate-fake/").status_code == 403
    assert api(viewer).get(f"/api/orders/{produce['id']}/").status_code == 200
    for answer in (
        api(viewer).post("/api/orders/", SMALL),
        api(viewer).put(f"/api/orders/{produce['id']}/", {"status": "cancelled"}),
        api(viewer).delete(f"/api/orders/{produce['id']}/"),
        api(viewer).post("/api/orders/generate-fake/", {"count": 1}),
    ):
        assert answer.status_code == 403


def test_a_viewer_here_who_is_a_member_there(api, viewer, company_b, produce):
    Membership.objects.create(user=viewer, company=company_b)
    assert api(viewer).put(f"/api/orders/{produce['id']}/", {"status": "cancelled"}).status_code == 403
    assert api(viewer).post("/api/orders/", {**SMALL, "company": company_b.pk}).status_code == 201


def test_an_order_goes_to_the_company_named_or_the_current_one(api, staff_user, dispatcher, company_b):
    assert api(staff_user).post("/api/orders/", SMALL).json()["fields"] == {"company": ["This field is required."]}
    assert api(staff_user).post("/api/orders/", {**SMALL, "company": company_b.pk}).json()["company"] == company_b.pk
    assert api(dispatcher).post("/api/orders/", {**SMALL, "company": None}).status_code == 201


def test_wrong_verbs(api, dispatcher):
    for answer in (api(dispatcher).get("/api/orders/generate-fake/"), api(dispatcher).delete("/api/orders/")):
        assert answer.status_code == 405
        assert answer["Allow"]


def test_generate_fake(api, dispatcher, company_a):
    answer = api(dispatcher).post("/api/orders/generate-fake/", {"count": 12, "seed": 7})
    body = answer.json()
    assert (answer.status_code, body["count"], len(body["created_orders"])) == (201, 12, 12)
    assert body["message"]
    first = body["created_orders"][0]
    assert api(dispatcher).get(f"/api/orders/{first['id']}/").json() == first
    assert (first["status"], first["company"]) == ("pending", company_a.pk)
    assert first["pickup_stop"]["stop_type"] == "pickup"
    assert Order.history.count() == 12
    again = api(dispatcher).post("/api/orders/generate-fake/", {"count": 12, "seed": 7}).json()
    same = ("customer_name", "goods_description", "goods_weight")
    assert [[row[name] for name in same] for row in again["created_orders"]] == [
        [row[name] for name in same] for row in body["created_orders"]
    ]
    assert api(dispatcher).post("/api/orders/generate-fake").json()["count"] == 10


@pytest.mark.parametrize("count", [0, 1001, -1, True, "x", 1.5, None, "9" * 400])
def test_generate_fake_refuses_silly_counts(api, dispatcher, count):
    answer = api(dispatcher).post("/api/orders/generate-fake/", {"count": count})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["count"])
    assert Order.objects.count() == 0


def test_generate_fake_can_be_switched_off(api, dispatcher, settings):
    settings.ALLOW_FAKE_DATA = False
    answer = api(dispatcher).post("/api/orders/generate-fake/", {"count": 1})
    assert (answer.status_code, Order.objects.count()) == (403, 0)


@pytest.mark.parametrize("size", [1, 3])
def test_the_list_takes_three_queries(api, dispatcher, django_assert_num_queries, size):
    api(dispatcher).post("/api/orders/generate-fake/", {"count": size})
    client = api(dispatcher)
    with django_assert_num_queries(3):  # who signs in, their companies; the orders with both stops
        assert len(client.get("/api/orders/").json()["results"]) == size


STOPS = [
    {},
    {"pickup_stop": {"name": "A", "address": "Oran"}},
    {
        "pickup_stop": {"name": "A", "address": "Oran", "latitude": "36.71", "longitude": 3},
        "delivery_stop": {"name": "B", "address": "Sétif", "contact_phone": "0555 12", "notes": "ring"},
        "goods_weight": "12.5", "goods_volume": 1, "requested_pickup_date": "2026-01-20",
    },
]  # fmt: skip


@pytest.mark.parametrize("more", STOPS)
def test_taking_an_order_takes_nine_statements_and_answers_what_is_stored(
    api, dispatcher, django_assert_num_queries, more
):
    client = api(dispatcher)
    # who signs in, their companies; transaction; the role in the company, stops, number, order, its history; end
    with django_assert_num_queries(9 if more else 8):
        made = client.post("/api/orders/", {**SMALL, **more})
    assert made.status_code == 201
    assert made.json() == client.get(f"/api/orders/{made.json()['id']}/").json()


@pytest.mark.parametrize(
    "ordering", ["", "created_at", "-updated_at", "customer_name", "-customer_name", "order_number"]
)
def test_pages_hold_every_order_once(api, dispatcher, ordering):
    client = api(dispatcher)
    made = [client.post("/api/orders/", {**SMALL, "customer_name": "Same"}).json()["id"] for _ in range(7)]
    url, seen, backwards = f"/api/orders/?page_size=2&ordering={ordering}", [], None
    while url:
        page = client.get(url).json()
        seen += [row["id"] for row in page["results"]]
        backwards, url = page["previous"], page["next"]
    assert seen == (made if ordering in ("created_at", "customer_name", "order_number") else made[::-1])
    back = [row["id"] for row in page["results"]]
    while backwards:
        page = client.get(backwards).json()
        back = [row["id"] for row in page["results"]] + back
        backwards = page["previous"]
    assert back == seen


@pytest.mark.parametrize("size", [1, 3])
def test_inventing_takes_a_fixed_number_of_queries(api, dispatcher, django_assert_num_queries, size):
    client = api(dispatcher)
    # who signs in; roles; company; role in it; begin, stops, number, orders, history, end; the orders to show
    with django_assert_num_queries(10):
        client.post("/api/orders/generate-fake/", {"count": size})


def test_the_same_key_makes_one_order(api, dispatcher):
    client = api(dispatcher)
    answers = [client.post("/api/orders/", SMALL, headers={"Idempotency-Key": "k-1"}) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert Order.objects.count() == 1


def test_what_a_planner_is_told_goes_in_and_comes_out(api, dispatcher):
    client = api(dispatcher)
    body = {
        **PRODUCE,
        "priority": "70",
        "required_skills": ["Tail  lift", "tail lift", "crane"],
        "pickup_stop": {**PRODUCE["pickup_stop"], "windows": [{"opens": "14:00", "closes": "16:30"}, {"opens": "08:00", "closes": "10:00"}], "service_minutes": 12},
        "delivery_stop": {**PRODUCE["delivery_stop"], "windows": "8h-12h"},
    }
    made = client.post("/api/orders/", body)
    assert made.status_code == 201, made.content
    order = client.get(f"/api/orders/{made.json()['id']}/").json()
    assert (order["priority"], order["required_skills"]) == (70, ["crane", "tail_lift"])
    assert order["pickup_stop"]["windows"] == [{"opens": "08:00:00", "closes": "10:00:00"}, {"opens": "14:00:00", "closes": "16:30:00"}]
    assert (order["pickup_stop"]["service_minutes"], order["delivery_stop"]["service_minutes"]) == (12, None)
    assert order["delivery_stop"]["windows"] == [{"opens": "08:00:00", "closes": "12:00:00"}]
    cleared = client.put(f"/api/orders/{order['id']}/", {"required_skills": None, "delivery_stop": {"windows": []}})
    assert cleared.status_code == 200, cleared.content
    order = client.get(f"/api/orders/{order['id']}/").json()
    assert (order["required_skills"], order["delivery_stop"]["windows"]) == ([], [])


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("pickup_stop.windows", [{"opens": "10:00", "closes": "08:00"}]),
        ("pickup_stop.windows", [{"opens": "08:00"}]),
        ("pickup_stop.windows", "whenever"),
        ("pickup_stop.windows", 8),
        ("pickup_stop.windows", [{"opens": "08:00", "closes": "09:00"}] * 7),
        ("pickup_stop.service_minutes", 481),
        ("priority", 101),
        ("priority", None),
        ("required_skills", {"crane": True}),
        ("required_skills", [1]),
        ("required_skills", ["x" * 41]),
    ],
)
def test_wrong_planning_values_name_their_field(api, dispatcher, field, wrong):
    outer, _, inner = field.partition(".")
    value = {**PRODUCE["pickup_stop"], inner: wrong} if inner else wrong
    answer = api(dispatcher).post("/api/orders/", {**PRODUCE, outer: value})
    assert answer.status_code == 400, answer.content
    assert any(name.startswith(inner or outer) or field in name for name in answer.json()["fields"]), answer.json()
