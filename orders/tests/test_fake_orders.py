"""Invented orders."""

import pytest

from orders.models import Order

pytestmark = pytest.mark.django_db


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
def test_inventing_takes_a_fixed_number_of_queries(api, dispatcher, django_assert_num_queries, size):
    client = api(dispatcher)
    # who signs in; roles; company; role in it; begin, stops, number, orders, history, end; the orders to show
    with django_assert_num_queries(10):
        client.post("/api/orders/generate-fake/", {"count": size})
