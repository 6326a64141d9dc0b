"""Two who write the same at once: one succeeds, the others are answered which field or that somebody was faster; never a 500 or 503."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction
from django.test import Client

from accounts.models import Company, User
from depannini_dashmap.lib import errors
from depannini_dashmap.lib.api.constraint_errors import uniqueness_of
from depannini_dashmap.lib.api.exception_handler import from_database
from fleet.models import Vehicle

OURS = {"accounts", "fleet", "orders", "trips", "telematics", "assistance", "payments"}
RACERS = 6


def _uniques() -> list[Any]:
    found = []
    for model in apps.get_models():
        if model._meta.app_label not in OURS:
            continue
        found += [(model, each.name) for each in model._meta.constraints if isinstance(each, models.UniqueConstraint)]
        found += [(model, field.name) for field in model._meta.local_fields if field.unique and not field.primary_key and not field.is_relation]
    return [pytest.param(model, name, id=f"{model.__name__}-{name}") for model, name in found]


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "name"), _uniques())
def test_every_unique_rule_is_known_by_what_the_database_says(model: Any, name: str) -> None:
    """The message of a violation is made by hand: rows that break a rule need a whole company around them."""
    if connection.vendor == "postgresql":
        constraint = name if not name.isidentifier() or name in {each.name for each in model._meta.constraints} else None
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, model._meta.db_table)
        column = None if constraint else model._meta.get_field(name).column
        [said] = [key for key, about in found.items() if key == constraint or (column and about["unique"] and about["columns"] == [column] and not about["primary_key"])]

        class Diagnosed(Exception):
            pgcode = "23505"
            diag = type("Diagnosis", (), {"constraint_name": said})

        cause: Exception = Diagnosed()
        error = IntegrityError("duplicate key")
    else:
        rule = next((each for each in model._meta.constraints if each.name == name), None)
        columns = [model._meta.get_field(each).column for each in (rule.fields if rule else [name])]
        by_index = f"index '{name}'"
        error = IntegrityError(f"UNIQUE constraint failed: {', '.join(f'{model._meta.db_table}.{each}' for each in columns) or by_index}")
        cause = Exception()
    error.__cause__ = cause
    once = uniqueness_of(error)
    assert once is not None and once.model is model
    refusal = from_database(error)
    assert refusal.status in (400, 409)
    assert isinstance(refusal, errors.Conflict) or refusal.fields


@pytest.mark.django_db
def test_the_database_itself_is_understood(company_a: Company) -> None:
    vehicle = {"company": company_a, "make": "a", "model": "b", "year": 2020, "capacity": 1}
    Vehicle.objects.create(license_plate="A-1", **vehicle)
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        Vehicle.objects.create(license_plate="a-1", **vehicle)
    once = uniqueness_of(caught.value)
    assert once is not None and (once.model, once.fields) == (Vehicle, ("company", "license_plate"))
    assert from_database(caught.value).message == "License plate: another vehicle has this already"
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        User.objects.create(username="one", email="one@example.com")
        User.objects.create(username="two", email="ONE@example.com")
    assert (from_database(caught.value).fields or {}).keys() == {"email"}
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        User.objects.create(username="one")
        User.objects.create(username="one")
    assert (from_database(caught.value).fields or {}).keys() == {"username"}
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        Vehicle.objects.filter(license_plate="A-1").update(year=1)
    assert from_database(caught.value).code == "constraint_violated"


def _at_once(send: Callable[[int], Any]) -> list[Any]:
    barrier, answers = threading.Barrier(RACERS), [None] * RACERS

    def run(number: int) -> None:
        barrier.wait()
        try:
            answers[number] = send(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _assert_one_won(answers: list[Any], won: int, field: str) -> None:
    lost = [answer for answer in answers if answer.status_code != won]
    assert [answer.status_code for answer in lost] == [400] * (RACERS - 1)
    assert all(field in answer.json()["fields"] for answer in lost), [answer.json() for answer in lost]


VEHICLE = {"license_plate": "16-1", "make": "Ford", "model": "Transit", "year": 2020, "capacity": "1"}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_one_plate(self, api: Any, dispatcher: Any) -> None:
        clients = [api(dispatcher) for _ in range(RACERS)]
        _assert_one_won(_at_once(lambda n: clients[n].post("/api/vehicles/", VEHICLE)), 201, "license_plate")

    def test_one_plate_by_changes(self, api: Any, dispatcher: Any) -> None:
        client = api(dispatcher)
        ids = [client.post("/api/vehicles/", {**VEHICLE, "license_plate": f"A-{n}"}).json()["id"] for n in range(RACERS)]
        clients = [api(dispatcher) for _ in range(RACERS)]
        answers = _at_once(lambda n: clients[n].patch(f"/api/vehicles/{ids[n]}/", {"license_plate": "16-1"}))
        _assert_one_won(answers, 200, "license_plate")

    @pytest.mark.parametrize("field", ["phone_number", "email", "username"])
    def test_one_account(self, field: str, api: Any, password: str) -> None:
        clients = [api() for _ in range(RACERS)]

        def register(number: int) -> Any:
            body = {"phone_number": f"+21355501000{number}", "name": "Amina", "password": password}
            if field == "username":
                body = {"username": f"nadia{number}", "password": password, "user_type": "dispatcher", "email": f"n{number}@example.com"}
            same = {"phone_number": "+213555010009", "email": "same@example.com", "username": "the-same"}[field]
            return clients[number].post("/api/auth/register/", {**body, field: same})

        _assert_one_won(_at_once(register), 201, field)

    def test_an_account_that_is_made_while_another_looks_holds_its_number(self, api: Any, password: str) -> None:
        number, made = "+213555010009", []

        def make() -> None:
            User.objects.create_user(number, None, password, phone_number=number, name="Faster")
            connection.close()

        def meanwhile(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
            found = execute(sql, parameters, many, context)
            if not made and "accounts_user" in sql and number in (parameters or ()):
                made.append(threading.Thread(target=make))
                made[0].start()
                made[0].join()
            return found

        with connection.execute_wrapper(meanwhile):
            answer = api().post("/api/auth/register/", {"phone_number": number, "name": "Amina", "password": password})
        assert made and answer.status_code == 400 and list(answer.json()["fields"]) == ["phone_number"]

    def test_one_reference_of_imports(self, dispatcher: Any) -> None:
        """Other conflicts appear in the database alone: the slower request is redirected back with a message."""
        from depannini_dashmap.lib.sheets import import_views
        from fleet.tests.sheets import upload
        from orders.models import Order

        browsers = [Client(raise_request_exception=False) for _ in range(RACERS)]
        forms = []
        for number, browser in enumerate(browsers):
            browser.force_login(dispatcher, backend="django.contrib.auth.backends.ModelBackend")
            page = upload(browser, f"reference,customer_name,goods_description\nR-1,Customer {number},Bread\n", "o.csv", "/admin/orders/order/")
            forms.append(page.context["confirm_form"].initial)
        reading, import_views._reading = import_views._reading, threading.BoundedSemaphore(RACERS)
        try:
            answers = _at_once(lambda n: browsers[n].post("/admin/orders/order/process_import/", forms[n]))
        finally:
            import_views._reading = reading
        assert [answer.status_code for answer in answers] == [302] * RACERS
        assert Order.objects.filter(reference="R-1").count() == 1

    def test_one_tariff_by_a_form_of_the_console(self, staff_user: Any) -> None:
        from assistance.models import Tariff

        staff_user.is_superuser = True
        staff_user.save()
        browsers = [Client(raise_request_exception=False) for _ in range(RACERS)]
        for browser in browsers:
            browser.force_login(staff_user, backend="django.contrib.auth.backends.ModelBackend")
        form = {
            "assistance_type": "towing", "vehicle_class": "light", "base": "1", "per_km": "1", "minimum": "0", "vat_rate": "0",
            "valid_from_0": "2031-01-01", "valid_from_1": "00:00:00",
        }  # fmt: skip
        before = Tariff.objects.count()
        answers = _at_once(lambda n: browsers[n].post("/admin/assistance/tariff/add/", form))
        assert {answer.status_code for answer in answers} <= {200, 302}
        assert Tariff.objects.count() == before + 1

    def test_one_name_of_a_group_by_a_form_that_is_not_ours(self, staff_user: Any) -> None:
        from django.contrib.auth.models import Group

        staff_user.is_superuser = True
        staff_user.save()
        browsers = [Client(raise_request_exception=False) for _ in range(RACERS)]
        for browser in browsers:
            browser.force_login(staff_user, backend="django.contrib.auth.backends.ModelBackend")
        answers = _at_once(lambda n: browsers[n].post("/admin/auth/group/add/", {"name": "Night shift"}))
        assert {answer.status_code for answer in answers} <= {200, 302}
        pages = [answer if answer.status_code == 200 else browsers[n].get(answer["Location"]) for n, answer in enumerate(answers)]
        assert sum("already" in page.content.decode() for page in pages) == RACERS - 1
        assert Group.objects.filter(name="Night shift").count() == 1
