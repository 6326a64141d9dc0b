"""Verification and reset codes (A06-A13, A19, E20, G14, G15)."""

import re
import socket
import threading
import time
from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts import messages as messages_module
from accounts import tasks, tokens
from accounts.models import Notice, User, VerificationCode
from accounts.services import codes as service
from accounts.services import request_reset, request_verification
from accounts.steps.notices import send_notice
from depannini_dashmap.lib.ops.worker import Worker

pytestmark = pytest.mark.django_db
NEW = "tow-me-home-42"
VERIFY, RESET = "/api/auth/verify-email/", "/api/auth/password-reset/"
CONFIRM, RESEND = "/api/auth/password-reset/confirm/", "/api/auth/resend-verification/"


def verify(api, email, code):
    return api().post(VERIFY, {"email": email, "code": code})


def reset(api, email, code, password=NEW):
    body = {"email": email, "code": code, "new_password": password, "new_password_confirm": password}
    return api().post(CONFIRM, body)


def wrong(code):
    return f"{(int(code) + 1) % 10**6:06d}"


def same(answer):
    return answer.status_code, {name: value for name, value in answer.json().items() if name != "request_id"}


def test_an_email_is_verified_by_its_code(api, client_user, codes):
    api().post(RESEND, {"email": client_user.email})
    (code,) = codes(client_user.email)
    answer = verify(api, client_user.email.upper(), code)
    assert answer.status_code == 200
    assert answer.json()["email_verified"] is True
    client_user.refresh_from_db()
    assert (client_user.email_verified, client_user.phone_verified) == (True, False)
    assert verify(api, client_user.email, code).status_code == 400


def test_a_phone_is_verified_by_its_code(api, client_user, codes):
    api().post(RESEND, {"phone_number": "0555 00 00 01"})
    (code,) = codes(client_user.phone_number)
    answer = api().post("/api/auth/verify-phone/", {"phone_number": "0555000001", "code": code})
    assert answer.status_code == 200
    client_user.refresh_from_db()
    assert client_user.phone_verified is True


def test_five_wrong_codes_kill_the_right_one(api, client_user, codes):
    request_verification(actor=None, channel="email", address=client_user.email)
    (code,) = codes(client_user.email)
    answers = [same(verify(api, client_user.email, wrong(code))) for _ in range(5)]
    answers.append(same(verify(api, client_user.email, code)))
    assert answers == [answers[0]] * 6
    assert answers[0][0] == 400
    assert answers[0][1]["code"] == "invalid_code"
    request_verification(actor=None, channel="email", address=client_user.email)
    assert verify(api, client_user.email, codes(client_user.email)[-1]).status_code == 200


def test_four_wrong_codes_leave_one_try(api, client_user, codes):
    request_verification(actor=None, channel="email", address=client_user.email)
    (code,) = codes(client_user.email)
    for _ in range(4):
        verify(api, client_user.email, wrong(code))
    assert verify(api, client_user.email, code).status_code == 200


def test_three_codes_are_valid_at_a_time(api, client_user, codes):
    """The three newest codes of one caller count, however many others asked for."""
    for _ in range(4):
        request_verification(actor=None, channel="email", address=client_user.email)
        codes(client_user.email)
    first, *others = codes(client_user.email)
    for code in {first} - set(others):
        assert verify(api, client_user.email, code).status_code == 400
    assert verify(api, client_user.email, others[0]).status_code == 200
    for code in others:
        assert verify(api, client_user.email, code).status_code == 400, "proven once, all of them are over"


def test_codes_do_not_travel(api, client_user, other_client, codes):
    """Neither to another purpose, nor to another address or channel."""
    request_verification(actor=None, channel="email", address=client_user.email)
    request_verification(actor=None, channel="email", address=other_client.email)
    (mine,), (theirs,) = codes(client_user.email), codes(other_client.email)
    assert reset(api, client_user.email, mine).status_code == 400
    if mine != theirs:
        assert verify(api, other_client.email, mine).status_code == 400
    phone = {"phone_number": client_user.phone_number, "code": mine}
    assert api().post("/api/auth/verify-phone/", phone).status_code == 400
    assert verify(api, client_user.email, mine).status_code == 200


