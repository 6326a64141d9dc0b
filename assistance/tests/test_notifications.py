"""Notifications of requests: who is shown what, once, in their language, and what takes it away again."""

import json
import threading
from datetime import time, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from accounts.keyed_hashes import device_key
from accounts.limits import message_budget
from accounts.models import PushDevice, PushNotice, User
from accounts.steps import notifications as devices
from assistance import services, task_queueing
from assistance.models import Assistance, Offer
from depannini_dashmap.lib.errors import InvalidData, TooManyRequests
from depannini_dashmap.lib.outbound import push
from depannini_dashmap.lib.outbound.sms import SmsError
from depannini_dashmap.models import BudgetedMessage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def outbox(settings, tmp_path):
    settings.PUSH_URL = f"file://{tmp_path / 'push'}"
    settings.SMS_URL = f"file://{tmp_path / 'sms'}"
    return tmp_path


@pytest.fixture
def sent(run_tasks, outbox):
    """Let the worker run, and give what has left since the last time, oldest first."""
    read: set[Path] = set()

    def new():
        run_tasks()
        files = [file for file in (outbox / "push").glob("*.json") if file not in read]
        read.update(files)
        return [json.loads(file.read_text()) for file in sorted(files, key=lambda file: file.stat().st_mtime_ns)]

    return new


@pytest.fixture
def messages(outbox):
    """Give the SMS that have left."""
    return lambda: [file.read_text() for file in (outbox / "sms").glob("*.txt")] if (outbox / "sms").exists() else []


def phone(user, token=None, language="en"):
    token = token or f"phone-of-{user.pk}"
    return PushDevice.objects.create(user=user, kind="fcm", token=token, token_key=device_key("fcm", token), session="s", language=language)


def said(found):
    """Shorten messages to whom, of what, and the title; None for what is taken away."""
    return [(one["to"]["token"], one["tag"], None if one["is_withdrawn"] else one["title"]) for one in found]


# --- Offers --------------------------------------------------------------------------------------------------------------------
def test_an_offer_reaches_the_phone_and_leaves_it(ask, duty, client_user, assistant_user, sent):
    device = phone(duty(assistant_user), language="fr")
    job = ask(client_user, assistance_type="towing")
    [shown] = sent()
    assert (shown["tag"], shown["title"]) == (f"offer-{job.pk}", "Quelqu’un a besoin d’aide")
    assert shown["data"] == {"type": "offer", "assistance_id": str(job.pk)}
    assert shown["is_urgent"] and 0 < shown["ttl_s"] <= 900
    for personal in (client_user.name, client_user.phone_number, "36.75"):
        assert personal not in json.dumps(shown, ensure_ascii=False)
    assert sent() == []
    services.update_status(actor=client_user, assistance_id=job.pk, status="canceled")
    assert said(sent()) == [(device.token, f"offer-{job.pk}", None)]
    task_queueing.queue_push_of_offers([job.pk])
    assert sent() == []


def test_who_took_it_and_who_lost_it_see_it_no_more(ask, duty, client_user, assistant_user, make_assistant, sent):
    other = make_assistant(1, 36.7538, 3.0588)
    phone(duty(assistant_user))
    phone(other)
    job = ask(client_user)
    assert len(sent()) == 2
    services.accept(actor=assistant_user, assistance_id=job.pk)
    assert sorted(said(sent())) == sorted((f"phone-of-{user.pk}", f"offer-{job.pk}", None) for user in (assistant_user, other))


def test_who_went_off_duty_meanwhile_is_not_asked(ask, duty, client_user, assistant_user, sent):
    phone(duty(assistant_user))
    ask(client_user)
    services.set_duty(actor=assistant_user, is_active=False)
    assert sent() == []


