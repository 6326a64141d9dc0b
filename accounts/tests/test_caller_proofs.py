"""Codes of those who ask for help without an account: how many wrong ones there may be, and whose tries these use up."""

import re
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.keyed_hashes import code_hash
from accounts.limits.rates import DAILY_COMPARISONS
from accounts.models import CodeGuess, User, VerificationCode
from accounts.services import confirm_reset, enter_proof, request_proof, request_reset, use_up_proof
from accounts.steps.code_guesses import InvalidCode

pytestmark = pytest.mark.django_db
RIGHT, WRONG = "123456", "654321"
NUMBER = "+213555000001"


@pytest.fixture
def form():
    """Return the key of a form whose code has been sent; the code is always the same."""
    made = iter(range(100))

    def ask(number=NUMBER):
        key = f"form {next(made)}"
        request_proof(actor=None, form_key=key, phone_number=number)
        send(VerificationCode.objects.latest("pk"))
        return key

    return ask


def send(row):
    VerificationCode.objects.filter(pk=row.pk).update(
        code_hash=code_hash(row.pk, RIGHT), sent_at=timezone.now(), expires_at=timezone.now() + timedelta(minutes=10)
    )


def enter(key, code, number=NUMBER):
    """Enter a code and return whether it was right."""
    try:
        return bool(enter_proof(actor=None, form_key=key, phone_number=number, code=code))
    except InvalidCode:
        return False


def guess_all_day(form):
    for _ in range(-(-DAILY_COMPARISONS // VerificationCode.MAX_TRIES_PER_CALLER)):
        key = form()
        assert not any(enter(key, WRONG) for _ in range(VerificationCode.MAX_TRIES_PER_CALLER))


def test_a_number_has_nineteen_wrong_short_codes_a_day(form, settings, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    guess_all_day(form)
    key, other = form(), form("+213555000002")
    settings.THROTTLING_ENABLED = True
    assert not enter(key, RIGHT)
    assert enter(other, RIGHT, "+213555000002")
    time_machine.shift(timedelta(days=1, seconds=1))
    settings.THROTTLING_ENABLED = False
    key = form()
    settings.THROTTLING_ENABLED = True
    assert enter(key, RIGHT)


def test_wrong_codes_of_strangers_keep_nobody_from_proving_a_number(messages, form, settings):
    guess_all_day(form)
    settings.THROTTLING_ENABLED = True
    request_proof(actor=None, form_key="owner", phone_number=NUMBER)
    (code,) = re.findall(r"is (\d{8})\.", messages(NUMBER)[-1])
    assert enter("owner", code)


def test_long_codes_have_five_tries_which_count_for_no_day(messages, form, settings):
    guess_all_day(form)
    counted = CodeGuess.objects.count()
    settings.THROTTLING_ENABLED = True
    request_proof(actor=None, form_key="owner", phone_number=NUMBER)
    (code,) = re.findall(r"is (\d{8})\.", messages(NUMBER)[-1])
    assert not any(enter("owner", WRONG) for _ in range(VerificationCode.MAX_TRIES_PER_CALLER))
    assert not enter("owner", code)
    assert (CodeGuess.objects.count(), VerificationCode.objects.latest("pk").tries) == (counted, 5)


def test_a_number_that_nobody_guesses_at_gets_six_digits(messages, settings):
    settings.THROTTLING_ENABLED = True
    request_proof(actor=None, form_key="owner", phone_number=NUMBER)
    assert re.findall(r"is (\d{6})\.", messages(NUMBER)[-1])


def test_a_right_code_is_no_guess_and_good_once(form):
    key = form()
    proof_id = enter_proof(actor=None, form_key=key, phone_number=NUMBER, code=RIGHT)
    assert not CodeGuess.objects.exists() and VerificationCode.objects.get(pk=proof_id).tries == 0
    use_up_proof(actor=None, proof_id=proof_id)
    with pytest.raises(InvalidCode):
        use_up_proof(actor=None, proof_id=proof_id)
    assert not enter(key, RIGHT)


def test_guesses_at_a_form_use_up_no_tries_of_the_account(form, client_user, settings):
    User.objects.filter(pk=client_user.pk).update(phone_verified=True)
    guess_all_day(form)
    request_reset(actor=None, channel="phone", address=NUMBER)
    send(VerificationCode.objects.get(user=client_user))
    settings.THROTTLING_ENABLED = True
    confirm_reset(actor=None, channel="phone", address=NUMBER, code=RIGHT, new_password="another-horse-battery")
    client_user.refresh_from_db()
    assert client_user.check_password("another-horse-battery")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_wrong_codes_at_once_are_counted_one_by_one(form, settings):
    keys = [form() for _ in range(8)]
    row = VerificationCode.objects.latest("pk")
    CodeGuess.objects.create(address_key=row.address_key, purpose="help", caller="x", compared=DAILY_COMPARISONS - 3)
    settings.THROTTLING_ENABLED = True
    barrier = threading.Barrier(len(keys))

    def guess(key):
        barrier.wait()
        enter(key, WRONG)
        connection.close()

    threads = [threading.Thread(target=guess, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert CodeGuess.objects.filter(caller="").count() == 3
