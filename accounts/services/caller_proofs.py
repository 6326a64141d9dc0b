"""Codes by which somebody without an account proves the number that they ask for help under.

They open no account, and wrong ones count apart from those at accounts: whoever guesses here uses up no owner's tries.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.keyed_hashes import address_key
from accounts.limits import message_budget
from accounts.models import VerificationCode
from accounts.steps import form_codes
from accounts.steps.code_guesses import InvalidCode
from accounts.steps.form_codes import AGAIN_AFTER, PHONE
from depannini_dashmap.lib.errors import InvalidData, TooManyRequests
from depannini_dashmap.lib.outbound.sms_destinations import barred_because

HELP = VerificationCode.Purpose.HELP


@transaction.atomic
def request_proof(*, actor: None, form_key: str, phone_number: str) -> None:
    """Have a code sent to a number; within half a minute of the last one the same form gets no other.

    Shape: no `actor`, as nobody is signed in; `form_key` names the form that the code is good for.
    Raises: InvalidData for a number that gets no SMS; TooManyRequests when the budget of messages has no room.
    """
    if barred_because(phone_number):
        raise InvalidData(fields={"phone": [_("No SMS is sent to this number")]})
    mine = form_codes.codes_of(HELP, form_key, phone_number)
    if mine.filter(created_at__gt=timezone.now() - AGAIN_AFTER).exists():
        return
    if not message_budget.try_spend(message_budget.CODE, PHONE, phone_number):
        raise TooManyRequests(_("Too many codes were asked for. Try again in an hour, or call us."), retry_after=3600)
    row = VerificationCode(channel=PHONE, purpose=HELP, address_key=address_key(PHONE, phone_number), claimed_address=phone_number)
    form_codes.keep_code(row, form_key)


def enter_proof(*, actor: None, form_key: str, phone_number: str, code: str) -> int:
    """Return the id of the row of a right code, which the caller uses up; a wrong one is counted for good.

    Shape: no `actor`; the caller has no transaction open. Raises: InvalidCode.
    """
    return form_codes.enter_form_code(HELP, form_key, phone_number, code).pk


def use_up_proof(*, actor: None, proof_id: int) -> None:
    """Let exactly one request be made by a code that is right; no `actor`. Raises: InvalidCode."""
    if not VerificationCode.objects.open().filter(pk=proof_id).update(ended_at=timezone.now()):
        raise InvalidCode()
