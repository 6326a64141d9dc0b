"""The motorist's page: what a link opens and does, for how long, and that it says nothing else."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.limits import rates
from assistance import motorist_view, services
from assistance.models import Assistance, ChatMessage, RequestLink
from assistance.receipt_paper import job_facts, price_facts
from assistance.tests.test_help_page import PHONE, ask, form
from depannini_dashmap.lib.db.secret_links import new_token
from depannini_dashmap.lib.ops.logs import redact
from depannini_dashmap.models import AuditEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor():
    """A browser without an account, which checks CSRF as a real one is checked."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def asked(visitor, duty, assistant_user):
    """A towing that somebody asked for by the page, and its path."""
    duty(assistant_user)
    path = ask(visitor)
    return path, Assistance.objects.get()


@pytest.fixture
def repair(visitor):
    path = ask(visitor, assistance_type="repair")
    return path, Assistance.objects.get()


def page(visitor, path):
    answer = visitor.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def press(visitor, path, action, **fields):
    return visitor.post(path, {"action": action, **fields})


def bring(job, assistant, *steps):
    services.accept(actor=assistant, assistance_id=job.pk)
    for step in steps:
        services.update_status(actor=assistant, assistance_id=job.pk, status=step)
    job.refresh_from_db()


def test_the_page_goes_from_the_search_to_the_receipt(visitor, asked, assistant_user):
    path, job = asked
    assert "We are looking for somebody near you" in page(visitor, path) and "Towing · Car, van, motorcycle" in page(visitor, path)
    bring(job, assistant_user)
    shown = page(visitor, path)
    assert "Karim is on the way" in shown and "Expected between" in shown and "tel:+213555000011" in shown
    assert "Karim Assistant" not in shown and assistant_user.email not in shown
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="ongoing")
    assert "Karim is with you" in page(visitor, path)
    assert visitor.get(f"{path}receipt/").status_code == 404
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="completed")
    assert "The job is done" in page(visitor, path)
    receipt = page(visitor, f"{path}receipt/")
    assert "1,500.00 DZD" in receipt and "Karim" in receipt
    assert press(visitor, path, "rate", rating="4").status_code == 303
    job.refresh_from_db()
    assert job.rating == 4 and "You gave 4 of 5" in page(visitor, path)
    assert press(visitor, path, "rate", rating="5").status_code == 409


def test_a_get_never_acts_and_is_private(visitor, asked):
    path, job = asked
    for action in ("cancel", "write", "price", "rate", "release"):
        answer = visitor.get(path, {"action": action, "message": "x", "rating": 5, "answer": "accept"})
        assert answer.status_code == 200
        headers = (answer["Referrer-Policy"], answer["Cache-Control"], answer["X-Robots-Tag"])
        assert headers == ("no-referrer", "no-store", "noindex, nofollow")
    job.refresh_from_db()
    assert job.status == "requested"


def test_canceling_says_why_and_names_the_link(visitor, asked):
    path, job = asked
    assert press(visitor, path, "cancel", note="It works again").status_code == 303
    job.refresh_from_db()
    assert (job.status, job.reason, job.reason_note) == ("canceled", "client_canceled", "It works again")
    assert "You cancelled it" in page(visitor, path)
    event = AuditEvent.objects.get(event="assistance_canceled")
    assert (event.actor_id, event.detail["by"], event.target_id) == (None, "request link", str(job.pk))
    again = press(visitor, path, "cancel", note="It works again")
    assert again.status_code == 409 and "already" in again.content.decode()


def test_a_job_canceled_by_the_office_meanwhile_says_so(visitor, asked, staff_user):
    path, job = asked
    services.cancel_by_staff(actor=staff_user, assistance_id=job.pk, note="test")
    answer = press(visitor, path, "cancel")
    assert answer.status_code == 409 and "Our office cancelled it" in answer.content.decode()


