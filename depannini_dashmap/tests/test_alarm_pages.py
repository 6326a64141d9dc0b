"""The list of alarms, what every page is told of them, and the buttons: who sees what, who may do what, and what it costs."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alarms import services
from alarms.models import Alarm, AlarmWatch
from alarms.tests.test_refreshing import late_trip, look
from depannini_dashmap.tests.console_rows import EVIL, make_request, signed_in

pytestmark = pytest.mark.django_db
LIST, STATE = "/admin/alarms/", "/admin/alarms/state/"


def test_every_place_tells_the_same_number(nadia: Client, dispatcher: Any, company_a: Any, staff_user: Any, client_user: Any) -> None:
    trips = [late_trip(dispatcher, company_a, f"Tour {number}") for number in range(3)]
    make_request(client_user)
    look()
    told = nadia.get(STATE).json()
    assert told["count"] == 3 and {ring["text"] for ring in told["rings"]} == {f"{trip.name}: trip runs late" for trip in trips}
    assert {ring["url"] for ring in told["rings"]} == {f"/admin/dispatch/trips/{trip.pk}/" for trip in trips}
    assert "3 alarms that nobody takes care of" in nadia.get(LIST).content.decode()
    assert signed_in(staff_user).get(STATE).json()["count"] == 4
    first, second, _ = Alarm.objects.filter(company=company_a).order_by("pk")
    nadia.post("/admin/alarms/acknowledge/", {"ids": first.pk})
    nadia.post("/admin/alarms/snooze/", {"ids": second.pk, "minutes": 15})
    assert nadia.get(STATE).json()["count"] == 1
    page = nadia.get(LIST).content.decode()
    assert "1 alarm that nobody takes care of" in page and "1 snoozed" in page and "1 taken care of" in page
    assert page.count(f"<bdi>{dispatcher.display_name}</bdi>") >= 2 and "snoozed until" in page


def test_a_ring_has_one_key_until_a_snooze_is_over(nadia: Client, dispatcher: Any, company_a: Any) -> None:
    late_trip(dispatcher, company_a)
    look()
    look(1)
    Alarm.objects.update(opened_at=timezone.now() - dt.timedelta(hours=1))
    [ring] = nadia.get(STATE).json()["rings"]
    assert nadia.get(STATE).json()["rings"] == [ring]
    alarm = Alarm.objects.get()
    services.snooze(actor=dispatcher, alarm_ids=[alarm.pk], minutes=5)
    assert nadia.get(STATE).json() == {"count": 0, "rings": []}
    Alarm.objects.update(snoozed_until=timezone.now() - dt.timedelta(seconds=1))
    [again] = nadia.get(STATE).json()["rings"]
    assert again["key"] != ring["key"] and again["key"].startswith(f"{alarm.pk}-")


def test_who_may_not_sees_no_button_and_is_refused(
    nadia: Client, dispatcher: Any, dispatcher_b: Any, viewer: Any, company_a: Any, client_user: Any
) -> None:
    late_trip(dispatcher, company_a, EVIL)
    make_request(client_user)
    look()
    late, waits = Alarm.objects.get(kind="late_trip"), Alarm.objects.get(kind="unanswered_request")
    reader, stranger = signed_in(viewer), signed_in(dispatcher_b)
    page = reader.get(LIST).content.decode()
    assert "trip runs late" in page and "I take care" not in page and EVIL not in page
    assert "trip runs late" not in stranger.get(LIST).content.decode() and stranger.get(STATE).json()["count"] == 0
    for step in ("acknowledge", "snooze", "again"):
        assert reader.post(f"/admin/alarms/{step}/", {"ids": late.pk, "minutes": 5}).status_code == 403
        assert stranger.post(f"/admin/alarms/{step}/", {"ids": late.pk, "minutes": 5}).status_code == 404
        assert nadia.post(f"/admin/alarms/{step}/", {"ids": waits.pk, "minutes": 5}).status_code == 404
        assert nadia.get(f"/admin/alarms/{step}/").status_code == 405
    assert Alarm.objects.ringing(timezone.now()).count() == 2
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(dispatcher)
    assert careful.post("/admin/alarms/acknowledge/", {"ids": late.pk}).status_code == 403
    for bad in ({"ids": "x"}, {"ids": ""}, {"ids": "9" * 30}):
        assert nadia.post("/admin/alarms/acknowledge/", bad).status_code == 404
    assert nadia.post("/admin/alarms/explode/", {"ids": late.pk}).status_code == 404
    nadia.post("/admin/alarms/snooze/", {"ids": late.pk, "minutes": "1e9"})
    assert Alarm.objects.ringing(timezone.now()).count() == 2


def test_all_that_rings_is_taken_care_of_at_once(nadia: Client, dispatcher: Any, company_a: Any) -> None:
    for number in range(2):
        late_trip(dispatcher, company_a, f"Tour {number}")
    look()
    ids = ",".join(str(pk) for pk in Alarm.objects.values_list("pk", flat=True))
    answer = nadia.post("/admin/alarms/acknowledge/", {"ids": ids}, follow=True).content.decode()
    assert "You take care of 2 alarms." in answer and "0 alarms that nobody" in answer
    nadia.post("/admin/alarms/again/", {"ids": ids})
    assert nadia.get(STATE).json()["count"] == 2


def test_somebody_who_works_the_roadside_alone_takes_care_of_requests(roadside_dispatcher: Any, client_user: Any) -> None:
    roadside_dispatcher.memberships.all().delete()
    browser = signed_in(roadside_dispatcher)
    make_request(client_user)
    look()
    alarm = Alarm.objects.get()
    assert browser.post("/admin/alarms/acknowledge/", {"ids": alarm.pk}).status_code == 302
    alarm.refresh_from_db()
    assert alarm.acknowledged_by == roadside_dispatcher


def test_a_watch_is_set_and_ended_by_the_form(nadia: Client, dispatcher: Any, company_a: Any, company_b: Any) -> None:
    form = {"of": company_a.pk, "channel": "email", "after_minutes": 10, "begins": "22:00", "ends": "06:00"}
    assert "Confirm an e-mail address" in nadia.get(LIST).content.decode()
    nadia.post("/admin/alarms/watch/", form)
    assert not AlarmWatch.objects.exists()
    type(dispatcher).objects.filter(pk=dispatcher.pk).update(email_verified=True)
    nadia.post("/admin/alarms/watch/", form, headers={"Accept-Language": "ar"})
    watch = AlarmWatch.objects.get()
    assert (watch.user, watch.company, watch.after_minutes, watch.language) == (dispatcher, company_a, 10, "ar")
    assert 'value="22:00"' in nadia.get(LIST).content.decode()
    for wrong in ({"after_minutes": "x"}, {"ends": ""}, {"channel": "phone"}):
        nadia.post("/admin/alarms/watch/", form | wrong)
    assert AlarmWatch.objects.get().begins == dt.time(22)
    for of, status in ((company_b.pk, 404), ("x", 404), ("roadside", 403)):
        assert nadia.post("/admin/alarms/watch/", form | {"of": of}).status_code == status
    nadia.post("/admin/alarms/watch/", {"of": company_a.pk, "stop": "1"})
    assert not AlarmWatch.objects.exists()


@pytest.mark.parametrize(("language", "words"), [("fr", "dont personne ne s'occupe"), ("ar", "لا يتولا")])
def test_the_page_speaks_the_language_of_its_reader(nadia: Client, dispatcher: Any, company_a: Any, language: str, words: str) -> None:
    for number in range(2):
        late_trip(dispatcher, company_a, f"Tour {number}")
    look()
    page = nadia.get(LIST, headers={"Accept-Language": language}).content.decode().replace("&#x27;", "'")
    assert words in page and "takes care" not in page and "trip runs late" not in page


def test_the_pages_cost_the_same_for_every_number_of_rows(nadia: Client, dispatcher: Any, company_a: Any, django_assert_num_queries: Any) -> None:
    type(dispatcher).objects.filter(pk=dispatcher.pk).update(email_verified=True)
    for count in (1, 3):
        for number in range(count):
            late_trip(dispatcher, company_a, f"Tour {count} {number}")
        look()
        # session, user, rights (4); counts, alarms, which may be changed, ended ones; companies, watches
        with django_assert_num_queries(12):
            nadia.get(LIST)
        # session, user, groups, companies; alarms that ring
        with django_assert_num_queries(5):
            nadia.get(STATE)
