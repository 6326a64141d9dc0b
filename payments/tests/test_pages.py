"""The console's pages about money: paying, receipts, what is unpaid, cash handed over; who may, and what a page costs."""

import re
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import User
from depannini_dashmap.console.amounts import read_amount
from payments import receivables
from payments.models import CashHandIn, Payment
from payments.services import record_payment

pytestmark = pytest.mark.django_db


def browser_of(user: Any) -> Client:
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def key_in(page: str) -> str:
    return re.search(r'name="form_key" value="([0-9a-f-]{36})"', page).group(1)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("1500", "1500"), ("1500,5", "1500.5"), ("1 500,50", "1500.50"), ("1\u202f500,50", "1500.50"), ("1.500,50", "1500.50"), ("1,500.50", "1500.50"),
        ("٣٠٠٠", "3000"), ("١٥٠٠٫٥", "1500.5"), ("1٬500٫50", "1500.50"), ("12,345,678.90", "12345678.90"), ("0,5", "0.5"),
    ],
)  # fmt: skip
def test_amounts_are_read_as_people_write_them(typed: str, read: str) -> None:
    assert str(read_amount(typed)) == read


@pytest.mark.parametrize("typed", ["", "3.000", "3,000", "1,500,000", "1.500.50", "12 DA", "0x1", "NaN", "1e999999", "--5"])
def test_an_amount_that_means_two_things_or_none_is_no_number(typed: str) -> None:
    assert not read_amount(typed).is_finite()


def test_an_order_is_paid_from_its_page(dispatcher: Any, colleague: Any, order_of: Any) -> None:
    order, nadia = order_of(dispatcher), browser_of(dispatcher)
    path = f"/admin/dispatch/orders/{order.pk}/payments/"
    assert path in nadia.get(f"/admin/orders/order/{order.pk}/change/").content.decode()
    page = nadia.get(path).content.decode()
    assert 'value="1500.00"' in page
    sent = {"form_key": key_in(page), "amount": "500,50", "method": "card", "taken_by": colleague.pk, "note": "half"}
    answer = nadia.post(path, sent)
    [made] = Payment.objects.all()
    assert answer.headers["Location"] == f"/admin/dispatch/payments/{made.pk}/"
    assert (str(made.amount), made.method, made.taken_by_id, made.recorded_by_id, made.note) == ("500.50", "card", colleague.pk, dispatcher.pk, "half")
    assert nadia.post(path, sent).headers["Location"] == answer.headers["Location"]  # a double press
    assert Payment.objects.count() == 1
    receipt = nadia.get(answer.headers["Location"]).content.decode()
    assert made.receipt_number in receipt and "500.50 DZD" in receipt and "Samir" in receipt
    page = nadia.get(path).content.decode()
    assert 'value="999.50"' in page and key_in(page) != sent["form_key"]


def test_the_form_of_before_with_another_amount_is_asked_about(dispatcher: Any, order_of: Any) -> None:
    order, nadia = order_of(dispatcher), browser_of(dispatcher)
    path = f"/admin/dispatch/orders/{order.pk}/payments/"
    sent = {"form_key": str(uuid4()), "amount": "100", "method": "cash", "taken_by": dispatcher.pk}
    nadia.post(path, sent)
    page = nadia.post(path, {**sent, "amount": "200"}).content.decode()
    assert "This page was sent already" in page and 'value="200"' in page
    assert nadia.post(path, {**sent, "amount": "200", "form_key": key_in(page)}).status_code == 302
    assert [str(row.amount) for row in order.payments.order_by("id")] == ["100.00", "200.00"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"amount": "1600"}, "Only 1,500.00 DZD are due"), ({"amount": "1,600"}, "Write an amount above zero"), ({"amount": "-5"}, "Write an amount above zero"),
        ({"amount": ""}, "This field is required"), ({"method": "cheque"}, "Select a valid choice"), ({"taken_by": "999999"}, "Select a valid choice"),
        ({"note": "kept 4111 1111 1111 1111"}, "card"), ({"form_key": "x"}, "valid UUID"),
    ],
)  # fmt: skip
def test_what_was_typed_stays_where_it_is_refused(dispatcher: Any, order_of: Any, change: dict[str, str], told: str) -> None:
    order, nadia = order_of(dispatcher), browser_of(dispatcher)
    path = f"/admin/dispatch/orders/{order.pk}/payments/"
    sent = {"form_key": str(uuid4()), "amount": "12,34", "method": "transfer", "taken_by": str(dispatcher.pk), "note": "kept", **change}
    page = nadia.post(path, sent).content.decode()
    assert told in page
    assert (f'value="{sent["amount"]}"' in page) == bool(sent["amount"]) and f'value="{sent["note"]}"' in page
    assert not Payment.objects.exists()


