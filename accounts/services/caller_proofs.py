"""Codes by which somebody without an account proves the number that they ask for help under.

A code is good for the one form that it was asked from, so nobody's asking ends another's; it opens no account. Wrong ones
count apart from those at accounts: whoever guesses here uses up no owner's tries to sign in.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts import tasks
from accounts.keyed_hashes import address_key, is_code
from accounts.limits import message_budget
from accounts.models import VerificationCode
from accounts.steps.code_guesses import InvalidCode, note_wrong_proof, proofs_left
from depannini_dashmap.lib.db.advisory_locks import take_lock
from depannini_dashmap.lib.errors import InvalidData, TooManyRequests
from depannini_dashmap.lib.outbound.sms_destinations import barred_because

PHONE, HELP = VerificationCode.Channel.PHONE, VerificationCode.Purpose.HELP
AGAIN_AFTER = timedelta(seconds=30)


@transaction.atomic
def request_proof(*, actor: None, form_key: str, phone_number: str) -> None:
    """Have a code sent to a number; within half a minute of the last one the same form gets no other.

    Shape: no `actor`, as nobody is signed in; `form_key` names the form that the code is good for.
    Raises: InvalidData for a number that gets no SMS; TooManyRequests when the budget of messages has no room.
    """
    if barred_because(phone_number):
        raise InvalidData(fields={"phone": [_("No SMS is sent to this number")]})
    mine = _codes_of(form_key, phone_number)
    if mine.filter(created_at__gt=timezone.now() - AGAIN_AFTER).exists():
        return
    if not message_budget.allow(message_budget.CODE, PHONE, phone_number):
        raise TooManyRequests(_("Too many codes were asked for. Try again in an hour, or call us."), retry_after=3600)
    mine.update(ended_at=timezone.now())
    row = VerificationCode.objects.create(
        channel=PHONE,
        purpose=HELP,
        address_key=address_key(PHONE, phone_number),
        asked_by=_asker(form_key),
        claimed_address=phone_number,
    )
    tasks.queue_code(row)


def enter_proof(*, actor: None, form_key: str, phone_number: str, code: str) -> int:
    """Return the id of the row of a right code, which the caller uses up; a wrong one is counted for good.

    Shape: no `actor`; the caller has no transaction open. Five wrong ones end a code, twenty a number's day.
    Raises: InvalidCode.
    """
    with transaction.atomic():
        take_lock(f"code {address_key(PHONE, phone_number)}")
        proof_id = _compared(form_key, phone_number, code, timezone.now())
    if proof_id is None:
        raise InvalidCode()
    return proof_id


def _compared(form_key: str, phone_number: str, code: str, now: datetime) -> int | None:
    row = _codes_of(form_key, phone_number).enterable(now).order_by("-id").first()
    if row is None or row.tries >= VerificationCode.MAX_TRIES_PER_CALLER or not proofs_left(row.address_key, now):
        return None
    if is_code(row.pk, code, row.code_hash):
        return row.pk
    note_wrong_proof(row, now)
    return None


def use_up_proof(*, actor: None, proof_id: int) -> None:
    """Let exactly one request be made by a code that is right; no `actor`. Raises: InvalidCode."""
    if not VerificationCode.objects.open().filter(pk=proof_id).update(ended_at=timezone.now()):
        raise InvalidCode()


def _codes_of(form_key: str, phone_number: str):  # type: ignore[no-untyped-def]
    keys = {"address_key": address_key(PHONE, phone_number), "asked_by": _asker(form_key)}
    return VerificationCode.objects.open().filter(channel=PHONE, purpose=HELP, **keys)


def _asker(form_key: str) -> str:
    return salted_hmac("accounts.help", form_key, algorithm="sha256").hexdigest()
