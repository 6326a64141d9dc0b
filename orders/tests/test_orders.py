"""Orders over REST: the object, its statuses and numbers, deletion, planning values."""

from datetime import UTC, datetime

import pytest
import time_machine

from orders.models import Order, OrderNumber, Stop
from orders.steps.trip_assignment import claim_for_trip, set_status_from_trip
from orders.tests.order_bodies import PRODUCE, RUNGIS, SMALL, VINCENNES

pytestmark = pytest.mark.django_db


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


def test_the_same_key_makes_one_order(api, dispatcher):
    client = api(dispatcher)
    answers = [client.post("/api/orders/", SMALL, headers={"Idempotency-Key": "k-1"}) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert Order.objects.count() == 1


def test_planning_values_are_stored_and_returned(api, dispatcher):
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
