"""Accounts of callers: a client with a phone, for whom dispatchers ask for help, until somebody proves the number.

The number is in a column of its own, which no sign-in, reset or code reads: until then it opens and shows nothing,
and who registers with it has an account separate from the caller's. Proving it joins both.
"""

from __future__ import annotations

import uuid
from typing import NamedTuple

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from accounts.models import User, VerificationCode
from accounts.steps.caller_merge import lock_phone_number
from depannini_dashmap.lib.errors import InvalidData
from depannini_dashmap.lib.ops import audit

REFUSED = {
    User.Type.ASSISTANT: _("This number belongs to an assistant."),
    User.Type.DISPATCHER: _("This number belongs to a dispatcher."),
    User.Type.STAFF: _("This number belongs to a member of staff."),
}
SWITCHED_OFF = _("The account with this number is switched off.")


class Known(NamedTuple):
    """The client who calls from a number, None for a new one; or why nobody can be asked for under it."""

    client: User | None
    refusal: StrOrPromise = ""


def look_up_caller(*, actor: User, phone_number: str) -> Known:
    """Say who would be asked for under an E.164 number; makes no account."""
    holder = User.objects.filter(phone_number=phone_number).first()
    if holder is not None:
        if problem := _problem_of(holder):
            return Known(None, problem)
        if holder.phone_verified:
            return Known(holder)
    return Known(User.objects.filter(caller_phone=phone_number).first())


@transaction.atomic
def caller_account(*, actor: User, phone_number: str, name: str) -> User:
    """Return the client who calls from a number: its proven holder, else the caller's own account, made at need.

    Shape: an E.164 number, and a name that corrects the caller's former one; a registered holder keeps theirs.
    Raises: InvalidData for a number of somebody who is no client, or whose account is switched off.
    """
    lock_phone_number(VerificationCode.Channel.PHONE, phone_number)
    caller, problem = look_up_caller(actor=actor, phone_number=phone_number)
    if problem:
        raise InvalidData(fields={"client.phone_number": [problem]})
    if caller is None:
        return _new_caller(phone_number, name)
    if caller.caller_phone == phone_number and name and caller.name != name:
        caller.name = name
        caller.save(update_fields=["name"])
    return caller


@transaction.atomic
def asking_account(*, actor: None, phone_number: str, is_proven: bool) -> User:
    """Return whose request it is when somebody without an account asks for help under an E.164 number.

    Shape: no `actor`, as nobody is signed in. Who has just proven the number acts for the client who holds it proven;
    anybody else, and whoever holds it otherwise, is the number's caller, whose account opens and shows nothing.
    """
    lock_phone_number(VerificationCode.Channel.PHONE, phone_number)
    if is_proven:
        holders = User.objects.active().filter(phone_number=phone_number, phone_verified=True, user_type=User.Type.CLIENT)
        if (holder := holders.first()) is not None:
            return holder
    return User.objects.filter(caller_phone=phone_number).first() or _new_caller(phone_number, "")


def _problem_of(holder: User) -> StrOrPromise:
    return REFUSED.get(User.Type(holder.user_type)) or ("" if holder.is_active else SWITCHED_OFF)


def _new_caller(phone_number: str, name: str) -> User:
    caller = User(username=f"@caller-{uuid.uuid4().hex}", caller_phone=phone_number, name=name)
    caller.set_unusable_password()
    caller.save(force_insert=True)
    audit.record("caller_account_made", target=caller)
    return caller