def test_messages_go_both_ways_once(visitor, asked, assistant_user):
    path, job = asked
    bring(job, assistant_user)
    key = new_token()
    for _ in range(2):
        assert press(visitor, path, "write", message="I stand at the bridge <b>", key=key).status_code == 303
    services.post_chat(actor=assistant_user, assistance_id=job.pk, message="Ten minutes")
    shown = page(visitor, path)
    assert "I stand at the bridge &lt;b&gt;" in shown and "Ten minutes" in shown
    assert ChatMessage.objects.filter(sender=job.client).count() == 1
    for message in ("", "x" * 1001):
        assert press(visitor, path, "write", message=message, key=new_token()).status_code == 400


def test_a_price_is_accepted_or_refused_as_it_was_seen(visitor, repair, make_assistant):
    path, job = repair
    fitter = make_assistant(1, service_type="repair")
    assert "names the price" in page(visitor, path)
    bring(job, fitter)
    assert press(visitor, path, "price", answer="accept", seen="0.00").status_code == 409  # nobody has named one
    services.set_price(actor=fitter, assistance_id=job.pk, amount=Decimal(2500))
    assert "Do you accept this price?" in page(visitor, path)
    assert press(visitor, path, "price", answer="accept", seen="2000.00").status_code == 409
    assert press(visitor, path, "price", answer="refuse", seen="2500.00").status_code == 303
    job.refresh_from_db()
    assert job.price_consent == "refused"
    assert press(visitor, path, "price", answer="accept", seen="2500.00").status_code == 303
    job.refresh_from_db()
    assert job.price_consent == "accepted" and "You accepted this price" in page(visitor, path)
    assert press(visitor, path, "price", answer="accept", seen="what").status_code == 400


def test_nobody_else_is_sent_while_the_assistant_is_there(visitor, asked, assistant_user):
    path, job = asked
    bring(job, assistant_user)
    assert press(visitor, path, "release").status_code == 409
    Assistance.objects.filter(pk=job.pk).update(stalled_since=timezone.now())
    assert "Send somebody else" in page(visitor, path)


@pytest.mark.parametrize("action", ["", "delete", "accept", "complete"])
def test_what_is_no_button_does_nothing(visitor, asked, action):
    path, job = asked
    assert press(visitor, path, action).status_code == 400
    job.refresh_from_db()
    assert job.status == "requested"


# --- The live state --------------------------------------------------------------------------------------------------------
def test_the_state_changes_with_the_request_and_not_with_the_clock(visitor, asked, assistant_user, time_machine):
    path, job = asked
    first = visitor.get(f"{path}state/")
    assert first.status_code == 200 and first.json()["is_open"] and "looking for" in first.json()["regions"]["state"]
    time_machine.move_to(timezone.now() + timedelta(seconds=90))
    same = visitor.get(f"{path}state/", headers={"If-None-Match": first["ETag"]})
    assert (same.status_code, same.content, same["ETag"]) == (304, b"", first["ETag"])
    bring(job, assistant_user)
    changed = visitor.get(f"{path}state/", headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200 and changed.json()["map"]["mover"]["lat"] == 36.7538
    assert changed["Cache-Control"] == "no-store"


def test_a_state_costs_so_many_queries_however_many_messages(visitor, asked, assistant_user, django_assert_num_queries):
    path, job = asked
    bring(job, assistant_user)
    for count in (1, 3):
        while ChatMessage.objects.count() < count:
            services.post_chat(actor=assistant_user, assistance_id=job.pk, message="Soon")
        with django_assert_num_queries(4):  # the link with its request and people, the tariff, the messages, the photos
            assert visitor.get(f"{path}state/").status_code == 200


# --- The link's end, and wrong links ---------------------------------------------------------------------------------------
def test_a_link_ends_a_day_after_the_job(visitor, asked, assistant_user, time_machine):
    path, job = asked
    bring(job, assistant_user, "ongoing", "completed")
    time_machine.move_to(timezone.now() + timedelta(hours=23, minutes=59))
    assert visitor.get(path).status_code == 200
    time_machine.move_to(timezone.now() + timedelta(minutes=2))
    for part in ("", "state/", "receipt/", "receipt.pdf"):
        assert visitor.get(path + part).status_code == 404
    assert press(visitor, path, "rate", rating="5").status_code == 404


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_the_receipt_is_a_pdf_in_the_language_of_the_page(visitor, asked, assistant_user, language):
    path, job = asked
    bring(job, assistant_user, "ongoing")
    assert visitor.get(f"{path}receipt.pdf").status_code == 404
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="completed")
    assert f'href="{path}receipt.pdf"' in page(visitor, f"{path}receipt/")
    answer = visitor.get(f"{path}receipt.pdf", HTTP_ACCEPT_LANGUAGE=language)
    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (200, "application/pdf", "no-store")
    assert answer.content.startswith(b"%PDF-") and f"/Lang ({language})".encode() in answer.content


