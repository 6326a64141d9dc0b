"""Asking for help by the page, without an account: the request, its link, the proof of the number, and what it never shows."""

import re

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.limits.rates import HELP_ASKS
from accounts.models import User, VerificationCode
from assistance.models import Assistance, RequestLink
from assistance.steps.public_request_checks import SEVERAL
from depannini_dashmap.lib.db.secret_links import new_token
from depannini_dashmap.models import AuditEvent, BudgetedMessage

pytestmark = pytest.mark.django_db
HERE = "36.7525, 3.0420"
PHONE = "+213661234567"
KEY = re.compile(r'name="key" value="([\w-]{32})"')


@pytest.fixture
def visitor():
    """A browser without an account, which checks CSRF as a real one is checked."""
    return Client(enforce_csrf_checks=True)


def form(**fields):
    given = {"key": new_token(), "pickup": HERE, "assistance_type": "towing", "vehicle_type": "light", "phone": "0661 23 45 67", "step": "ask"}
    return {**given, **fields}


def ask(visitor, **fields):
    """Ask for help and return the path of the link."""
    answer = visitor.post("/help/", form(**fields))
    assert answer.status_code == 303, answer.content.decode()
    assert re.fullmatch(r"/h/[\w-]{32}/", answer["Location"])
    return answer["Location"]


@pytest.fixture
def sms_outbox(settings, tmp_path):
    """Where SMS go; `sent_codes` reads it."""
    settings.SMS_URL = f"file://{tmp_path}/sms"
    (tmp_path / "sms").mkdir()
    return tmp_path / "sms"


def sent_codes(sms_outbox):
    """Give the codes that have left, the newest last."""
    files = sorted(sms_outbox.glob("*.txt"), key=lambda file: file.stat().st_mtime_ns)
    return [re.search(r"is (\d{6})", file.read_text())[1] for file in files]


def test_the_form_needs_no_account_and_is_private(visitor):
    answer = visitor.get("/help/")
    assert answer.status_code == 200 and KEY.search(answer.content.decode())
    assert (answer["Referrer-Policy"], answer["Cache-Control"], answer["X-Robots-Tag"]) == ("no-referrer", "no-store", "noindex, nofollow")
    assert not answer.cookies


def test_the_price_is_shown_line_by_line_before_anything_is_asked(visitor):
    answer = visitor.post("/help/", form(step="price", dropoff="36.7000, 3.1000", vehicle="Clio 16-123", note="Flat tyre"))
    page = answer.content.decode()
    assert answer.status_code == 200 and "Base price" in page and "1,500.00" in page and "Way with your vehicle" in page
    assert not Assistance.objects.exists() and not User.objects.filter(caller_phone=PHONE).exists()


def test_a_repair_says_that_its_price_comes_later(visitor):
    assert "names the price" in visitor.post("/help/", form(step="price", assistance_type="repair")).content.decode()


def test_asking_makes_one_request_of_a_caller_and_a_link_that_shows_it(visitor, assistant_user, duty):
    duty(assistant_user)
    path = ask(visitor, vehicle="Clio 16-123", note="Flat tyre")
    job = Assistance.objects.get()
    assert (job.status, job.client.caller_phone, job.client.phone_number, job.description) == ("requested", PHONE, None, "Clio 16-123 · Flat tyre")
    assert job.offers.count() == 1 and job.is_one_of_many
    token = path.split("/")[2]
    assert token not in str(list(RequestLink.objects.values()))
    assert "We are looking for somebody" in visitor.get(path).content.decode()
    event = AuditEvent.objects.get(event="assistance_requested")
    assert (event.actor_id, event.detail["by"]) == (None, "request link")


