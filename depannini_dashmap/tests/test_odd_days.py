"""The first and the last days of the calendar in a query: each list, of the API and the console, says something clear."""

from typing import Any

import pytest
from django.contrib import admin
from django.db import models
from django.test import Client
from django.urls import reverse

from depannini_dashmap.tests.test_answers_everywhere import SCHEMA
from fleet.services import create_vehicle

pytestmark = pytest.mark.django_db

DAYS = ("0001-01-01", "9999-12-31", "2026-02-31")
INSTANTS = (*DAYS, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-23:00")
ASKED = {
    f"{path}?{parameter['name']}": INSTANTS if parameter["schema"]["format"] == "date-time" else DAYS
    for path, operations in SCHEMA["paths"].items()
    for parameter in operations.get("get", {}).get("parameters", ())
    if parameter["in"] == "query" and parameter["schema"].get("format") in ("date", "date-time")
}
PAGES = {
    "/admin/dispatch/unpaid/": "since", "/admin/dispatch/unpaid/of/": "since", "/admin/dispatch/report/": "month",
    "/admin/plan/": "day", "/admin/plan/state/": "day", "/admin/plan/suggest/": "day",
    "/admin/dispatch/vehicles/{vehicle}/day/": "date", "/admin/dispatch/vehicles/{vehicle}/day/track/": "date",
}  # fmt: skip
LISTS = {
    model: [field.name for field in model._meta.concrete_fields if isinstance(field, models.DateField)] for model in admin.site._registry
}


@pytest.fixture
def vehicle(staff_user: Any, company_a: Any) -> int:
    made = create_vehicle(actor=staff_user, company=company_a, license_plate="16-1", make="Renault", model="Master", year=2020, capacity=3)
    return made.pk


@pytest.fixture
def browser(staff_user: Any) -> Client:
    made = Client(raise_request_exception=False)
    made.force_login(staff_user, backend="django.contrib.auth.backends.ModelBackend")
    return made


@pytest.mark.parametrize("asked", ASKED)
def test_a_filter_of_the_api_takes_an_odd_day_or_names_it(asked: str, api: Any, staff_user: Any, vehicle: int) -> None:
    path, name = asked.split("?")
    for text in ASKED[asked]:
        answer = api(staff_user).get(path, {"vehicle": vehicle, name: text})
        assert answer.status_code in (200, 400), (text, answer.content)
        assert answer.status_code == 200 or name in answer.json()["fields"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_the_console_takes_an_odd_day(path: str, browser: Client, vehicle: int) -> None:
    for text in DAYS:
        assert browser.get(path.format(vehicle=vehicle), {PAGES[path]: text}).status_code in (200, 404), text


@pytest.mark.filterwarnings("ignore:.*received a naive datetime")
@pytest.mark.parametrize("model", LISTS)
def test_a_list_of_the_console_takes_an_odd_day(model: Any, browser: Client) -> None:
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for field in LISTS[model]:
        queries = [{f"{field}__{lookup}": text} for lookup in ("gte", "lt") for text in DAYS]
        queries += [{f"{field}__year": year, f"{field}__month": "12", f"{field}__day": "31"} for year in ("0", "1", "9999", "10000")]
        for query in queries:
            assert browser.get(path, query, follow=True).status_code < 500, query
