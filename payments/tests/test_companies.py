"""Receipts stay with their company, also when an order that was paid for goes to another one."""

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


def test_a_paid_order_moves_with_its_trip_and_its_receipts_stay(
    api: Any, dispatcher: Any, dispatcher_b: Any, company_b: Any, order_of: Any
) -> None:
    Membership.objects.create(user=dispatcher, company=company_b, role="member")
    order = _carriable(dispatcher, order_of)
    paid = record_payment(actor=dispatcher, order_id=order.pk, method="cash", amount=order.price / 2, note="half of it")
    asked = {"vehicle": _vehicle_of(dispatcher, company_b).pk, "name": "Tour", "planned_start_date": "2026-12-01", "planned_start_time": "08:00"}
    path = f"/api/trips/{api(dispatcher).post('/api/trips/', asked).json()['id']}/add-order/"
    assert api(dispatcher).post(path, {"order": order.pk}).status_code == 201
    order.refresh_from_db()
    paid.refresh_from_db()
    assert (order.company_id, order.is_in_trip, order.paid) == (company_b.pk, True, paid.amount)
    assert paid.company_id != company_b.pk
    # The other company's people see that half is paid, and no receipt that is not theirs.
    assert api(dispatcher_b).get(f"/api/payments/?order={order.pk}").json()["results"] == []
    assert api(dispatcher_b).get(f"/api/payments/balance/?order={order.pk}").json()["due"] == str(order.price / 2)
    rest = record_payment(actor=dispatcher_b, order_id=order.pk, method="cash")
    assert (rest.company_id, rest.number) == (company_b.pk, 1)
    # Taken back, the first one is numbered where it was.
    back = reverse_payment(actor=dispatcher, payment_id=paid.pk, reason="by mistake")
    assert (back.company_id, back.number) == (paid.company_id, paid.number + 1)


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