def test_a_job_is_paid_by_those_of_the_roadside_and_taken_back_with_a_reason(
    staff_user: Any, assistant_user: Any, dispatcher: Any, job_of: Any
) -> None:
    job, salim = job_of(billed_to="Garage Sahel"), browser_of(staff_user)
    path = f"/admin/dispatch/requests/{job.pk}/payments/"
    assert path in salim.get(f"/admin/dispatch/requests/{job.pk}/").content.decode()
    page = salim.get(path).content.decode()
    assert f'<option value="{assistant_user.pk}" selected>' in page
    answer = salim.post(path, {"form_key": key_in(page), "amount": "3000", "method": "cash", "taken_by": assistant_user.pk, "note": ""})
    [made] = Payment.objects.all()
    assert made.taken_by_id == assistant_user.pk
    back = f"{answer.headers['Location']}reverse/"
    assert "Give a reason" in salim.post(back, {"note": " "}).content.decode()
    told = salim.post(back, {"note": "wrong job"})
    assert told.status_code == 302
    assert "already" in salim.post(back, {"note": "wrong job"}).content.decode()
    assert Payment.objects.count() == 2
    assert "Was taken back by" in salim.get(answer.headers["Location"]).content.decode()
    nadia = browser_of(dispatcher)
    assert nadia.get(path).status_code == nadia.post(path, {}).status_code == 403
    assert nadia.get(answer.headers["Location"]).status_code == 404


def test_a_viewer_looks_and_a_stranger_sees_nothing(dispatcher: Any, viewer: Any, dispatcher_b: Any, order_of: Any) -> None:
    order = order_of(dispatcher)
    paid = record_payment(actor=dispatcher, order_id=order.pk, method="cash", amount=None)
    path, receipt = f"/admin/dispatch/orders/{order.pk}/payments/", f"/admin/dispatch/payments/{paid.pk}/"
    rym, bilal = browser_of(viewer), browser_of(dispatcher_b)
    for page in (path, receipt):
        assert rym.get(page).status_code == 200
        assert bilal.get(page).status_code == 404
    assert "reverse/" not in rym.get(receipt).content.decode()
    sent = {"form_key": str(uuid4()), "amount": "1", "method": "cash", "taken_by": viewer.pk}
    assert rym.post(path, sent).status_code == rym.post(f"{receipt}reverse/", {"note": "x"}).status_code == 403
    assert bilal.post(path, sent).status_code == bilal.post(f"{receipt}reverse/", {"note": "x"}).status_code == 404
    assert bilal.get(f"/admin/dispatch/unpaid/of/?company={order.company_id}&name=Leila+Hamdi").content.decode().count(order.order_number) == 0
    for page in ("cash/", "cash/1/reverse/"):
        assert rym.get(f"/admin/dispatch/{page}").status_code == 403
    assert Payment.objects.count() == 1


def test_unpaid_leads_to_what_is_to_be_paid(staff_user: Any, dispatcher: Any, client_user: Any, order_of: Any, job_of: Any) -> None:
    order, billed, own = order_of(dispatcher, customer_company="Saidal & Co"), job_of(billed_to="Garage Sahel"), job_of("700")
    salim = browser_of(staff_user)
    page = salim.get("/admin/dispatch/unpaid/").content.decode()
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="(/admin/dispatch/unpaid/of/[^"]+)"', page)]
    shown = [salim.get(link).content.decode() for link in links]
    assert len(links) == 3 and "5,200.00" in page
    assert f"/admin/dispatch/requests/{billed.pk}/payments/" in shown[0]
    assert f"/admin/dispatch/orders/{order.pk}/payments/" in shown[1]
    assert f"/admin/dispatch/requests/{own.pk}/payments/" in shown[2]
    assert "Garage Sahel" not in browser_of(dispatcher).get("/admin/dispatch/unpaid/").content.decode()
    assert "Nothing is unpaid" in salim.get("/admin/dispatch/unpaid/?since=2999-01-01").content.decode()
    for odd in ("since=2026-02-31", "since=x", "client=x&billed_to=%20", "company=-1"):
        assert salim.get(f"/admin/dispatch/unpaid/of/?{odd}").status_code == 200
        assert salim.get(f"/admin/dispatch/unpaid/?{odd}").status_code == 200


