"""Ending every way in which somebody is signed in, and what ends it: a new password, a switched-off account."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from accounts import events, signals, tokens
from accounts.keyed_hashes import spellings
from accounts.models import Invitation, Notice, User
from accounts.services.notices import send_notice, where_to_tell
from depannini_dashmap.lib.errors import InvalidData
from depannini_dashmap.lib.ops import audit


@transaction.atomic
def end_sessions(user_id: int, reason: str) -> None:
    """End every token of a user.

    Effects: the token version moves on, fleet tokens are deleted, ``sessions_ended`` is sent, sockets are told.
    """
    User.objects.filter(pk=user_id).update(token_version=F("token_version") + 1)
    tokens.end_all_fleet_tokens(user_id)
    signals.sessions_ended.send(sender=User, user_id=user_id, reason=reason)
    events.session_ended(user_id, None)


@transaction.atomic
def sign_out_everywhere(user: User, *, actor: User) -> None:
    """End every session of somebody, as an operator asked."""
    end_sessions(user.pk, "ended_by_operator")
    audit.record("sessions_ended", actor=actor, target=user)


def require_good_password(password: str, user: User | None = None, *, field: str = "new_password") -> None:
    """Let a password pass that Django's validators accept. Raises: InvalidData under the name of the field."""
    try:
        validate_password(spellings(password)[-1], user)
    except ValidationError as error:
        raise InvalidData(fields={field: list(error.messages)}) from error


@transaction.atomic
def set_password(user: User, password: str, *, actor: User | None, reason: str = "password_changed") -> None:
    """Store a new password, which was checked before, end every session and tell the owner."""
    account = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    account.set_password(password)
    account.save(update_fields=["password"])
    end_sessions(account.pk, reason)
    if told := where_to_tell(account):
        send_notice(account, Notice.Kind.PASSWORD_CHANGED, *told)
    audit.record(reason, actor=actor, target=account)


@transaction.atomic
def set_password_by_operator(user: User, password: str, *, actor: User) -> None:
    """Set a new password for somebody who has identified themselves to an operator, and end the Google link."""
    User.objects.filter(pk=user.pk).update(google_sub=None)
    set_password(user, password, actor=actor, reason="password_set_by_operator")


@transaction.atomic
def set_active(user: User, *, is_active: bool, actor: User | None) -> None:
    """Switch an account on or off; off ends every session, and the invitations that the account has sent."""
    changed = User.objects.filter(pk=user.pk, closed_at__isnull=True).exclude(is_active=is_active)
    if not changed.update(is_active=is_active):
        return
    if not is_active:
        end_sessions(user.pk, "deactivated")
        Invitation.objects.filter(invited_by_id=user.pk).revoke()
    audit.record("account_activated" if is_active else "account_deactivated", actor=actor, target=user)
