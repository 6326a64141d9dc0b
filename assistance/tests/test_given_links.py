"""Links to a request that a dispatcher gives: shown once, sent by SMS, with the call, and ended; who may."""

import re

import pytest
from django.db import connection
from django.test import Client

from assistance.models import Assistance, RequestLink
from assistance.services import deliver_link, given_links, update_status
from depannini_dashmap.lib.outbound.sms import SmsError
from depannini_dashmap.models import AuditEvent

pytestmark = pytest.mark.django_db
LINK = re.compile(r"http://[^\s\"<]+(/h/[\w-]{32}/)")


@pytest.fixture
def samira(roadside_dispatcher):
    console = Client()
    console.force_login(roadside_dispatcher)
    return console


@pytest.fixture
def job(client_user, ask):
    return ask(client_user)


@pytest.fixture
def sms(settings, tmp_path):
    """Give the texts that have left, each with its number."""
    settings.SMS_URL = f"file://{tmp_path}/sms"
    return lambda: [file.read_text() for file in sorted((tmp_path / "sms").glob("*.txt"), key=lambda file: file.stat().st_mtime_ns)]


def page_of(job):
    return f"/admin/dispatch/requests/{job.pk}/link/"


def test_a_link_is_shown_once_and_opens_the_request(samira, job, roadside_dispatcher):
    assert "/h/" not in samira.get(page_of(job)).content.decode()
    shown = samira.post(page_of(job), {"do": "show"})
    page = shown.content.decode()
    path = LINK.search(page)[1]
    assert shown.status_code == 200 and "<svg" in page and "no-store" in shown["Cache-Control"]
    assert "Follow your request for help here: http" in page
    opened = Client().get(path)
    assert opened.status_code == 200 and f"#{job.pk}" in opened.content.decode()
    assert path.split("/")[2] not in str(list(RequestLink.objects.values()))
    event = AuditEvent.objects.get(event="request_link_given")
    assert (event.actor_id, event.detail["by"]) == (roadside_dispatcher.pk, "copy")
    again = LINK.search(samira.post(page_of(job), {"do": "show"}).content.decode())[1]
    assert again != path and Client().get(path).status_code == 200


def test_a_link_is_sent_by_sms_once_in_the_language_of_the_dispatcher(samira, job, sms, run_tasks):
    assert samira.post(page_of(job), {"do": "sms"}, headers={"Accept-Language": "fr"}).status_code == 302
    run_tasks()
    [text] = sms()
    assert text.startswith("To: +213555000001\n") and "Suivez votre demande" in text
    assert Client().get(LINK.search(text)[1]).status_code == 200
    link = RequestLink.objects.get()
    deliver_link(actor=None, link_id=link.pk, language="fr")  # a task may run twice
    assert len(sms()) == 1


def test_a_link_that_did_not_leave_is_sent_when_it_is_tried_again(samira, job, sms, run_tasks, monkeypatch):
    def refuse(*_letter):
        assert connection.savepoint_ids == savepoints  # no transaction of its own is open while the gateway is asked
        raise SmsError("busy")

    samira.post(page_of(job), {"do": "sms"})
    link = RequestLink.objects.get()
    savepoints = list(connection.savepoint_ids)
    with monkeypatch.context() as patched, pytest.raises(SmsError):
        patched.setattr(given_links, "send_sms", refuse)
        deliver_link(actor=None, link_id=link.pk, language="en")
    link.refresh_from_db()
    assert link.sent_at is None
    run_tasks()
    link.refresh_from_db()
    [text] = sms()
    assert link.sent_at is not None and Client().get(LINK.search(text)[1]).status_code == 200


def test_a_link_that_ends_while_its_token_is_made_is_not_sent(samira, job, sms, run_tasks, monkeypatch, roadside_dispatcher):
    made = given_links.new_token
    samira.post(page_of(job), {"do": "sms"})

    def slow_token():
        given_links.end_links(actor=roadside_dispatcher, assistance_id=job.pk)
        return made()

    monkeypatch.setattr(given_links, "new_token", slow_token)
    run_tasks()
    assert sms() == [] and RequestLink.objects.get().sent_at is None


def test_messages_of_a_company_are_bounded(samira, job, sms, run_tasks, settings):
    settings.THROTTLING_ENABLED, settings.MESSAGES_PER_COMPANY = True, 1
    samira.post(page_of(job), {"do": "sms"})
    refused = samira.post(page_of(job), {"do": "sms"}, follow=True).content.decode()
    run_tasks()
    assert len(sms()) == 1 and RequestLink.objects.count() == 1 and "Too many requests" in refused


def test_all_links_end_at_once(samira, job, roadside_dispatcher):
    path = LINK.search(samira.post(page_of(job), {"do": "show"}).content.decode())[1]
    samira.post(page_of(job), {"do": "end"})
    assert Client().get(path).status_code == 404 and Client().post(path, {"action": "cancel"}).status_code == 404
    assert AuditEvent.objects.get(event="request_links_ended").actor_id == roadside_dispatcher.pk
    assert Assistance.objects.get(pk=job.pk).is_open


def test_a_link_whose_sending_waits_is_ended_too(samira, job, sms, run_tasks):
    samira.post(page_of(job), {"do": "sms"})
    samira.post(page_of(job), {"do": "end"})
    run_tasks()
    assert sms() == []


def test_no_link_to_what_has_ended(samira, job, client_user):
    update_status(actor=client_user, assistance_id=job.pk, status="canceled")
    page = samira.post(page_of(job), {"do": "show"}, follow=True).content.decode()
    assert "already" in page and not RequestLink.objects.exists()


@pytest.mark.parametrize("whose", ["dispatcher", "viewer", "dispatcher_b"])
def test_who_does_not_work_the_roadside_gives_no_link(request, job, whose):
    console = Client()
    console.force_login(request.getfixturevalue(whose))
    for answer in (console.get(page_of(job)), console.post(page_of(job), {"do": "show"})):
        assert answer.status_code == 403
    assert not RequestLink.objects.exists()


def test_a_call_sends_the_link_with_the_request(samira, sms, run_tasks):
    call = {
        "phone": "0661 23 45 67", "name": "Nabil", "pickup": "36.7525, 3.0420", "pickup_at": "36.7525,3.0420",
        "assistance_type": "towing", "vehicle_type": "light", "do": "offer", "send_link": "1",
    }  # fmt: skip
    assert samira.post("/admin/dispatch/requests/new/", call).status_code == 302
    run_tasks()
    [text] = sms()
    assert text.startswith("To: +213661234567\n") and Client().get(LINK.search(text)[1]).status_code == 200
