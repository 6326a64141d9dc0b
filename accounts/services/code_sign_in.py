"""Signing in by a code alone, for assistants who have proven their number; who may do so where belongs to the pages.

A code is good in the form that asked for it alone, and for nothing else: it neither resets a password nor proves a number.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.keyed_hashes import address_key
from accounts.limits import message_budget
from accounts.models import User, VerificationCode
from accounts.steps import form_codes
from accounts.steps.code_guesses import InvalidCode, use_up
from accounts.steps.form_codes import AGAIN_AFTER, PHONE

SIGN_IN = VerificationCode.Purpose.SIGN_IN


@transaction.atomic
def request_sign_in(*, actor: None, form_key: str, phone_number: str) -> None:
    """Have a code sent to an assistant's proven number; any other number costs the same and gets nothing; no `actor`.

    Shape: `form_key` names the form that the code is good for, which gets one in half a minute.
    """
    holder = _holders(phone_number).first()
    recent = form_codes.codes_of(SIGN_IN, form_key, phone_number).filter(created_at__gt=timezone.now() - AGAIN_AFTER)
    if recent.exists() or not message_budget.try_spend(message_budget.CODE, PHONE, phone_number, holder=holder):
        return  # silently: who asks must not learn whether an account exists
    row = VerificationCode(user=holder, channel=PHONE, purpose=SIGN_IN, address_key=address_key(PHONE, phone_number))
    form_codes.keep_code(row, form_key)


def sign_in_by_code(*, actor: None, form_key: str, phone_number: str, code: str) -> User:
    """Use a code up and return whom it signs in; no `actor` before that.

    Shape: the caller has no transaction open, and begins the session. Raises: InvalidCode, also where the number is no longer
    theirs, proven or an assistant's.
    """
    row = form_codes.enter_form_code(SIGN_IN, form_key, phone_number, code)
    with transaction.atomic():
        user = _holders(phone_number).select_for_update(no_key=True).first()
        if user is None or user.pk != row.user_id:
            raise InvalidCode()
        use_up(row)
    return user


def _holders(phone_number: str) -> QuerySet[User]:
    return User.objects.active().filter(user_type=User.Type.ASSISTANT, phone_number=phone_number, phone_verified=True)
