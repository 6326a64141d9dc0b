"""The page of a phone call: one POST makes the request, and a refusal keeps everything that was typed."""

import datetime as dt
import re
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.services import caller_account
from assistance import dispatch_candidates, pricing, quotes, services
from assistance.models import Assistance, Offer, ScheduledRequest, Tariff
from depannini_dashmap.lib.roads.routing import Leg
from depannini_dashmap.models import AuditEvent

pytestmark = pytest.mark.django_db
PAGE = "/admin/dispatch/requests/new/"
NUMBER = "+213661234567"
CALL = {
    "phone": "0661 23 45 67",
    "name": "Nabil",
    "pickup": "36.7525, 3.0420",
    "assistance_type": "towing",
    "vehicle_type": "light",
    "plate": "00123-116-16",
    "note": "Behind the station",
}


def _browser(user: Any) -> Client:
    browser = Client()
    browser.force_login(user, backend=django_settings.AUTHENTICATION_BACKENDS[-1])
    return browser


@pytest.fixture
def samira(roadside_dispatcher: Any) -> Client:
    """The browser of a dispatcher who works the roadside side."""
    return _browser(roadside_dispatcher)


def test_a_call_is_offered_to_the_nearest_by_one_post(samira: Client, duty: Any, assistant_user: Any) -> None:
    duty(assistant_user)
    answer = samira.post(PAGE, {**CALL, "billed_to": "Garage Sahel", "do": "offer"})
    job = Assistance.objects.get()
    assert answer.status_code == 302 and answer["Location"] == f"/admin/dispatch/requests/{job.pk}/"
    assert (job.client.caller_phone, job.client.name, job.billed_to) == (NUMBER, "Nabil", "Garage Sahel")
    assert (job.pickup_lat, job.pickup_lng, job.description) == (36.7525, 3.042, "00123-116-16 · Behind the station")
    assert Offer.objects.get().assistant_id == assistant_user.pk
    assert "offered to the nearest" in samira.get(answer["Location"]).content.decode()


def test_a_call_is_given_to_one_assistant_and_nobody_else_is_asked(
    samira: Client, duty: Any, assistant_user: Any, other_assistant: Any
) -> None:
    duty(assistant_user)
    duty(other_assistant, 36.7526, 3.0421)
    assert samira.post(PAGE, {**CALL, "assistant": assistant_user.pk}).status_code == 302
    job = Assistance.objects.get()
    assert (job.status, job.assistant_id) == ("accepted", assistant_user.pk)
    assert list(Offer.objects.values_list("assistant_id", "source")) == [(assistant_user.pk, Offer.Source.HAND)]
    assert set(AuditEvent.objects.values_list("event", flat=True)) >= {"assistance_requested", "assistance_assigned"}


def test_an_assistant_who_cannot_leaves_no_request_behind(
    samira: Client, job_in: Any, client_user: Any, assistant_user: Any
) -> None:
    job_in("accepted", client_user, assistant_user)
    page = samira.post(PAGE, {**CALL, "assistant": assistant_user.pk})
    assert page.status_code == 200 and "This assistant is on another job" in page.content.decode()
    assert Assistance.objects.count() == 1 and not User.objects.filter(caller_phone=NUMBER).exists()
    _assert_kept(page.content.decode())


def test_a_call_is_saved_for_later(samira: Client) -> None:
    at = timezone.now().astimezone(ZoneInfo("Africa/Algiers")) + dt.timedelta(days=2)  # as the clock of whoever types
    assert samira.post(PAGE, {**CALL, "do": "later", "scheduled_for": f"{at:%Y-%m-%dT%H:%M}"}).status_code == 302
    row = ScheduledRequest.objects.get()
    assert row.scheduled_for == at.replace(second=0, microsecond=0) and row.client.caller_phone == NUMBER
    assert not Assistance.objects.exists()