def test_pressing_twice_asks_once_and_leads_to_the_same_page(visitor):
    twice = form()
    first, second = visitor.post("/help/", twice), visitor.post("/help/", twice)
    assert first["Location"] == second["Location"] and Assistance.objects.count() == 1 and RequestLink.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"pickup": ""}, "Say where you are"),
        ({"pickup": "Nowhere at all"}, "Nothing is called so"),
        ({"pickup": "96, 3"}, "Nothing is called so"),
        ({"phone": "nobody"}, "This is no phone number"),
        ({"phone": ""}, "required"),
        ({"assistance_type": "flying"}, "valid choice"),
        ({"dropoff": "48.85, 2.35, 9"}, "Nothing is called so"),
        ({"dropoff": "-33.0, 151.0"}, "At most"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(visitor, fields, said):
    answer = visitor.post("/help/", form(note="Flat tyre", **fields))
    page = answer.content.decode()
    assert answer.status_code == 200 and said in page and "Flat tyre" in page and not Assistance.objects.exists()


def test_a_place_outside_of_the_area_is_refused(visitor, settings):
    settings.HELP_AREA = (18.9, -8.7, 37.2, 12.0)
    page = visitor.post("/help/", form(pickup="48.8566, 2.3522")).content.decode()
    assert "outside of where we help" in page and not Assistance.objects.exists()
    ask(visitor)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("step", ["price", "ask"])
def test_another_sites_form_only_fills_this_one_in(visitor, site, step):
    sent = form(step=step, note="Flat tyre")
    answer = visitor.post("/help/", sent, headers={"sec-fetch-site": site})
    page = answer.content.decode()
    assert answer.status_code == 200 and "See the price" in page and "Flat tyre" in page and HERE in page
    # The other site knows the key that it sent, and with it the link of who asks by it.
    assert KEY.search(page)[1] != sent["key"] and not Assistance.objects.exists()


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_form_of_this_site_asks(visitor, site):
    assert visitor.post("/help/", form(), headers={"sec-fetch-site": site}).status_code == 303


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(visitor, method):
    assert getattr(visitor, method)("/help/").status_code == 405


def test_a_second_ask_under_a_number_needs_a_code(visitor, sms_outbox, run_tasks):
    ask(visitor)
    again = form()
    page = visitor.post("/help/", again).content.decode()
    assert "We have sent a code" in page and Assistance.objects.count() == 1
    run_tasks()
    [code] = sent_codes(sms_outbox)
    wrong = visitor.post("/help/", {**again, "code": "000000" if code != "000000" else "111111"})
    assert wrong.status_code == 200 and "Invalid or expired code" in wrong.content.decode()
    right = visitor.post("/help/", {**again, "code": f"{code[:3]} {code[3:]}"})
    assert right.status_code == 303 and Assistance.objects.count() == 2
    assert RequestLink.objects.filter(is_proven=True).count() == 1
    # The same code asks for nothing more.
    assert "Invalid or expired code" in visitor.post("/help/", form(key=new_token(), code=code)).content.decode()


def test_a_code_is_good_for_its_own_form_and_number_alone(visitor, sms_outbox, run_tasks, settings):
    settings.HELP_PROOF = "always"
    mine = form()
    visitor.post("/help/", mine)
    run_tasks()
    [code] = sent_codes(sms_outbox)
    for other in (form(code=code), {**mine, "code": code, "phone": "+213661234568"}):
        assert "Invalid or expired code" in visitor.post("/help/", other).content.decode()
    assert not Assistance.objects.exists()


def test_five_wrong_codes_end_a_code(visitor, sms_outbox, run_tasks, settings):
    settings.HELP_PROOF = "always"
    mine = form()
    visitor.post("/help/", mine)
    run_tasks()
    [code] = sent_codes(sms_outbox)
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(VerificationCode.MAX_TRIES_PER_CALLER):
        visitor.post("/help/", {**mine, "code": wrong})
    assert "Invalid or expired code" in visitor.post("/help/", {**mine, "code": code}).content.decode()
    assert not Assistance.objects.exists()


def test_several_asks_from_one_network_need_a_code(visitor):
    for number in range(SEVERAL):
        ask(visitor, phone=f"+21366123450{number}")
    assert "We have sent a code" in visitor.post("/help/", form(phone="+213661234599")).content.decode()


def test_never_asks_for_no_code_and_always_does(visitor, settings):
    settings.HELP_PROOF = "never"
    ask(visitor)
    ask(visitor)
    settings.HELP_PROOF = "always"
    assert "We have sent a code" in visitor.post("/help/", form(phone="+213661234599")).content.decode()
    assert Assistance.objects.count() == 2


def test_codes_keep_to_the_budget_of_messages(visitor, settings, sms_outbox, run_tasks):
    settings.HELP_PROOF, settings.THROTTLING_ENABLED = "always", True
    for _ in range(3):
        assert "We have sent a code" in visitor.post("/help/", form()).content.decode()
    answer = visitor.post("/help/", form())
    assert answer.status_code == 429 and int(answer["Retry-After"]) > 0
    assert "Too many requests" in answer.content.decode()
    run_tasks()
    assert len(sent_codes(sms_outbox)) == 3 and BudgetedMessage.objects.filter(kind="code").count() == 3


def test_one_network_asks_so_often_and_no_more(visitor, settings):
    settings.HELP_PROOF, settings.THROTTLING_ENABLED = "never", True
    for number in range(HELP_ASKS.limit):
        ask(visitor, phone=f"+2136612345{number:02}")
    one_more = form(phone="+213661234599", assistance_type="repair", note="Flat tyre")
    answer = visitor.post("/help/", one_more)
    page = answer.content.decode()
    assert answer.status_code == 429 and int(answer["Retry-After"]) > 0 and "Too many requests" in page
    assert all(typed in page for typed in (HERE, "Flat tyre", "+213661234599", one_more["key"])), "what was typed stays"
    assert 'value="repair" checked' in page
    cache.clear()


def test_entering_codes_uses_up_no_asks(visitor, settings, sms_outbox, run_tasks):
    settings.HELP_PROOF, settings.THROTTLING_ENABLED = "always", True
    mine = form()
    visitor.post("/help/", mine)
    run_tasks()
    [code] = sent_codes(sms_outbox)
    for _ in range(HELP_ASKS.limit):
        visitor.post("/help/", form(code="000000"))
    assert visitor.post("/help/", {**mine, "code": code}).status_code == 303
    cache.clear()


# --- A number that belongs to somebody -------------------------------------------------------------------------------------
@pytest.fixture
def holder(client_user):
    User.objects.filter(pk=client_user.pk).update(phone_verified=True)
    return User.objects.get(pk=client_user.pk)


def test_a_stranger_under_an_accounts_number_neither_blocks_nor_shows_anything(visitor, api, holder):
    path = ask(visitor, phone=holder.phone_number)
    job = Assistance.objects.get()
    assert job.client != holder
    assert api(holder).get("/api/assistance/view/").json()["results"] == []
    assert api(holder).post("/api/assistance/request/", {"pickup": {"lat": 36.7, "lng": 3.0}}, format="json").status_code == 201
    page = visitor.get(path).content.decode()
    assert holder.name not in page and holder.email not in page


def test_an_open_request_of_the_account_is_neither_told_nor_in_the_way(visitor, holder, ask_by_app):
    own = ask_by_app(holder)
    path = ask(visitor, phone=holder.phone_number)
    assert Assistance.objects.count() == 2 and f"#{own.pk}<" not in visitor.get(path).content.decode()


@pytest.fixture
def ask_by_app():
    from assistance import services

    return lambda user: services.request_assistance(actor=user, pickup=(36.75, 3.04)).job


def test_who_has_proven_the_number_asks_as_its_holder_and_is_led_to_the_open_request(visitor, holder, settings, sms_outbox, run_tasks, ask_by_app):
    settings.HELP_PROOF = "always"

    def prove():
        mine = form(phone=holder.phone_number)
        visitor.post("/help/", mine)
        run_tasks()
        return visitor.post("/help/", {**mine, "code": sent_codes(sms_outbox)[-1]})

    own = ask_by_app(holder)
    led = prove()
    assert led.status_code == 303 and Assistance.objects.get() == own
    assert f"#{own.pk}<" in visitor.get(led["Location"]).content.decode()


@pytest.mark.parametrize("whose", ["assistant_user", "dispatcher"])
def test_a_number_of_somebody_who_is_no_client_is_asked_under_like_any_other(visitor, request, settings, whose):
    user = request.getfixturevalue(whose)
    User.objects.filter(pk=user.pk).update(phone_number="+213661234500", phone_verified=True)
    ask(visitor, phone="+213661234500")
    job = Assistance.objects.get()
    assert job.client != user and job.client.user_type == "client"


def test_a_stranger_does_not_rename_a_caller_nor_fill_their_one_request(visitor, roadside_dispatcher, api):
    ask(visitor)
    body = {"pickup": {"lat": 36.75, "lng": 3.04}, "client": {"phone_number": PHONE, "name": "Nabil"}}
    assert api(roadside_dispatcher).post("/api/assistance/request/", body, format="json").status_code == 201
    ask_again = visitor.post("/help/", form())
    assert "We have sent a code" in ask_again.content.decode() and User.objects.get(caller_phone=PHONE).name == "Nabil"


# --- Places ----------------------------------------------------------------------------------------------------------------
def test_places_are_suggested_to_anybody_and_hold_nobodys_stops(visitor, dispatcher, company_a):
    from depannini_dashmap.tests.console_rows import make_order

    make_order(dispatcher, company_a, "Pharmacie Secret")
    answer = visitor.get("/help/places/", {"q": "Pharmacie Secret"})
    assert (answer.status_code, answer.json()["results"]) == (200, [])
    [pin] = visitor.get("/help/places/", {"q": HERE}).json()["results"]
    assert (pin["lat"], pin["lng"]) == (36.7525, 3.042)
    assert visitor.get("/help/places/", {"at": "36.7525,3.0420"}).json()["name"]


def test_searches_of_a_network_are_bounded(visitor, settings):
    settings.THROTTLING_ENABLED = True
    codes = [visitor.get("/help/places/", {"q": "x"}).status_code for _ in range(62)]
    assert codes[0] == 200 and codes[-1] == 429
    # A form searches, too.
    answer = visitor.post("/help/", form(step="price", note="Flat tyre"))
    assert answer.status_code == 429 and int(answer["Retry-After"]) > 0 and "Flat tyre" in answer.content.decode()
    cache.clear()
