"""Lists of orders: pages, filters and their cost."""

import pytest

from orders.steps.trip_assignment import claim_for_trip
from orders.tests.order_bodies import SMALL

pytestmark = pytest.mark.django_db


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


@pytest.mark.parametrize("size", [1, 3])
def test_the_list_takes_three_queries(api, dispatcher, django_assert_num_queries, size):
    api(dispatcher).post("/api/orders/generate-fake/", {"count": size})
    client = api(dispatcher)
    with django_assert_num_queries(3):  # who signs in, their companies; the orders with both stops
        assert len(client.get("/api/orders/").json()["results"]) == size


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