def test_a_request_that_is_repeated_within_a_minute_is_not_shown_again(ask, duty, client_user, assistant_user, sent, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    phone(duty(assistant_user))
    first = ask(client_user)
    assert len(sent()) == 1
    services.update_status(actor=client_user, assistance_id=first.pk, status="canceled")
    second = ask(client_user)
    assert said(sent()) == [(f"phone-of-{assistant_user.pk}", f"offer-{first.pk}", None)]
    services.update_status(actor=client_user, assistance_id=second.pk, status="canceled")
    time_machine.shift(timedelta(seconds=61))
    services.report_location(actor=assistant_user, lat=36.7538, lng=3.0588)
    third = ask(client_user)
    assert said(sent()) == [(f"phone-of-{assistant_user.pk}", f"offer-{third.pk}", "Somebody needs help")]


# --- States --------------------------------------------------------------------------------------------------------------------
def test_a_client_follows_their_request(job_in, client_user, assistant_user, sent):
    phone(client_user)
    job = job_in("accepted", client_user, assistant_user)
    Assistance.objects.filter(pk=job.pk).update(eta_at=None)
    assert said(sent()) == [(f"phone-of-{client_user.pk}", f"assistance-{job.pk}", "Help is on the way")]
    Assistance.objects.filter(pk=job.pk).update(eta_at=timezone.now() + timedelta(minutes=4))
    task_queueing.queue_push_of_job(job.pk)
    assert [one["title"] for one in sent()] == ["Your assistant is almost there"]
    Assistance.objects.filter(pk=job.pk).update(eta_at=timezone.now() + timedelta(minutes=9))
    task_queueing.queue_push_of_job(job.pk)
    assert sent() == []
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="ongoing")
    assert [one["title"] for one in sent()] == ["Your assistant has begun"]
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="completed")
    assert [one["title"] for one in sent()] == ["Your request is completed"]
    assert PushNotice.objects.filter(user=client_user).count() == 1


def test_what_a_client_did_themselves_is_taken_away_elsewhere(job_in, client_user, assistant_user, sent):
    phone(client_user)
    phone(assistant_user)
    job = job_in("accepted", client_user, assistant_user)
    sent()
    services.update_status(actor=client_user, assistance_id=job.pk, status="canceled")
    assert sorted(said(sent()), key=str) == sorted(
        [(f"phone-of-{client_user.pk}", f"assistance-{job.pk}", None), (f"phone-of-{assistant_user.pk}", f"assistance-{job.pk}", "Your job is cancelled")],
        key=str,
    )


def test_a_job_that_is_given_back(job_in, client_user, assistant_user, staff_user, sent):
    phone(client_user)
    phone(assistant_user)
    job = job_in("accepted", client_user, assistant_user)
    sent()
    services.release(actor=staff_user, assistance_id=job.pk)
    titles = {(one["to"]["token"], one["title"]) for one in sent() if not one["is_withdrawn"]}
    assert titles == {(f"phone-of-{client_user.pk}", "We look for somebody else"), (f"phone-of-{assistant_user.pk}", "Your job was taken back")}


def test_a_job_from_the_office(ask, duty, client_user, assistant_user, staff_user, sent):
    phone(assistant_user)
    job = ask(client_user)
    services.assign_by_hand(actor=staff_user, assistance_id=job.pk, assistant_id=assistant_user.pk)
    assert said(sent()) == [(f"phone-of-{assistant_user.pk}", f"assistance-{job.pk}", "You have a new job")]


def test_silence(job_in, client_user, assistant_user, sent, time_machine, settings):
    time_machine.move_to(timezone.now(), tick=False)
    phone(client_user)
    job_in("accepted", client_user, assistant_user)
    sent()
    time_machine.shift(settings.ASSISTANCE_STALLED_AFTER + timedelta(seconds=2))
    assert [one["title"] for one in sent()] == ["We do not hear from your assistant"]


def test_a_price_and_its_answer(job_in, client_user, assistant_user, sent):
    from decimal import Decimal

    assistant_user.assistant_profile.__class__.objects.filter(pk=assistant_user.pk).update(service_type="repair")
    phone(client_user)
    phone(assistant_user)
    job = job_in("ongoing", client_user, assistant_user, assistance_type="repair")
    sent()
    services.set_price(actor=assistant_user, assistance_id=job.pk, amount=Decimal(2500))
    [asked] = sent()
    assert (asked["tag"], asked["body"]) == (f"price-{job.pk}", "2,500.00 DZD. Please accept or refuse it.")
    services.answer_price(actor=client_user, assistance_id=job.pk, accept=True)
    found = {(one["to"]["token"], one["tag"], one["is_withdrawn"]) for one in sent()}
    assert found == {(f"phone-of-{client_user.pk}", f"price-{job.pk}", True), (f"phone-of-{assistant_user.pk}", f"price-{job.pk}", False)}


