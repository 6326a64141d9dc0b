"""Races of orders on real connections."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from depannini_dashmap.lib.errors import DomainError
from fleet.models import Vehicle
from orders.fake_orders import invent_orders
from orders.models import Order, OrderNumber, Stop
from orders.steps.trip_assignment import claim_for_trip

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
CONTENDERS = 16
ROUNDS = 5
SMALL = {"customer_name": "Amel", "goods_description": "Boxes", "pickup_stop": {"name": "a", "address": "b"}}


def contend(act, contenders=CONTENDERS):
    """Let all contenders act at the same moment, each on its own connection; returns what each got."""
    gate = threading.Barrier(contenders)

    def run(number):
        try:
            connection.ensure_connection()
            gate.wait(20)
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(contenders) as pool:
        return list(pool.map(run, range(contenders)))


@pytest.mark.parametrize("last", [0, 9990])
def test_e12_order_numbers_are_distinct_across_9999(api, dispatcher, last):
    from django.utils import timezone

    year = timezone.now().year
    OrderNumber.objects.update_or_create(year=year, defaults={"last": last})
    for _ in range(ROUNDS):
        answers = contend(lambda _: api(dispatcher).post("/api/orders/", SMALL))
        assert [answer.status_code for answer in answers] == [201] * CONTENDERS
    numbers = list(Order.objects.values_list("order_number", flat=True))
    assert len(set(numbers)) == CONTENDERS * ROUNDS
    assert all(re.fullmatch(rf"ORD-{year}-\d{{4,}}", number) for number in numbers)
    assert OrderNumber.objects.get(year=year).last == last + CONTENDERS * ROUNDS


def test_e12_order_numbers_across_new_year(company_a):
    import datetime as dt

    from django.db import transaction

    from orders.numbers import take_numbers

    moments = [dt.datetime(2030, 12, 31, 23, 59, 59, tzinfo=dt.UTC), dt.datetime(2031, 1, 1, tzinfo=dt.UTC)]

    def take(number):
        with transaction.atomic():
            return take_numbers(now=moments[number % 2])[0]

    numbers = [number for _ in range(ROUNDS) for number in contend(take)]
    assert len(set(numbers)) == CONTENDERS * ROUNDS
    assert {number[:8] for number in numbers} == {"ORD-2030", "ORD-2031"}


def test_e07_one_trip_wins_an_order(company_a):
    for _ in range(ROUNDS):
        order = invent_orders(company_id=company_a.pk, count=1)[0]

        def claim(_, order=order):
            try:
                claim_for_trip([order.pk])
                return 201
            except DomainError as error:
                return error.status

        assert sorted(contend(claim)) == [201] + [409] * (CONTENDERS - 1)


def test_e10_delete_against_claim_leaves_no_half(api, dispatcher, company_a):
    client = api(dispatcher)
    for _ in range(ROUNDS):
        order = invent_orders(company_id=company_a.pk, count=1)[0]

        def act(number, order=order):
            if number % 2:
                return client.delete(f"/api/orders/{order.pk}/").status_code
            try:
                claim_for_trip([order.pk])
                return 201
            except DomainError as error:
                return error.status

        results = contend(act, 4)
        assert not [code for code in results if code >= 500]
        if 201 in results:
            assert sorted(results) == [201, 409, 409, 409]
            assert Order.objects.filter(pk=order.pk, is_in_trip=True).exists()
        else:
            assert sorted(results) == [204, 400, 400, 404]
            assert not Stop.objects.filter(pk__in=[order.pickup_stop_id, order.delivery_stop_id]).exists()


def test_two_dispatchers_adding_the_same_plate(api, dispatcher):
    client = api(dispatcher)
    body = {"license_plate": "RACE", "make": "a", "model": "b", "year": 2020, "capacity": 1}
    answers = contend(lambda _: client.post("/api/vehicles/", body).status_code)
    assert sorted(answers) == [201] + [400] * (CONTENDERS - 1)
    assert Vehicle.objects.count() == 1


def test_edits_of_different_fields_lose_nothing(api, dispatcher, company_a):
    order = invent_orders(company_id=company_a.pk, count=1)[0]
    client = api(dispatcher)
    edits = [{"customer_name": "New"}, {"goods_weight": "7.00"}, {"pickup_stop": {"notes": "n"}},
             {"pickup_stop": {"name": "N"}}, {"delivery_stop": {"notes": "d"}}, {"status": "cancelled"}]  # fmt: skip
    answers = contend(lambda number: client.put(f"/api/orders/{order.pk}/", edits[number]).status_code, len(edits))
    assert answers == [200] * len(edits)
    body = client.get(f"/api/orders/{order.pk}/").json()
    assert (body["customer_name"], body["goods_weight"], body["status"]) == ("New", "7.00", "cancelled")
    assert (body["pickup_stop"]["notes"], body["pickup_stop"]["name"]) == ("n", "N")
    assert body["delivery_stop"]["notes"] == "d"