def test_the_total_of_a_list_that_is_cut_counts_what_is_not_shown(
    staff_user: Any, dispatcher: Any, order_of: Any, job_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        order_of(dispatcher, customer_name=f"Customer {number}")
        job_of("700", billed_to=f"Garage {number}")
    monkeypatch.setattr(receivables, "MOST_GROUPS", 2)
    assert "6,600.00" in browser_of(staff_user).get("/admin/dispatch/unpaid/").content.decode()
    assert "4,500.00" in browser_of(dispatcher).get("/admin/dispatch/unpaid/").content.decode()


def test_an_assistant_hands_cash_over(staff_user: Any, assistant_user: Any, job_of: Any) -> None:
    salim, path = browser_of(staff_user), "/admin/dispatch/cash/"
    record_payment(actor=staff_user, assistance_id=job_of().pk, method="cash", taken_by=assistant_user.pk)
    page = salim.get(path).content.decode()
    assert 'value="3000.00"' in page
    sent = {"form_key": key_in(page), "assistant": assistant_user.pk, "amount": "3500,00"}
    page = salim.post(path, sent).content.decode()
    assert "They hold 3,000.00 DZD" in page and 'value="3500,00"' in page
    assert salim.post(path, {**sent, "amount": "1000"}).status_code == 302
    assert salim.post(path, {**sent, "amount": "1000"}).status_code == 302  # a double press
    [row] = CashHandIn.objects.all()
    page = salim.get(path).content.decode()
    assert 'value="2000.00"' in page and f"/admin/dispatch/cash/{row.pk}/reverse/" in page
    assert salim.post(f"{path}{row.pk}/reverse/", {"note": "miscounted"}).status_code == 302
    assert 'value="3000.00"' in salim.get(path).content.decode()
    assert salim.get(f"{path}999/reverse/").status_code == 404
    assert salim.post(path, {"assistant": "x", "amount": "5", "form_key": "y"}).status_code == 200


@pytest.mark.parametrize("rows", [1, 3])
def test_pages_ask_the_same_queries_whatever_the_rows(
    rows: int, staff_user: Any, dispatcher: Any, assistant_user: Any, order_of: Any, job_of: Any, django_assert_num_queries: Any
) -> None:
    order, job = order_of(dispatcher), job_of()
    for index in range(rows):
        order_of(dispatcher, customer_name=f"Customer {index}")
        job_of(client=User.objects.create(username=f"client{index}"))
        job_of(billed_to=f"Garage {index}")
        paid = record_payment(actor=dispatcher, order_id=order.pk, method="cash", amount=Decimal(100))
        record_payment(actor=staff_user, assistance_id=job.pk, method="cash", amount=Decimal(100), taken_by=assistant_user.pk)
        CashHandIn.objects.create(assistant=assistant_user, amount=1, currency="DZD", received_by=staff_user)
    salim, nadia = browser_of(staff_user), browser_of(dispatcher)
    # Each: session, user, operators' group, roles (not of an operator), permissions of the user and of the groups; then
    costs = [
        (nadia, f"/admin/dispatch/orders/{order.pk}/payments/", 11),  # the order, its sums, members, whether one may pay, payments
        (salim, f"/admin/dispatch/requests/{job.pk}/payments/", 8),  # the job, its sums, payments
        (nadia, f"/admin/dispatch/payments/{paid.pk}/", 9),  # the payment, sums, whether one may take it back
        (salim, "/admin/dispatch/unpaid/", 10),  # orders, billed, clients, their names, companies
        (nadia, "/admin/dispatch/unpaid/", 7),
        (nadia, f"/admin/dispatch/unpaid/of/?company={order.company_id}&name=Leila+Hamdi", 7),
        (salim, "/admin/dispatch/cash/", 10),  # what was counted, taken and handed in since, names, rows
    ]
    for browser, path, count in costs:
        browser.get(path)
        with django_assert_num_queries(count, info=path):
            assert browser.get(path).status_code == 200