def test_a_receipt_says_nothing_that_is_the_offices(visitor, asked, assistant_user):
    path, job = asked
    bring(job, assistant_user, "ongoing", "completed")
    Assistance.objects.filter(pk=job.pk).update(billed_to="Insurer", reason_note="Beware of the dog", price_note="As agreed", vat_rate=19)
    job.refresh_from_db()
    facts = dict(job_facts(motorist_view.shown(RequestLink.objects.get(), path.split("/")[2])) + price_facts(job))
    said = " ".join(facts.values())
    assert facts["Helped by"].startswith("Karim") and "As agreed" in said and "1,500.00 DZD" in said
    for hidden in ("Insurer", "Beware", PHONE, assistant_user.phone_number, "Karim Assistant"):
        assert hidden not in said
    assert visitor.get(f"{path}receipt.pdf").status_code == 200


def test_an_ended_link_does_nothing_and_is_no_guess(visitor, asked, settings):
    path, job = asked
    RequestLink.objects.revoke()
    settings.THROTTLING_ENABLED = True
    for _ in range(rates.NETWORK_FAILURES + 1):
        assert visitor.get(path).status_code == 404
    assert press(visitor, path, "cancel").status_code == 404
    job.refresh_from_db()
    assert job.status == "requested"


def test_guesses_are_bounded(visitor, asked, settings):
    path, _ = asked
    settings.THROTTLING_ENABLED = True
    for _ in range(rates.NETWORK_FAILURES):
        assert visitor.get(f"/h/{new_token()}/").status_code == 404
    assert visitor.get(f"/h/{new_token()}/state/").status_code == 429
    assert visitor.get(path).status_code == 200, "who has a link is not locked out"


def test_a_link_opens_its_own_request_alone(visitor, asked, settings):
    settings.HELP_PROOF = "never"
    path, _ = asked
    other = ask(visitor, phone="+213661234568", note="Another car")
    assert "Another car" in page(visitor, other) and "Another car" not in page(visitor, path)
    press(visitor, path, "cancel")
    assert Assistance.objects.get(description="Another car").status == "requested"


def test_a_link_is_in_no_log():
    for line in ("GET /h/abcDEF123-_abcDEF123-_abcDEF12/ 200", "https://help.example/h/abcDEF123-_abcDEF123-_abcDEF12/state/"):
        assert "abcDEF123" not in redact(line)


def test_arabic_runs_from_right_to_left(visitor, asked):
    path, _ = asked
    shown = visitor.get(path, headers={"Accept-Language": "ar"}).content.decode()
    assert 'lang="ar" dir="rtl"' in shown and "We are looking" not in shown


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_pressing_at_the_same_moment_asks_once():
    given = form()

    def press_ask(_):
        try:
            return Client().post("/help/", given)["Location"]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(press_ask, range(4)))
    assert len(paths) == 1 and re.match("/h/", paths.pop())
    assert (Assistance.objects.count(), RequestLink.objects.count()) == (1, 1)


def test_a_script_is_told_what_became_of_a_tap(visitor, asked):
    path, _ = asked
    as_json = {"HTTP_ACCEPT": "application/json"}
    refused = visitor.post(path, {"action": "rate", "rating": "5"}, **as_json)
    assert refused.json()["outcome"] == "refused" and refused.json()["text"] and refused.status_code < 500
    assert visitor.post(path, {"action": "cancel"}, **as_json).json()["outcome"] == "done"
    RequestLink.objects.revoke()
    assert visitor.post(path, {"action": "cancel"}, **as_json).status_code == 404
