"""Codes that are good for the one form of a page that they were asked from: nobody's asking or guessing ends another's.

Guessing is bounded for good, and locks nobody out. A code has five tries. Codes of six digits are compared with 19 wrong ones
a day, of all forms of a number (and of all other codes of its account) together. Once ten were wrong, codes are sent with
eight digits, whose tries need no other bound: a number gets at most 20 messages a day (`message_budget`), so who guesses day
by day finds a code with a chance of 19/10^6 + 20 * 5/10^8, which is 2 in 100,000 a day.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import tasks
from accounts.keyed_hashes import address_key, is_code
from accounts.limits.rates import DAILY_COMPARISONS
from accounts.models import CodeGuess, VerificationCode
from accounts.requester_keys import present_caller
from accounts.steps.code_guesses import InvalidCode, spent_today
from depannini_dashmap.lib.db.advisory_locks import take_lock

PHONE = VerificationCode.Channel.PHONE
AGAIN_AFTER = timedelta(seconds=30)
LONG_FROM = 10  # wrong codes of a day


def codes_of(purpose: str, form_key: str, phone_number: str) -> QuerySet[VerificationCode]:
    """Return the open codes that were asked for from a form."""
    keys = {"address_key": address_key(PHONE, phone_number), "asked_by": _form_hash(form_key)}
    return VerificationCode.objects.open().filter(channel=PHONE, purpose=purpose, **keys)


def keep_code(row: VerificationCode, form_key: str) -> None:
    """Store a code of a form, of more digits where somebody has been guessing, and queue its sending; it ends the form's last.

    Call it inside the transaction that asks for it.
    """
    now = timezone.now()
    row.asked_by = _form_hash(form_key)
    row.digits = VerificationCode.LONG if settings.THROTTLING_ENABLED and spent_today(row, now) >= LONG_FROM else VerificationCode.SHORT
    same = VerificationCode.objects.open().filter(purpose=row.purpose, address_key=row.address_key, asked_by=row.asked_by)
    same.update(ended_at=now)
    row.save()
    tasks.queue_code(row)


def enter_form_code(purpose: str, form_key: str, phone_number: str, code: str) -> VerificationCode:
    """Return the row of a right code, which the caller uses up; a wrong one is counted for good.

    Shape: the caller has no transaction open. Raises: InvalidCode.
    """
    with transaction.atomic():
        take_lock(f"code {address_key(PHONE, phone_number)}")
        row = _compared(codes_of(purpose, form_key, phone_number), code, timezone.now())
    if row is None:
        raise InvalidCode()
    return row


def _compared(codes: QuerySet[VerificationCode], code: str, now: datetime) -> VerificationCode | None:
    row = codes.filter(expires_at__gt=now, tries__lt=VerificationCode.MAX_TRIES_PER_CALLER).exclude(code_hash="").order_by("-id").first()
    if row is None or not _is_compared(row, now):
        return None
    if is_code(row.pk, code, row.code_hash):
        return row
    VerificationCode.objects.filter(pk=row.pk).update(tries=F("tries") + 1)
    if row.digits == VerificationCode.SHORT:
        CodeGuess.objects.create(
            user_id=row.user_id, address_key=row.address_key, purpose=row.purpose, caller=present_caller(None), compared=1, at=now
        )
    return None


def _is_compared(row: VerificationCode, now: datetime) -> bool:
    is_short = row.digits == VerificationCode.SHORT
    return not (is_short and settings.THROTTLING_ENABLED) or spent_today(row, now) < DAILY_COMPARISONS


def _form_hash(form_key: str) -> str:
    return salted_hmac("accounts.help", form_key, algorithm="sha256").hexdigest()
