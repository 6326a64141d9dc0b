"""Who sees and changes which orders."""

import pytest

from accounts.models import Membership
from orders.models import Order, OrderNumber, Stop
from orders.tests.order_bodies import SMALL

pytestmark = pytest.mark.django_db


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