def test_a_slow_push_leaves_no_old_state_on_the_phone(job_in, client_user, assistant_user, sent, run_tasks, monkeypatch):
    phone(client_user)
    job = job_in("accepted", client_user, assistant_user)
    really_send, waiting = push.send_all, [True]

    def slow(letters):
        if letters and waiting:
            waiting.clear()
            services.update_status(actor=assistant_user, assistance_id=job.pk, status="ongoing")
            run_tasks()  # another worker shows the new state first
        return really_send(letters)

    monkeypatch.setattr(push, "send_all", slow)
    titles = [one["title"] for one in sent()]
    assert len(titles) == 3 and titles[0] == titles[-1] == "Your assistant has begun"
    assert PushNotice.objects.get(user=client_user).content == "ongoing"


# --- Chat ----------------------------------------------------------------------------------------------------------------------
def test_a_message_reaches_the_other_without_its_text(job_in, client_user, assistant_user, sent):
    phone(client_user)
    phone(assistant_user)
    job = job_in("accepted", client_user, assistant_user)
    sent()
    services.post_chat(actor=client_user, assistance_id=job.pk, message="Secret words")
    [told] = sent()
    assert (told["to"]["token"], told["tag"], told["title"]) == (f"phone-of-{assistant_user.pk}", f"chat-{job.pk}", "New message")
    assert "Secret" not in json.dumps(told)
    services.post_chat(actor=assistant_user, assistance_id=job.pk, message="Answer")
    assert {(one["to"]["token"], one["is_withdrawn"]) for one in sent()} == {(f"phone-of-{assistant_user.pk}", True), (f"phone-of-{client_user.pk}", False)}


def test_within_quiet_hours_nobody_is_told_of_chat(job_in, client_user, assistant_user, sent, time_machine):
    time_machine.move_to("2026-11-28T22:30:00+00:00", tick=False)  # 23:30 in Algiers
    User.objects.filter(pk=client_user.pk).update(quiet_from=time(23), quiet_until=time(6))
    phone(client_user)
    job = job_in("accepted", client_user, assistant_user)
    assert [one["title"] for one in sent()] == ["Your assistant is almost there"]
    services.post_chat(actor=assistant_user, assistance_id=job.pk, message="Hello")
    assert sent() == []


# --- SMS -----------------------------------------------------------------------------------------------------------------------
def test_who_has_no_device_gets_an_sms_when_help_comes(job_in, client_user, assistant_user, sent, messages):
    User.objects.filter(pk=client_user.pk).update(phone_verified=True)
    job = job_in("accepted", client_user, assistant_user)
    assert sent() == []
    [text] = messages()
    assert text.startswith(f"To: {client_user.phone_number}\n") and "assistant" in text
    task_queueing.queue_push_of_job(job.pk)
    services.update_status(actor=assistant_user, assistance_id=job.pk, status="ongoing")
    sent()
    assert len(messages()) == 1


def test_no_sms_to_a_number_that_nobody_has_proven_nor_beside_a_device(job_in, client_user, assistant_user, sent, messages, settings):
    job = job_in("accepted", client_user, assistant_user)
    sent()
    User.objects.filter(pk=client_user.pk).update(phone_verified=True)
    settings.SMS_FALLBACK = False
    task_queueing.queue_push_of_job(job.pk)
    sent()
    settings.SMS_FALLBACK = True
    phone(client_user)
    task_queueing.queue_push_of_job(job.pk)
    sent()
    assert messages() == []


def test_an_sms_that_did_not_leave_is_sent_when_it_is_tried_again(job_in, client_user, assistant_user, sent, messages, settings):
    settings.THROTTLING_ENABLED = True
    User.objects.filter(pk=client_user.pk).update(phone_verified=True)
    job = job_in("accepted", client_user, assistant_user)
    works, settings.SMS_URL = settings.SMS_URL, "nowhere:"
    with pytest.raises(SmsError):
        services.push_job(actor=None, assistance_id=job.pk)
    assert not PushNotice.objects.exists() and not BudgetedMessage.objects.filter(kind="roadside").exists()
    settings.SMS_URL = works
    services.push_job(actor=None, assistance_id=job.pk)
    assert len(messages()) == 1 and BudgetedMessage.objects.filter(kind="roadside").count() == 1