def test_a_code_lives_ten_minutes(api, client_user, codes, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    for late, expected in ((timedelta(minutes=9, seconds=59), 200), (timedelta(minutes=10, seconds=1), 400)):
        User.objects.filter(pk=client_user.pk).update(email_verified=False)
        request_verification(actor=None, channel="email", address=client_user.email)
        code = codes(client_user.email)[-1]
        time_machine.shift(late)
        assert verify(api, client_user.email, code).status_code == expected


def test_codes_are_six_digits_and_do_not_follow_a_seed(client_user, codes):
    import random

    for _ in range(2):
        random.seed(1)
        request_verification(actor=None, channel="email", address=client_user.email)
        codes(client_user.email)
    first, second = codes(client_user.email)
    assert first != second
    assert re.fullmatch(r"\d{6}", first)


def test_leading_zeros_are_kept(api, client_user, codes, monkeypatch):
    monkeypatch.setattr(tasks.secrets, "randbelow", lambda limit: 42)
    request_verification(actor=None, channel="email", address=client_user.email)
    assert codes(client_user.email) == ["000042"]
    assert verify(api, client_user.email, 42).status_code == 200


@pytest.mark.parametrize("code", ["", None, "12345", "abcdef", "１２３４５６", "0" * 33, ["1"], {"a": 1}, True])
def test_what_is_no_code(api, client_user, code):
    assert verify(api, client_user.email, code).status_code == 400


def test_rows_and_tasks_hold_no_code_and_no_address(api, client_user, codes, run_tasks):
    request_verification(actor=None, channel="email", address=client_user.email)
    request_reset(actor=None, channel="phone", address=client_user.phone_number)
    queued = str(list(DBTaskResult.objects.values()))
    (code,) = codes(client_user.email)
    (other,) = codes(client_user.phone_number)
    rows = str([*VerificationCode.objects.values(), *DBTaskResult.objects.values()]) + queued
    for secret in (client_user.email, client_user.phone_number):
        assert secret not in rows
    fields = [value for row in VerificationCode.objects.values() for value in row.values()]
    assert code not in fields and other not in fields


def test_a_task_that_runs_twice_sends_once(client_user, run_tasks, mailoutbox):
    request_verification(actor=None, channel="email", address=client_user.email)
    row = VerificationCode.objects.get()
    run_tasks()
    tasks.deliver_code.call(row.pk)
    assert len(mailoutbox) == 1


def test_a_refused_mail_is_tried_again_with_a_new_code(api, client_user, settings, mailoutbox, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    request_verification(actor=None, channel="email", address=client_user.email)
    assert Worker().drain() == 1
    assert mailoutbox == []
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert Worker().drain() == 0, "the second try waits"
    time_machine.shift(3)
    assert Worker().drain() == 1
    code = re.search(r"code is (\d{6})", mailoutbox[0].body).group(1)
    assert verify(api, client_user.email, code).status_code == 200


def test_a_task_is_parked_after_ten_tries(client_user, settings, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    request_verification(actor=None, channel="email", address=client_user.email)
    tries = 0
    for _ in range(15):
        tries += Worker().drain()
        time_machine.shift(2000)
    assert tries == 10
    (parked,) = DBTaskResult.objects.failed()
    assert parked.task_path == "accounts.tasks.deliver_code"


@pytest.mark.parametrize("is_cut", [False, True])
def test_a_repeated_notice_has_the_same_message_id_and_a_repeated_code_does_not(
    client_user, monkeypatch, mailoutbox, time_machine, is_cut
):
    """A mailbox that drops what it knows keeps one notice, and the code that counts."""
    time_machine.move_to(timezone.now(), tick=False)
    deliver = messages_module.mail.deliver

    def cut(message, **options):
        deliver(message, **options)
        if sum(mail.subject == message.subject for mail in mailoutbox) == 1 and is_cut:
            raise ConnectionError

    monkeypatch.setattr(messages_module.mail, "deliver", cut)
    request_verification(actor=None, channel="email", address=client_user.email)
    for _ in range(2):  # two notices that say the same
        send_notice(client_user, Notice.Kind.PASSWORD_CHANGED, "email", client_user.email)
    Worker().drain()
    time_machine.shift(10)
    Worker().drain()
    ids = [[mail.message()["Message-ID"] for mail in mailoutbox if word in mail.subject] for word in ("password", "code")]
    assert [len(found) for found in ids] == ([3, 2] if is_cut else [2, 1])
    assert [len(set(found)) for found in ids] == ([2, 2] if is_cut else [2, 1])


def test_a_mail_server_that_drips_does_not_hold_the_worker(client_user, settings, monkeypatch):
    monkeypatch.setattr(messages_module, "_MAIL_PATIENCE", 1.0)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.getsockname()

        def drip():
            line, _ = server.accept()
            with line, suppress(OSError):
                while not stop.wait(0.2):
                    line.sendall(b"2")

        thread = threading.Thread(target=drip)
        thread.start()
        request_verification(actor=None, channel="email", address=client_user.email)
        begun = time.monotonic()
        threading.Timer(6, stop.set).start()
        assert Worker().drain() == 1
        took = time.monotonic() - begun
        stop.set()
        thread.join()
    assert took < 3
    assert DBTaskResult.objects.filter(status="READY").count() == 1


# --- What a request for a code reveals ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", [RESET, RESEND])
@pytest.mark.parametrize("field", ["email", "phone_number"])
def test_a_request_for_a_code_reveals_nothing(api, client_user, path, field, django_assert_num_queries, messages, mailoutbox):
    unknown = {"email": "nobody@example.com", "phone_number": "+213555987654"}[field]
    answers, costs = [], []
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for value in (getattr(client_user, field), unknown):
        with CaptureQueriesContext(connection) as queries:
            answers.append(same(api().post(path, {field: value})))
        costs.append([query["sql"].split()[0] for query in queries])
    assert answers[0] == answers[1]
    assert answers[0][0] == 200
    assert costs[0] == costs[1], "the same statements, so about the same time"
    assert len(messages(getattr(client_user, field))) == 1
    assert messages(unknown) == []


def test_asking_for_a_verified_address_sends_nothing(api, client_user, messages):
    User.objects.filter(pk=client_user.pk).update(email_verified=True)
    assert api().post(RESEND, {"email": client_user.email}).status_code == 200
    assert messages(client_user.email) == []


def test_resend_without_a_body_is_for_signed_in_users(api, client_user, messages):
    assert api().post(RESEND).status_code == 400
    assert api(client_user).post(RESEND).status_code == 200
    assert len(messages(client_user.email)) == len(messages(client_user.phone_number)) == 1


def test_verify_email_without_a_body_sends_and_confirm_takes_the_code(api, client_user, codes):
    assert api().post(VERIFY).status_code == 401
    assert api(client_user).post(VERIFY).status_code == 200
    (code,) = codes(client_user.email)
    assert api().post(f"{VERIFY}confirm/", {"code": code}).status_code == 401
    assert api(client_user).post(f"{VERIFY}confirm/", {"code": code}).status_code == 200


@pytest.mark.parametrize("body", [{}, {"email": ""}, {"email": "x"}, {"phone_number": "12"}, {"email": ["a@b.c"]}])
def test_asking_for_nothing_is_malformed(api, body):
    assert api().post(RESET, body).status_code == 400


# --- Quotas ----------------------------------------------------------------------------------------------------------------
def test_nineteen_guesses_a_day(api, client_user, codes, settings, time_machine):
    """G14: 19 counted guesses of 10^6, and the long codes of forms, are a chance of 2e-5 per account and day, for any number of codes."""
    settings.THROTTLING_ENABLED = True
    time_machine.move_to(timezone.now(), tick=False)
    counted = 0
    for _ in range(3):
        for channel, address in (("email", client_user.email), ("phone", client_user.phone_number)):
            request_verification(actor=None, channel=channel, address=address)
            code = codes(address)[-1]
            for _ in range(5):
                with pytest.raises(service.InvalidCode):
                    service.verify_address(actor=None, channel=channel, address=address, code=wrong(code))
        time_machine.shift(3601)
    counted = sum(VerificationCode.objects.values_list("tries", flat=True))
    assert counted == 19
    assert verify(api, client_user.email, codes(client_user.email)[-1]).status_code == 400


# --- Reset -----------------------------------------------------------------------------------------------------------------
def test_a_reset_ends_everything_and_says_so(api, client_user, codes, messages, password):
    pair, fleet = tokens.issue_pair(client_user), tokens.issue_fleet_token(client_user)
    api().post(RESET, {"email": client_user.email})
    (code,) = codes(client_user.email)
    assert reset(api, client_user.email, code).status_code == 200
    for header in (f"Bearer {pair['access']}", f"Token {fleet}"):
        assert api().get("/api/auth/profile/", HTTP_AUTHORIZATION=header).status_code == 401
    assert api().post("/api/auth/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401
    login = {"email": client_user.email}
    assert api().post("/api/auth/login/email/", {**login, "password": password}).status_code == 401
    assert api().post("/api/auth/login/email/", {**login, "password": NEW}).status_code == 200
    assert "password of your account was changed" in messages(client_user.email)[-1]
    assert Notice.objects.count() == 0
    assert reset(api, client_user.email, code).status_code == 400


def test_a_reset_by_phone(api, client_user, codes):
    api().post(RESET, {"phone_number": "0555000001"})
    (code,) = codes(client_user.phone_number)
    body = {"phone_number": "0555000001", "code": code, "new_password": NEW, "new_password_confirm": NEW}
    assert api().post(CONFIRM, body).status_code == 200
    client_user.refresh_from_db()
    assert client_user.check_password(NEW)
    assert client_user.phone_verified is True


def test_a_weak_password_does_not_use_the_code_up(api, client_user, codes):
    request_reset(actor=None, channel="email", address=client_user.email)
    (code,) = codes(client_user.email)
    for weak in ("short", "12345678", "amina@example.com"):
        answer = reset(api, client_user.email, code, weak)
        assert (answer.status_code, list(answer.json()["fields"])) == (400, ["new_password"])
    assert reset(api, client_user.email, code).status_code == 200


def test_both_new_passwords_must_match(api, client_user):
    body = {"email": client_user.email, "code": "1", "new_password": NEW, "new_password_confirm": NEW + "x"}
    assert list(api().post(CONFIRM, body).json()["fields"]) == ["new_password_confirm"]


def test_known_and_unknown_accounts_refuse_codes_alike(api, client_user, codes):
    request_reset(actor=None, channel="email", address=client_user.email)
    codes(client_user.email)
    assert same(reset(api, client_user.email, "x")) == same(reset(api, "nobody@example.com", "x"))
    assert same(verify(api, client_user.email, "x")) == same(verify(api, "nobody@example.com", "x"))


def test_a_switched_off_account_cannot_be_reset(api, client_user, messages):
    User.objects.filter(pk=client_user.pk).update(is_active=False)
    assert api().post(RESET, {"email": client_user.email}).status_code == 200
    assert messages(client_user.email) == []


# --- Password change -----------------------------------------------------------------------------------------------------------
def change(client, old, new, confirm=None):
    body = {"old_password": old, "new_password": new, "new_password_confirm": confirm or new}
    return client.post("/api/auth/password-change/", body)


def test_a_password_change_ends_every_session(api, client_user, password):
    mine, other = api(client_user), api(client_user)
    assert change(mine, password, NEW).status_code == 200
    assert mine.get("/api/auth/profile/").status_code == 401
    assert other.get("/api/auth/profile/").status_code == 401
    client_user.refresh_from_db()
    assert client_user.check_password(NEW)


def test_a_password_change_that_fails_changes_nothing(api, client_user, password):
    client = api(client_user)
    assert list(change(client, "wrong", NEW).json()["fields"]) == ["old_password"]
    assert list(change(client, password, "12345678").json()["fields"]) == ["new_password"]
    assert list(change(client, password, NEW, "else").json()["fields"]) == ["new_password_confirm"]
    assert client.get("/api/auth/profile/").status_code == 200
    client_user.refresh_from_db()
    assert client_user.check_password(password)


def test_a_stolen_token_cannot_guess_the_password(api, client_user, password, settings):
    settings.THROTTLING_ENABLED = settings.AXES_ENABLED = True
    client = api(client_user)
    assert [change(client, "wrong", NEW).status_code for _ in range(6)] == [400] * 5 + [429]
    assert change(client, password, NEW).status_code == 429