def _assert_kept(page: str) -> None:
    for typed in ("0661 23 45 67", "Nabil", "36.7525, 3.0420", "00123-116-16", "Behind the station"):
        assert typed in page


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"phone": "call me"}, "This is no phone number."),
        ({"phone": "+213555000011"}, "This number belongs to an assistant."),
        ({"pickup": "Somewhere nobody knows"}, "Choose one of the suggestions"),
        ({"dropoff": "-20.0, 3.0"}, "km from the pickup"),
        ({"do": "later"}, "Give the time at which it is to be offered."),
        ({"do": "later", "scheduled_for": "2020-01-01T10:00"}, "A time ahead, within a year."),
        ({"scheduled_for": "2099-01-01T10:00"}, "Save it for later, or empty the time."),
        ({"scheduled_for": "tomorrow"}, "Enter a valid date/time."),
        ({"name": "\u200b"}, "This field is required."),
        ({"note": "x" * 901}, "at most 900"),
        ({"pickup_at": "north,9"}, None),
        ({"assistance_type": "magic"}, "see what is marked"),
    ],
)
def test_a_refusal_keeps_what_was_typed(
    samira: Client, assistant_user: Any, changed: dict[str, str], sentence: str | None
) -> None:
    answer = samira.post(PAGE, {**CALL, "do": "offer", **changed})
    if sentence is None:
        assert answer.status_code == 302 and Assistance.objects.exists()
        return
    page = answer.content.decode()
    assert answer.status_code == 200 and sentence in page
    assert not Assistance.objects.exists() and not ScheduledRequest.objects.exists()
    for name, typed in CALL.items():
        if name not in changed and not name.endswith("_type"):
            assert typed in page, name


def test_a_second_open_request_of_a_caller_is_named(samira: Client) -> None:
    assert samira.post(PAGE, {**CALL, "do": "offer"}).status_code == 302
    page = samira.post(PAGE, {**CALL, "do": "offer"}).content.decode()
    assert "This caller already has an open request" in page
    assert f"/admin/dispatch/requests/{Assistance.objects.get().pk}/" in page
    _assert_kept(page)


def test_a_known_caller_is_shown_with_the_last_jobs(samira: Client, roadside_dispatcher: Any) -> None:
    caller = services.Caller(NUMBER, "Nabil Haddad")
    asked = services.request_for_caller(actor=roadside_dispatcher, caller=caller, pickup=(36.75, 3.04), description="Flat tyre").job
    services.cancel_by_staff(actor=roadside_dispatcher, assistance_id=asked.pk, note="Found help")
    preview = samira.post(f"{PAGE}preview/", {"phone": CALL["phone"]}).content.decode()
    assert 'data-name="Nabil Haddad"' in preview and "Flat tyre" in preview and f"#{asked.pk}" in preview
    assert "A new caller." in samira.post(f"{PAGE}preview/", {"phone": "0661 99 99 99"}).content.decode()
    looked = samira.post(PAGE, {"phone": CALL["phone"], "look": "1"}).content.decode()
    assert "Flat tyre" in looked and "errornote" not in looked and "errorlist" not in looked


def test_the_price_stands_there_line_by_line(samira: Client) -> None:
    Tariff.objects.create(assistance_type="towing", vehicle_class="heavy", base="1000", per_km="50.50", minimum="3000", currency="DZD")
    far = samira.post(f"{PAGE}preview/", {**CALL, "vehicle_type": "heavy", "dropoff": "36.7000, 3.9000"}).content.decode()
    km = quotes.distance_of((36.7525, 3.0420), (36.7, 3.9))
    assert f"{km} <bdi>km</bdi> × 50.50" in far and "Up to the minimum" not in far
    assert f"{pricing.price(pricing.Rates(Decimal(1000), Decimal('50.50'), Decimal(3000)), km):,} DZD" in far
    near = samira.post(f"{PAGE}preview/", {**CALL, "vehicle_type": "heavy"}).content.decode()
    assert "Up to the minimum" in near and "2,000.00" in near and "3,000.00 DZD" in near
    assert "the assistant names it" in samira.post(f"{PAGE}preview/", {**CALL, "assistance_type": "repair"}).content.decode()


def test_lines_add_up_to_the_price() -> None:
    rates = pricing.Rates(Decimal("10.005"), Decimal("0.333"), Decimal(0))
    parts = pricing.lines(rates, Decimal("7.777"))
    assert parts.base + parts.distance + parts.top_up == parts.total == pricing.price(rates, Decimal("7.777"))


def test_assistants_stand_there_with_what_speaks_against_each(
    samira: Client, duty: Any, assistant_user: Any, make_assistant: Any
) -> None:
    duty(assistant_user)
    repairer = make_assistant(2, service_type="repair", seen_at=timezone.now())
    preview = samira.post(f"{PAGE}preview/", CALL).content.decode()
    assert f'name="assistant" value="{assistant_user.pk}"' in preview
    assert repairer.name in preview and "wrong service" in preview and f'value="{repairer.pk}"' not in preview


# --- Who is there first ------------------------------------------------------------------------------------------------------
def _names_in_order(page: str) -> list[str]:
    return re.findall(r"<bdi>(Assistant \d+)</bdi>", page)