def test_no_sms_beyond_the_budget_of_the_number(job_in, client_user, assistant_user, sent, messages, settings):
    settings.THROTTLING_ENABLED = True
    User.objects.filter(pk=client_user.pk).update(phone_verified=True)
    for _ in range(10):
        message_budget.spend_roadside(client_user.phone_number)
    job_in("accepted", client_user, assistant_user)
    sent()
    assert messages() == [] and not PushNotice.objects.exists()


def test_sms_of_requests_have_a_limit_of_their_own(settings):
    settings.THROTTLING_ENABLED = True
    spent = [message_budget.spend_roadside("+213555000001") for _ in range(10)]
    with pytest.raises(TooManyRequests) as refused:
        message_budget.spend_roadside("+213555000001")
    assert 0 < refused.value.retry_after <= 3600
    message_budget.spend_roadside("+213555000002")
    with pytest.raises(InvalidData):
        message_budget.spend_roadside("+870772000000")
    message_budget.give_back(spent[0])
    message_budget.spend_roadside("+213555000001")
    assert message_budget.try_spend(message_budget.CODE, "phone", "+213555000001")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_workers_send_one_sms(job_in, client_user, assistant_user, messages):
    User.objects.filter(pk=client_user.pk).update(phone_verified=True)
    job = job_in("accepted", client_user, assistant_user)
    barrier = threading.Barrier(4)

    def work():
        barrier.wait()
        services.push_job(actor=None, assistance_id=job.pk)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(messages()) == 1


# --- What fails ------------------------------------------------------------------------------------------------------------------
def test_a_device_that_is_no_more_is_forgotten_and_another_is_tried_again(ask, duty, client_user, assistant_user, run_tasks, monkeypatch, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    answers = {"gone": "gone", "slow": "later", "good": "sent"}
    heard = []

    def send_all(letters):
        heard.extend((address.token, message.is_withdrawn) for address, message in letters)
        return [answers[address.token] for address, _message in letters]

    monkeypatch.setattr(push, "send_all", send_all)
    duty(assistant_user)
    for token in answers:
        phone(assistant_user, token)
    job = ask(client_user)
    run_tasks()
    assert sorted(heard) == [("gone", False), ("good", False), ("slow", False)]
    assert set(PushDevice.objects.values_list("token", flat=True)) == {"slow", "good"}
    heard.clear()
    time_machine.shift(timedelta(seconds=3))
    with pytest.raises(devices.PushFailed):  # which the worker answers with a growing delay
        run_tasks()
    assert heard == [("slow", False)]
    answers["slow"] = "sent"
    device = PushDevice.objects.get(token="slow")
    services.push_again(actor=None, device_id=device.pk, tag=f"offer-{job.pk}")
    assert heard == [("slow", False)] * 2
    Offer.objects.filter(assistance=job).update(closed_at=timezone.now(), reason=Offer.Reason.CANCELED)
    heard.clear()
    services.push_again(actor=None, device_id=device.pk, tag=f"offer-{job.pk}")
    assert heard == []  # over, and about to be taken away by the flow that ends it
    PushNotice.objects.update(withdrawn_at=timezone.now())
    services.push_again(actor=None, device_id=device.pk, tag=f"offer-{job.pk}")
    assert heard == [("slow", True)]


def test_a_wave_costs_the_same_however_many_are_asked(ask, client_user, make_assistant, django_assert_num_queries, sent):
    """Offers that were made, open ones, shown before, devices, shown now; then the repetition of the rest and the note."""
    for number in (1, 2, 3):
        phone(make_assistant(number, 36.7538, 3.0588))
    job = ask(client_user)
    with django_assert_num_queries(6):
        services.push_offers(actor=None, assistance_ids=[job.pk])
    assert devices.with_devices(Offer.objects.values_list("assistant_id", flat=True)) == set(PushDevice.objects.values_list("user_id", flat=True))
