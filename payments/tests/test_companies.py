"""Receipts stay with their company: an order for which something was paid does not go to another one."""

from typing import Any
from uuid import uuid4

import pytest

from accounts.models import Membership
from fleet.models import Vehicle
from fleet.services import create_vehicle
from orders.models import Order
from orders.stops import StopInput
from payments.models import Payment
from payments.services import record_payment, reverse_payment
from payments.tests.test_pages import browser_of

pytestmark = pytest.mark.django_db


def _vehicle_of(actor: Any, company: Any) -> Vehicle:
    return create_vehicle(actor=actor, company=company, license_plate="16-1", make="Renault", model="Master", year=2020, capacity=3)


def _carriable(actor: Any, order_of: Any) -> Order:
    ends = [StopInput(fields={"name": name, "address": "Alger", "latitude": lat, "longitude": "3"}) for name, lat in (("Port", "36"), ("Poste", "37"))]
    return order_of(actor, status="pending", pickup_stop=ends[0], delivery_stop=ends[1])


@pytest.mark.parametrize("is_taken_back", [False, True])
def test_an_order_with_payments_keeps_its_company(is_taken_back: bool, api: Any, dispatcher: Any, company_b: Any, order_of: Any) -> None:
    Membership.objects.create(user=dispatcher, company=company_b, role="member")
    paid, unpaid = _carriable(dispatcher, order_of), _carriable(dispatcher, order_of)
    payment = record_payment(actor=dispatcher, order_id=paid.pk, method="cash")
    if is_taken_back:
        reverse_payment(actor=dispatcher, payment_id=payment.pk, reason="by mistake")
    asked = {"vehicle": _vehicle_of(dispatcher, company_b).pk, "name": "Tour", "planned_start_date": "2026-12-01", "planned_start_time": "08:00"}
    path = f"/api/trips/{api(dispatcher).post('/api/trips/', asked).json()['id']}/add-order/"
    answer = api(dispatcher).post(path, {"order": paid.pk})
    assert (answer.status_code, answer.json()["code"]) == (409, "order_has_payments")
    assert paid.order_number in answer.json()["error"]
    assert api(dispatcher).post(path, {"order": unpaid.pk}).status_code in (200, 201)
    paid.refresh_from_db()
    unpaid.refresh_from_db()
    assert (paid.company_id, paid.is_in_trip, unpaid.company_id) == (payment.company_id, False, company_b.pk)


def test_payments_of_another_company_are_on_no_page(api: Any, dispatcher: Any, dispatcher_b: Any, order_of: Any) -> None:
    order = order_of(dispatcher)
    paid = record_payment(actor=dispatcher, order_id=order.pk, method="cash", note="counted twice", amount=order.price / 2)
    Order.objects.filter(pk=order.pk).update(company_id=dispatcher_b.current_company_id)  # by no service
    bilal, receipt = browser_of(dispatcher_b), f"/admin/dispatch/payments/{paid.pk}/"
    page = bilal.get(f"/admin/dispatch/orders/{order.pk}/payments/").content.decode()
    assert "counted twice" not in page and receipt not in page
    assert bilal.get(receipt).status_code == bilal.post(f"{receipt}reverse/", {"note": "x"}).status_code == 404
    assert api(dispatcher_b).get(f"/api/payments/?order={order.pk}").json()["results"] == []
    nadia = browser_of(dispatcher)
    sent = {"form_key": str(uuid4()), "amount": "1", "method": "cash", "taken_by": dispatcher.pk}
    assert nadia.post(f"/admin/dispatch/orders/{order.pk}/payments/", sent).status_code == 404
    assert nadia.post(f"{receipt}reverse/", {"note": "x"}).status_code == 403
    assert Payment.objects.count() == 1