def test_those_who_could_go_are_ranked_by_driving_time(samira: Client, make_assistant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    for number, lat in ((1, 36.7530), (2, 36.7600), (3, 36.7700), (4, 36.7540)):
        make_assistant(number, lat, 3.0420, seen_at=now, is_active=number != 4)
    seconds = {36.7530: 1500, 36.7600: 240, 36.7700: None, 36.7540: 20}
    questions = []

    def matrix(origins: Any, goals: Any) -> Any:
        questions.append((len(origins), goals))
        return [[Leg(seconds[lat], 1000.0, "road")] for lat, _lng in origins]

    monkeypatch.setattr(dispatch_candidates.routing, "matrix", matrix)
    page = samira.post(f"{PAGE}preview/", CALL).content.decode()
    assert questions == [(4, [(36.7525, 3.042)])]
    assert _names_in_order(page) == ["Assistant 2", "Assistant 1", "Assistant 3", "Assistant 4"]
    assert "Ranked by driving time" in page and "4 min" in page and "25 min" in page and "straight line" not in page


def test_without_roads_the_nearest_come_first_and_the_page_says_so(samira: Client, make_assistant: Any) -> None:
    for number, lat in ((1, 36.7600), (2, 36.7530)):
        make_assistant(number, lat, 3.0420, seen_at=timezone.now())
    page = samira.post(f"{PAGE}preview/", CALL).content.decode()
    assert _names_in_order(page) == ["Assistant 2", "Assistant 1"]
    assert "Ranked by straight line" in page and "Driving time" not in page


def test_the_farther_follow_those_that_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    ranked = [dispatch_candidates.Ranked(number, "", number / 10, (), None) for number in range(30)]
    monkeypatch.setattr(dispatch_candidates.routing, "matrix", lambda origins, goals: [[Leg(100.0 - row, 1.0, "road")] for row, _ in enumerate(origins)])
    found, is_by_road = dispatch_candidates.by_driving_time(ranked, (36.75, 3.04))
    assert is_by_road and [one.user_id for one in found] == [*reversed(range(20)), *range(20, 30)]


@pytest.mark.parametrize("count", [1, 12])
def test_the_preview_takes_a_constant_number_of_queries(
    samira: Client, roadside_dispatcher: Any, make_assistant: Any, count: int, django_assert_max_num_queries: Any
) -> None:
    client = caller_account(actor=None, phone_number=NUMBER, name="Nabil")
    for number in range(count):
        make_assistant(number, seen_at=timezone.now())
        services.request_for_caller(actor=roadside_dispatcher, caller=services.Caller(NUMBER, "Nabil", "Garage"), pickup=(36.75, 3.04))
    assert Assistance.objects.filter(client=client).count() == count
    samira.post(f"{PAGE}preview/", CALL)
    with django_assert_max_num_queries(11):
        samira.post(f"{PAGE}preview/", CALL)


def test_calls_are_for_the_roadside_side(dispatcher: Any, viewer: Any, staff_user: Any, samira: Client) -> None:
    for user in (dispatcher, viewer):
        browser = _browser(user)
        assert browser.get(PAGE).status_code == 403
        assert browser.post(PAGE, {**CALL, "do": "offer"}).status_code == 403
        assert browser.post(f"{PAGE}preview/", CALL).status_code == 403
        assert "new-call" not in browser.get("/admin/").content.decode()
    for browser in (samira, _browser(staff_user)):
        assert f'href="{PAGE}"' in browser.get("/admin/orders/order/").content.decode()
        assert browser.get(PAGE).status_code == 200
    assert samira.get(f"{PAGE}preview/").status_code == 405


def test_the_console_searches_places_and_names_them(samira: Client, viewer: Any) -> None:
    found = samira.get("/admin/places/", {"q": "36.75, 3.04"}).json()["results"]
    assert [(one["source"], one["lat"], one["lng"]) for one in found] == [("coordinates", 36.75, 3.04)]
    assert samira.get("/admin/places/", {"q": ""}).status_code == 400
    assert samira.get("/admin/places/", {"q": "x", "near": "here"}).status_code == 400
    assert samira.get("/admin/places/at/", {"lat": "36.75", "lng": "3.04", "lang": "ar"}).json() == {"name": ""}
    assert samira.get("/admin/places/at/", {"lat": "91", "lng": "NaN"}).status_code == 400
    assert Client().get("/admin/places/", {"q": "x"}).status_code == 302
