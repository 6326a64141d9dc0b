"""The planning page: choose, watch, apply, undo; what a role may not do is refused."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from trips.models import Trip, TripPlan
from trips.tests.world import make_order, make_vehicle

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(dispatcher):
    made = Client()
    made.force_login(dispatcher)
    return made


@pytest.fixture
def day(api, dispatcher):
    client = api(dispatcher)
    orders = [make_order(client)["id"] for _ in range(2)] + [make_order(client, required_skills=["crane"])["id"]]
    return {"order": orders, "vehicle": [make_vehicle(client)], "day": "2026-12-01", "starts_at": "08:00", "objective": "time", "time_limit": "2"}


def asked(browser, day):
    answer = browser.post("/admin/plan/suggest/", day)
    assert answer.status_code == 302, answer.content.decode()[:2000]
    return answer["Location"]


def badge(page):
    """Return the class and the word of the plan's status as the page has it without JavaScript."""
    return re.search(r'id="plan-status" class="badge ([\w-]+)">([^<]+)<', page).groups()


def test_a_day_is_planned_applied_and_undone_by_the_pages(browser, day, run_tasks):
    page = browser.get("/admin/plan/suggest/").content.decode()
    assert page.count('name="order"') == 3
    path = asked(browser, day)
    page = browser.get(path).content.decode()
    assert "http-equiv" in page and "It waits for the worker." in page and badge(page) == ("is-cancelled", "queued")
    TripPlan.objects.update(status="solving")
    page = browser.get(path).content.decode()
    assert "Distances are read" in page and badge(page) == ("is-in_progress", "solving")
    for ago, words in ((1, "Searched for 1 of at most 2 seconds."), (60, "Searched for 2 of at most 2 seconds.")):
        TripPlan.objects.update(started_at=timezone.now() - timedelta(seconds=ago))
        assert words in browser.get(path).content.decode()
    run_tasks()
    assert TripPlan.objects.get().started_at > timezone.now() - timedelta(seconds=50)
    page = browser.get(path).content.decode()
    assert "No chosen vehicle has all of: crane." in page
    assert "Make these trips" in page and "http-equiv" not in page
    browser.post(path + "apply/")
    assert Trip.objects.count() == 1
    assert f"/admin/dispatch/trips/{Trip.objects.get().pk}/" in browser.get(path).content.decode()
    browser.post(path + "undo/")
    assert Trip.objects.count() == 0


def test_the_drivers_of_a_plan_are_told_from_its_page(browser, day, run_tasks):
    path = asked(browser, day)
    run_tasks()
    assert "step/notify/" not in browser.get(path).content.decode()
    page = browser.post(path + "apply/", follow=True).content.decode()
    trip = Trip.objects.get()
    tell = f"/admin/dispatch/trips/step/notify/?ids={trip.pk}"
    assert f'href="{tell}"' in page and browser.get(tell).status_code == 200
    browser.post("/admin/dispatch/trips/step/notify/", {"ids": trip.pk})
    trip.refresh_from_db()
    assert trip.driver_notified and tell not in browser.get(path).content.decode()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_trips_that_drivers_know_are_taken_back_by_who_calls_them(browser, day, run_tasks, language):
    path, headers = asked(browser, day), {"Accept-Language": language}
    run_tasks()
    assert "although_told" not in browser.get(path).content.decode()
    browser.post(path + "apply/")
    assert browser.post(f"/admin/plan/tell/{Trip.objects.get().pk}/").status_code == 200
    page = browser.post(path + "undo/", follow=True, headers=headers).content.decode()
    assert 'name="although_told"' in page and Trip.objects.get().name in page
    assert ("were told of them" in page) == (language == "en")
    browser.post(path + "undo/", {"although_told": "on"})
    assert not Trip.objects.exists()


def test_a_refusal_keeps_what_was_ticked(browser, day):
    page = browser.post("/admin/plan/suggest/", {**day, "vehicle": [], "day": ""}).content.decode()
    assert page.count(" checked") == 3
    page = browser.post("/admin/plan/suggest/", {**day, "vehicle": []}).content.decode()
    assert "errornote" in page and not TripPlan.objects.exists()


def test_an_outdated_plan_names_what_changed(browser, api, dispatcher, day, run_tasks):
    path = asked(browser, day)
    run_tasks()
    number = api(dispatcher).put(f"/api/orders/{day['order'][0]}/", {"goods_weight": "3"}).json()["order_number"]
    page = browser.post(path + "apply/", follow=True).content.decode()
    assert number in page and not Trip.objects.exists()


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_pages_speak_the_language_of_their_reader(browser, day, run_tasks, language):
    path = asked(browser, day)
    run_tasks()
    headers = {"Accept-Language": language}
    assert "Make these trips" not in browser.get(path, headers=headers).content.decode()
    assert "Suggest trips" not in browser.get("/admin/plan/suggest/", headers=headers).content.decode()


def test_others_do_not_see_it_and_viewers_only_look(browser, day, run_tasks, dispatcher_b, viewer):
    path = asked(browser, day)
    run_tasks()
    other, reader = Client(), Client()
    other.force_login(dispatcher_b)
    reader.force_login(viewer)
    assert other.get(path).status_code == 404
    assert other.post(path + "apply/").status_code == 404
    assert reader.get("/admin/plan/suggest/").status_code == 403
    assert "Make these trips" not in reader.get(path).content.decode()
    assert reader.post(path + "apply/").status_code == 403
    assert not Trip.objects.exists()


def test_a_plan_page_costs_the_same_for_every_number_of_orders(browser, api, dispatcher, day, run_tasks, django_assert_num_queries):
    few = asked(browser, day)
    more = {**day, "order": [make_order(api(dispatcher))["id"] for _ in range(8)]}
    many = asked(browser, more)
    run_tasks()
    for path in (few, many):
        browser.get(path)
        # session, user, rights (4), the plan, its trips, the names of its stops
        with django_assert_num_queries(9):
            browser.get(path)


def test_who_works_for_two_companies_plans_one_of_them(browser, api, dispatcher, day, company_b, dispatcher_b):
    from accounts.models import Membership

    theirs = make_order(api(dispatcher_b))
    make_vehicle(api(dispatcher_b))
    membership = Membership(user=dispatcher, company=company_b)
    membership.full_role = "member"
    membership.save()
    assert theirs["order_number"] not in browser.get("/admin/plan/suggest/").content.decode()
    assert theirs["order_number"] in browser.get(f"/admin/plan/suggest/?company={company_b.pk}").content.decode()
    assert browser.get("/admin/plan/suggest/?company=x").status_code == 200
