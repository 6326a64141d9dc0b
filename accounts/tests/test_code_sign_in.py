"""Signing in by a code alone: for whom, once, in its own form, and for nothing else."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import CodeGuess, User, VerificationCode
from accounts.services import (
    confirm_reset,
    request_reset,
    request_sign_in,
    set_active,
    set_password,
    sign_in_by_code,
    verify_address,
)
from accounts.steps.code_guesses import InvalidCode

pytestmark = pytest.mark.django_db
FORM = "the form of the owner"


@pytest.fixture
def proven(assistant_user):
    """An assistant whose number is proven."""
    User.objects.filter(pk=assistant_user.pk).update(phone_verified=True)
    assistant_user.refresh_from_db()
    return assistant_user


@pytest.fixture
def ask(codes):
    """Ask for a code and return the newest that was sent to the number, if any."""

    def sent(number, form=FORM):
        request_sign_in(actor=None, form_key=form, phone_number=number)
        return (codes(number) or [""])[-1]

    return sent


def enter(number, code, form=FORM):
    """Enter a code and return whom it signs in."""
    try:
        return sign_in_by_code(actor=None, form_key=form, phone_number=number, code=code)
    except InvalidCode:
        return None


def test_a_code_signs_in_once(proven, ask):
    code = ask(proven.phone_number)
    assert enter(proven.phone_number, code) == proven
    assert enter(proven.phone_number, code) is None


def test_nobody_else_gets_one(ask, assistant_user, client_user, staff_user):
    User.objects.filter(pk=client_user.pk).update(phone_verified=True)
    User.objects.filter(pk=staff_user.pk).update(phone_number="+213555999111", phone_verified=True)
    for number in (assistant_user.phone_number, client_user.phone_number, "+213555999111"):
        assert ask(number) == ""
    assert not VerificationCode.objects.filter(user__isnull=False).exists()


def test_asking_costs_the_same_for_any_number(proven, settings):
    settings.THROTTLING_ENABLED = True
    counted = []
    for number in (proven.phone_number, "+213660000000"):
        with CaptureQueriesContext(connection) as found:
            request_sign_in(actor=None, form_key=FORM, phone_number=number)
        counted.append(len(found))
    assert counted[0] == counted[1] and VerificationCode.objects.count() == 2


def test_a_code_is_good_for_its_form_and_for_signing_in_alone(proven, ask, codes):
    code = ask(proven.phone_number)
    assert enter(proven.phone_number, code, "the form of somebody else") is None
    where = {"channel": "phone", "address": proven.phone_number, "code": code}
    with pytest.raises(InvalidCode):
        confirm_reset(actor=None, **where, new_password="another-horse-battery")
    with pytest.raises(InvalidCode):
        verify_address(actor=None, **where)
    request_reset(actor=None, channel="phone", address=proven.phone_number)
    of_reset = codes(proven.phone_number)[-1]
    assert of_reset == code or enter(proven.phone_number, of_reset) is None
    assert enter(proven.phone_number, code) == proven


@pytest.mark.parametrize("change", ["number", "unproven", "type", "switched off", "password"])
def test_what_changed_in_between_ends_a_code(proven, ask, other_client, change):
    code, number = ask(proven.phone_number), proven.phone_number
    if change == "number":
        User.objects.filter(pk=proven.pk).update(phone_number="+213555888777")
        User.objects.filter(pk=other_client.pk).update(phone_number=number, phone_verified=True, user_type="assistant")
    elif change == "unproven":
        User.objects.filter(pk=proven.pk).update(phone_verified=False)
    elif change == "type":
        User.objects.filter(pk=proven.pk).update(user_type="client")
    elif change == "switched off":
        set_active(actor=None, user=proven, is_active=False)
    else:
        set_password(actor=None, user=proven, password="another-horse-battery")
    assert enter(number, code) is None


def test_wrong_codes_of_strangers_do_not_lock_the_owner_out(proven, ask, messages, settings):
    for form in range(4):
        ask(proven.phone_number, f"stranger {form}")
        assert not any(enter(proven.phone_number, "x", f"stranger {form}") for _ in range(5))
    assert CodeGuess.objects.filter(user=proven, purpose="signin").count() == 20
    settings.THROTTLING_ENABLED = True
    request_sign_in(actor=None, form_key=FORM, phone_number=proven.phone_number)
    code = messages(proven.phone_number)[-1].partition("code is ")[2][:8]
    assert code.isdigit() and enter(proven.phone_number, code) == proven


def test_a_form_gets_one_code_in_half_a_minute(proven, ask, codes, time_machine):
    now = timezone.now()
    time_machine.move_to(now, tick=False)
    for seconds in (0, 10, 29, 31):
        time_machine.move_to(now + timedelta(seconds=seconds), tick=False)
        ask(proven.phone_number)
    assert len(codes(proven.phone_number)) == 2


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_code_entered_by_many_at_once_signs_in_one(proven, ask):
    code = ask(proven.phone_number)
    barrier, found = threading.Barrier(6), []

    def attempt():
        barrier.wait()
        found.append(enter(proven.phone_number, code))
        connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(user is not None for user in found) == 1 and len(found) == 6
