"""Making accounts: clients, assistants, and dispatchers with their first company."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Q

from accounts import signals
from accounts.models import User
from accounts.services import codes
from accounts.services.companies import open_company
from accounts.steps.password_rules import require_good_password
from depannini_dashmap.lib.errors import InvalidData
from depannini_dashmap.lib.ops import audit

TAKEN = {
    "phone_number": "An account with this phone number exists.",
    "email": "An account with this e-mail exists.",
    "username": "This username is taken.",
}


def register_person(
    *, actor: None, user_type: str, password: str, details: dict[str, Any] | None = None, **fields: Any
) -> User:
    """Make a client or an assistant, whose username is the phone number.

    Shape: no `actor` yet; `details` are the validated assistant-only fields.
    Effects: ``assistant_registered``, a code to each address. Raises: InvalidData for a weak password or an address that is taken.
    """
    user = User(username=fields["phone_number"], user_type=user_type, **fields)
    return _save_new(user, password, details=details)


def register_dispatcher(*, actor: None, password: str, company: dict[str, str] | None = None, **fields: Any) -> User:
    """Make a dispatcher, and with `company` the company that they are the first member of, in one transaction.

    Shape: no `actor` yet. Raises: InvalidData for a weak password, or a username or address that is taken.
    """
    user = User(user_type=User.Type.DISPATCHER, **fields)
    return _save_new(user, password, company=company)


@transaction.atomic
def open_account(*, actor: User, user: User, details: dict[str, Any] | None) -> None:
    """Save an account that an operator made; its password is set already.

    Shape: `details` are the assistant-only fields, for assistants. Effects: ``assistant_registered``.
    """
    user.save(force_insert=True)
    if details is not None:
        signals.assistant_registered.send(sender=User, user=user, details=details)
    audit.record("account_made", actor=actor, target=user)


def _save_new(
    user: User, password: str, *, company: dict[str, str] | None = None, details: dict[str, Any] | None = None
) -> User:
    require_good_password(password, user, field="password")
    _require_free(user)
    user.set_password(password)
    try:
        with transaction.atomic():
            _write(user, company, details)
    except IntegrityError:
        _require_free(user)  # somebody else registered the same address at the same moment
        raise
    return user


def _write(user: User, company: dict[str, str] | None, details: dict[str, Any] | None) -> None:
    user.save(force_insert=True)
    if company is not None:
        open_company(actor=user, **company)
    if details is not None:
        signals.assistant_registered.send(sender=User, user=user, details=details)
    codes.request_own_verification(actor=None, user=user)
    audit.record("registered", actor=user, target=user, kind=user.user_type)


def _require_free(user: User) -> None:
    """Raises: InvalidData naming every address that another account has.

    One query: an account that is committed between two of them would have its username, and not its number.
    """
    holds = {name: Q(**{name: getattr(user, name)}) for name in TAKEN if getattr(user, name)}
    counts = {name: Count("pk", filter=own) for name, own in holds.items()}
    held = User.objects.filter(reduce(or_, holds.values())).aggregate(**counts)
    fields = {name: [TAKEN[name]] for name in holds if held[name]}
    if fields:
        if "phone_number" in fields and user.user_type != User.Type.DISPATCHER:
            fields.pop("username", None)
        raise InvalidData(fields=fields)
