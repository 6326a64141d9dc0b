"""Payments over REST: who pays what, what is refused, what is unpaid and who holds cash."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership, User
from assistance.models import Tariff
from depannini_dashmap.models import AuditEvent
from orders.models import Order
from payments.models import Payment

pytestmark = pytest.mark.django_db


def pay(client: Any, **body: Any) -> Any:
    return client.post("/api/payments/", {"method": "cash", **body})


def test_an_order_is_paid_in_parts_with_receipts_in_a_row(api: Any, dispatcher: Any, colleague: Any, order_of: Any) -> None:
    order, fleet = order_of(dispatcher), api(dispatcher)
    first = pay(fleet, order=order.pk, amount="500", taken_by=colleague.pk, note="at the gate")
    assert first.status_code == 201
    document = first.json()
    year = document["created_at"][:4]
    assert document == {
        "id": document["id"], "receipt_number": f"R-{year}-0001", "company": order.company_id, "order": order.pk, "assistance": None,
        "amount": "500.00", "currency": "DZD", "method": "cash", "taken_by": {"id": colleague.pk, "name": "Samir"},
        "recorded_by": {"id": dispatcher.pk, "name": "Nadia"}, "note": "at the gate", "reverses": None, "reversed_by": None,
        "created_at": document["created_at"],
    }  # fmt: skip
    balance = fleet.get(f"/api/payments/balance/?order={order.pk}").json()
    assert balance == {
        "price": "1500.00", "vat_rate": "0.00", "vat": "0.00", "paid": "500.00", "on_account": "0.00", "due": "1000.00",
        "credit": "0.00", "currency": "DZD",
    }  # fmt: skip
    assert fleet.get(f"/api/orders/{order.pk}/").json()["paid"] == "500.00"
    too_much = pay(fleet, order=order.pk, amount="1000.01")
    assert (too_much.status_code, too_much.json()["code"], too_much.json()["due"]) == (409, "overpaid", "1000.00")
    rest = pay(fleet, order=order.pk, method="card")
    assert (rest.json()["amount"], rest.json()["receipt_number"]) == ("1000.00", f"R-{year}-0002")
    again = pay(fleet, order=order.pk)
    assert (again.status_code, again.json()["code"]) == (409, "already_paid")
    assert AuditEvent.objects.filter(event="payment_recorded", actor_id=dispatcher.pk).count() == 2


def test_a_payment_is_taken_back_by_a_further_row_once(api: Any, dispatcher: Any, order_of: Any) -> None:
    order, fleet = order_of(dispatcher), api(dispatcher)
    paid = pay(fleet, order=order.pk).json()
    assert fleet.post(f"/api/payments/{paid['id']}/reverse/", {"reason": " "}).status_code == 400
    back = fleet.post(f"/api/payments/{paid['id']}/reverse/", {"reason": "wrong order"}).json()
    assert (back["amount"], back["reverses"], back["receipt_number"][-4:]) == ("-1500.00", paid["id"], "0002")
    assert fleet.get(f"/api/payments/{paid['id']}/").json()["reversed_by"] == back["id"]
    for number, code in ((paid["id"], "already_reversed"), (back["id"], "is_reversal")):
        assert fleet.post(f"/api/payments/{number}/reverse/", {"reason": "x"}).json()["code"] == code
    assert fleet.get(f"/api/payments/balance/?order={order.pk}").json()["due"] == "1500.00"
    assert [row["id"] for row in fleet.get("/api/payments/").json()["results"]] == [back["id"], paid["id"]]
    for method in ("put", "patch", "delete"):
        assert getattr(fleet, method)(f"/api/payments/{paid['id']}/", {"amount": 1}).status_code == 405


@pytest.mark.parametrize(
    "body",
    [
        {}, {"order": None, "assistance": None}, {"amount": "0"}, {"amount": "-5"}, {"amount": "1,5"}, {"amount": "٥"}, {"amount": "0.004"},
        {"amount": True}, {"amount": "NaN"}, {"amount": 10**12}, {"method": "cheque"}, {"method": None}, {"taken_by": 10**9}, {"taken_by": True},
        {"note": "x" * 201}, {"note": "card 4111 1111 1111 1111"}, {"note": "٤١١١١١١١١١١١١١١١"}, {"note": "5500-0000-0000-0004 exp 12/29"},
    ],
    ids=str,
)  # fmt: skip
def test_odd_bodies_are_refused_and_nothing_is_numbered(api: Any, dispatcher: Any, order_of: Any, body: dict) -> None:
    order, fleet = order_of(dispatcher), api(dispatcher)
    sent = {"method": "cash", **({"order": order.pk} if body and "order" not in body else {}), **body}
    assert fleet.post("/api/payments/", sent).status_code == 400
    assert pay(fleet, order=order.pk, note="Facture 2026/0012345, tel 0555 12 34 56").json()["receipt_number"][-4:] == "0001"


def test_what_has_no_price_or_was_canceled_is_not_paid(api: Any, dispatcher: Any, staff_user: Any, order_of: Any, job_of: Any) -> None:
    fleet, staff = api(dispatcher), api(staff_user)
    assert pay(fleet, order=order_of(dispatcher, price=None).pk).json()["code"] == "no_price"
    assert pay(fleet, order=order_of(dispatcher, status="cancelled").pk).json()["code"] == "payment_canceled"
    assert pay(fleet, order=order_of(dispatcher, price="0").pk).json()["code"] == "already_paid"
    assert pay(staff, assistance=job_of(status="canceled").pk).json()["code"] == "payment_canceled"
    job = job_of("0.00")
    job.price_is_final = False
    job.save()
    assert pay(staff, assistance=job.pk).json()["code"] == "no_price"


def test_what_was_paid_before_a_cancellation_can_be_given_back(api: Any, staff_user: Any, job_of: Any) -> None:
    job, staff = job_of(status="accepted"), api(staff_user)
    paid = pay(staff, assistance=job.pk).json()
    assert staff.patch(f"/api/assistance/update/{job.pk}/", {"status": "canceled"}).status_code == 200
    balance = staff.get(f"/api/payments/balance/?assistance={job.pk}").json()
    assert (balance["due"], balance["credit"]) == ("0.00", "3000.00")
    assert staff.post(f"/api/payments/{paid['id']}/reverse/", {"reason": "canceled"}).status_code == 201
    assert staff.get(f"/api/payments/balance/?assistance={job.pk}").json()["credit"] == "0.00"


def test_on_account_is_a_promise_until_the_money_comes(api: Any, staff_user: Any, job_of: Any) -> None:
    job, staff = job_of(billed_to="Garage Sahel"), api(staff_user)
    assert pay(staff, assistance=job.pk, method="account").status_code == 201
    balance = staff.get(f"/api/payments/balance/?assistance={job.pk}").json()
    assert (balance["paid"], balance["due"], balance["on_account"]) == ("0.00", "3000.00", "3000.00")
    assert pay(staff, assistance=job.pk, method="account").json()["code"] == "already_paid"
    [debt] = staff.get("/api/payments/unpaid/").json()["results"]
    assert (debt["customer"], debt["billed_to"], debt["due"], debt["count"]) == ("Garage Sahel", "Garage Sahel", "3000.00", 1)
    assert pay(staff, assistance=job.pk, method="transfer").status_code == 201
    balance = staff.get(f"/api/payments/balance/?assistance={job.pk}").json()
    assert (balance["due"], balance["on_account"]) == ("0.00", "0.00")
    assert staff.get("/api/payments/unpaid/").json()["results"] == []


def test_cash_stays_with_the_assistant_until_it_is_handed_in(
    api: Any, staff_user: Any, assistant_user: Any, roadside_dispatcher: Any, job_of: Any
) -> None:
    staff = api(staff_user)
    paid = pay(staff, assistance=job_of().pk, taken_by=assistant_user.pk).json()
    pay(staff, assistance=job_of("200").pk, taken_by=assistant_user.pk, method="card")
    pay(staff, assistance=job_of("100").pk)  # at the office: in nobody's hand
    [row] = staff.get("/api/payments/cash/").json()["results"]
    assert row == {
        "assistant": {"id": assistant_user.pk, "name": "Karim Assistant"}, "taken": "3000.00", "handed_in": "0.00",
        "in_hand": "3000.00", "currency": "DZD",
    }  # fmt: skip
    samira = api(roadside_dispatcher)
    too_much = samira.post("/api/payments/cash/", {"assistant": assistant_user.pk, "amount": 3000.01})
    assert (too_much.status_code, too_much.json()["code"], too_much.json()["in_hand"]) == (409, "more_than_in_hand", "3000.00")
    part = samira.post("/api/payments/cash/", {"assistant": assistant_user.pk, "amount": "1000"}).json()
    rest = samira.post("/api/payments/cash/", {"assistant": assistant_user.pk}).json()
    assert (part["amount"], rest["amount"], rest["received_by"]["id"]) == ("1000.00", "2000.00", roadside_dispatcher.pk)
    assert samira.post("/api/payments/cash/", {"assistant": assistant_user.pk}).status_code == 400  # nothing left
    assert samira.post(f"/api/payments/cash/{rest['id']}/reverse/", {"reason": "miscounted"}).json()["amount"] == "-2000.00"
    assert samira.post(f"/api/payments/cash/{rest['id']}/reverse/", {"reason": "miscounted"}).json()["code"] == "already_reversed"
    assert samira.get("/api/payments/cash/").json()["results"][0]["in_hand"] == "2000.00"
    # Taken back after it was handed in: the office owes them.
    assert staff.post(f"/api/payments/{paid['id']}/reverse/", {"reason": "refund"}).status_code == 201
    assert samira.get("/api/payments/cash/").json()["results"][0]["in_hand"] == "-1000.00"


def test_companies_and_sides_do_not_see_each_other(
    api: Any, dispatcher: Any, dispatcher_b: Any, viewer: Any, colleague: Any, roadside_dispatcher: Any,
    client_user: Any, assistant_user: Any, order_of: Any, job_of: Any,
) -> None:  # fmt: skip
    order, job = order_of(dispatcher), job_of()
    paid, of_job = pay(api(dispatcher), order=order.pk).json(), pay(api(roadside_dispatcher), assistance=job.pk).json()
    assert (paid["receipt_number"], of_job["receipt_number"]) == (of_job["receipt_number"],) * 2  # two series
    assert [row["id"] for row in api(roadside_dispatcher).get("/api/payments/").json()["results"]] == [of_job["id"], paid["id"]]
    assert [row["id"] for row in api(colleague).get("/api/payments/").json()["results"]] == [paid["id"]]
    stranger = api(dispatcher_b)
    assert stranger.get("/api/payments/").json()["results"] == []
    for path in (f"payments/{paid['id']}/", f"payments/{of_job['id']}/", f"payments/balance/?order={order.pk}", f"payments/balance/?assistance={job.pk}"):
        assert stranger.get(f"/api/{path}").status_code == 404
    assert stranger.post(f"/api/payments/{paid['id']}/reverse/", {"reason": "x"}).status_code == 404
    assert pay(stranger, order=order.pk).status_code == pay(stranger, assistance=job.pk).status_code == 400
    foreign, unknown = pay(stranger, order=order.pk).json(), pay(stranger, order=10**9).json()
    assert foreign["fields"] == unknown["fields"] == {"order": ["Unknown id."]}
    assert pay(stranger, order=order_of(dispatcher_b).pk, taken_by=dispatcher.pk).status_code == 400
    assert pay(stranger, order=order_of(dispatcher_b).pk).json()["receipt_number"][-4:] == "0001"
    assert pay(api(viewer), order=order.pk).status_code == 403
    assert api(viewer).get(f"/api/payments/{paid['id']}/").status_code == 200
    assert api(colleague).get("/api/payments/cash/").status_code == 403
    for person in (client_user, assistant_user):
        assert {pay(api(person), assistance=job.pk).status_code, api(person).get("/api/payments/").status_code} == {403}


def test_a_closed_account_pays_and_is_paid_for_as_before(api: Any, staff_user: Any, client_user: Any, assistant_user: Any, job_of: Any) -> None:
    first, second = job_of(), job_of("500")
    staff = api(staff_user)
    cash = pay(staff, assistance=first.pk, taken_by=assistant_user.pk).json()
    for person in (client_user, assistant_user):
        assert api(person).delete("/api/profile/user/").status_code == 204
    # Who is gone takes no more money, but what they held and owed stays, under a number.
    assert pay(staff, assistance=second.pk, taken_by=assistant_user.pk).status_code == 400
    [debt] = staff.get("/api/payments/unpaid/").json()["results"]
    assert (debt["customer"], debt["due"]) == (f"#{client_user.pk}", "500.00")
    assert pay(staff, assistance=second.pk).status_code == 201
    assert staff.post("/api/payments/cash/", {"assistant": assistant_user.pk, "amount": 1000}).status_code == 201
    assert staff.post(f"/api/payments/{cash['id']}/reverse/", {"reason": "refund"}).status_code == 201


def test_the_same_key_pays_once(api: Any, dispatcher: Any, order_of: Any) -> None:
    order, fleet = order_of(dispatcher), api(dispatcher)
    body, key = {"order": order.pk, "amount": "100", "method": "cash"}, {"Idempotency-Key": "till-1"}
    first, again = (fleet.post("/api/payments/", body, headers=key) for _ in range(2))
    assert again.headers["Idempotent-Replayed"] == "true" and first.json() == again.json()
    assert Payment.objects.count() == 1


def test_vat_is_in_the_price_that_the_tariff_makes(api: Any, client_user: Any, staff_user: Any) -> None:
    Tariff.objects.filter(assistance_type="towing", vehicle_class="light").update(vat_rate=Decimal("19"))
    asked = api(client_user).post("/api/assistance/request/", {"pickup": {"lat": 36.75, "lng": 3.04}, "assistance_type": "towing"}).json()
    assert asked["assistance"]["total_price"] == 1500
    balance = api(staff_user).get(f"/api/payments/balance/?assistance={asked['assistance']['id']}").json()
    assert (balance["price"], balance["vat_rate"], balance["vat"]) == ("1500.00", "19.00", "239.50")
    Tariff.objects.update(vat_rate=0)  # what was asked before keeps its rate
    assert api(staff_user).get(f"/api/payments/balance/?assistance={asked['assistance']['id']}").json()["vat"] == "239.50"


def test_an_adjusted_price_below_what_was_paid_is_a_credit(api: Any, staff_user: Any, job_of: Any) -> None:
    job, staff = job_of(), api(staff_user)
    pay(staff, assistance=job.pk)
    assert staff.patch(f"/api/assistance/update/price/{job.pk}/", {"price": 2500, "reason": "agreed"}).status_code == 200
    balance = staff.get(f"/api/payments/balance/?assistance={job.pk}").json()
    assert (balance["due"], balance["credit"]) == ("0.00", "500.00")


def test_lists_ask_the_same_queries_whatever_the_rows(api: Any, staff_user: Any, dispatcher: Any, order_of: Any, job_of: Any, assistant_user: Any) -> None:
    staff = api(staff_user)

    def counts() -> list[int]:
        from django.db import connection

        asked = []
        for path in ("", "unpaid/", "cash/"):
            with CaptureQueriesContext(connection) as queries:
                assert staff.get(f"/api/payments/{path}").status_code == 200
            asked.append(len(queries))
        return asked

    def add(number: int) -> None:
        for index in range(number):
            order_of(dispatcher, customer_name=f"Customer {index}")
            pay(staff, order=order_of(dispatcher).pk)
            job_of(client=User.objects.create(username=f"c{User.objects.count()}"))
            job_of(billed_to=f"Garage {index}")
            pay(staff, assistance=job_of().pk, taken_by=assistant_user.pk)

    add(1)
    one = counts()
    add(3)
    # The sign-in and: the page; orders, billed, clients, names; what was counted, taken and handed in since, names.
    assert counts() == one == [2, 5, 5]


def test_an_order_with_a_payment_is_not_deleted(api: Any, dispatcher: Any, order_of: Any) -> None:
    order, fleet = order_of(dispatcher), api(dispatcher)
    pay(fleet, order=order.pk)
    refused = fleet.delete(f"/api/orders/{order.pk}/")
    assert (refused.status_code, refused.json()["error"]) == (409, "A trip or a payment still shows this order")


def test_jobs_from_before_payments_were_recorded_are_not_unpaid_until_something_is_paid(api: Any, staff_user: Any, job_of: Any) -> None:
    old, staff = job_of(paid=None), api(staff_user)
    assert staff.get("/api/payments/unpaid/").json()["results"] == []
    assert staff.get(f"/api/payments/balance/?assistance={old.pk}").json()["due"] == "3000.00"
    assert pay(staff, assistance=old.pk, amount="1000").status_code == 201
    [debt] = staff.get("/api/payments/unpaid/").json()["results"]
    assert debt["due"] == "2000.00"


def test_unpaid_begins_on_a_day(api: Any, dispatcher: Any, staff_user: Any, order_of: Any, job_of: Any) -> None:
    order = order_of(dispatcher)
    Order.objects.filter(pk=order.pk).update(created_at=datetime(2026, 10, 31, 12, tzinfo=UTC))
    job_of("700", ended_at=datetime(2026, 10, 31, 23, 30, tzinfo=UTC))  # November in Algiers
    staff = api(staff_user)

    def due(query: str = "") -> list[str]:
        return [debt["due"] for debt in staff.get(f"/api/payments/unpaid/{query}").json()["results"]]

    assert due() == ["1500.00", "700.00"]
    assert due("?since=2026-11-01") == ["700.00"]
    assert due("?since=2026-11-02") == []
    assert staff.get("/api/payments/unpaid/?since=yesterday").status_code == 400


def test_debts_of_two_companies_to_one_name_stay_apart(api: Any, dispatcher: Any, dispatcher_b: Any, staff_user: Any, order_of: Any) -> None:
    ours, theirs = order_of(dispatcher), order_of(dispatcher_b, price="400")
    debts = api(staff_user).get("/api/payments/unpaid/").json()["results"]
    assert [(debt["company"], debt["customer"], debt["due"]) for debt in debts] == [
        (ours.company_id, "Leila Hamdi", "1500.00"), (theirs.company_id, "Leila Hamdi", "400.00"),
    ]  # fmt: skip


def test_who_only_looks_at_a_company_takes_none_of_its_receipts_back(api: Any, dispatcher: Any, viewer: Any, dispatcher_b: Any, order_of: Any) -> None:
    order = order_of(dispatcher)
    paid = pay(api(dispatcher), order=order.pk).json()
    Membership.objects.create(user=viewer, company_id=dispatcher_b.current_company_id, role="member")
    Order.objects.filter(pk=order.pk).update(company_id=dispatcher_b.current_company_id)
    assert api(viewer).post(f"/api/payments/{paid['id']}/reverse/", {"reason": "x"}).status_code == 403
    assert Payment.objects.count() == 1
