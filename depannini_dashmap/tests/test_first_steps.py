"""The first steps on the console's first page: what a fresh installation lacks, until nothing is missing."""

import pytest
from django.apps import apps
from django.test import Client

from accounts.models import Membership, User

pytestmark = pytest.mark.django_db
PLATE = {"license_plate": "16-123", "make": "Renault", "model": "Master", "year": 2020, "capacity": "2.50"}


def index(user):
    page = Client()
    page.force_login(User.objects.get(pk=user.pk))
    return page.get("/admin/").content.decode()


def titles(page):
    import re

    steps = page.partition('class="panel first-steps"')[2].partition("</section>")[0]
    return re.findall(r"<strong>(.*?)</strong> <span class=\"badge(?: good)?\">(.*?)</span>", steps)


def test_a_fresh_installation_leads_through_four_steps(db, settings):
    chief = User.objects.create_superuser("chief", "chief@example.com", "correct-horse-battery")
    page = index(chief)
    assert titles(page) == [
        ("Found a company", "missing"), ("Add a vehicle or an assistant", "missing"), ("Invite people", "missing"), ("Get a map with streets", "missing"),
    ]  # fmt: skip
    assert "/admin/accounts/company/add/" in page and "before there is a company" in page
    company = apps.get_model("accounts", "Company").objects.create(name="Atlas")
    page = index(chief)
    assert titles(page)[0] == ("Found a company", "done") and 'href="/admin/company/"' in page and "also without an account" in page
    apps.get_model("fleet", "Vehicle").objects.create(company=company, **PLATE)
    assert titles(index(chief))[1] == ("Add a vehicle or an assistant", "done")
    member = User.objects.create_user("rym", "rym@example.com", "x", user_type="dispatcher")
    Membership.objects.create(user=member, company=company)
    settings.MAP_TILE_URL = "https://tiles.example/{z}/{x}/{y}.png"
    assert titles(index(chief)) == []


def test_an_assistant_does_where_the_roadside_is_worked(staff_user, dispatcher, company_a, assistant_user):
    assert ("Add a vehicle or an assistant", "done") in titles(index(staff_user))
    assert ("Add a vehicle", "missing") in titles(index(dispatcher))


def test_nobody_is_shown_what_they_may_not_do(dispatcher, viewer, company_a):
    found = [title for title, _ in titles(index(dispatcher))]
    assert found and "Get a map with streets" not in found
    assert "/admin/accounts/company/add/" not in index(dispatcher).partition("first-steps")[2].partition("</section>")[0]
    assert titles(index(viewer)) == []


def test_another_company_s_vehicles_are_none_of_ours(dispatcher, company_a, company_b):
    apps.get_model("fleet", "Vehicle").objects.create(company=company_b, **PLATE)
    assert ("Add a vehicle", "missing") in titles(index(dispatcher))


def test_it_costs_one_query(dispatcher, company_a, django_assert_num_queries):
    from depannini_dashmap.console.first_steps import steps_for

    user = User.objects.get(pk=dispatcher.pk)
    assert user.company_ids and not user.is_operator and not user.is_roadside
    with django_assert_num_queries(1):
        steps_for(user)
