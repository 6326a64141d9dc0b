"""Ending every way in which somebody is signed in, and what ends it: a new password, a switched-off account."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import events, signals, tokens
from accounts.models import Invitation, Notice, PushDevice, User, VerificationCode
from accounts.steps.notices import notice_address, send_notice
from depannini_dashmap.lib.ops import audit


@transaction.atomic
def end_sessions(*, actor: User | None, user_id: int, reason: str) -> None:
    """End every token of a user.

    Shape: `actor` is who asked, None for a command.
    Effects: the token version moves on, fleet tokens and devices are deleted, codes to sign in by end, ``sessions_ended`` is sent, sockets are notified.
    """
    User.objects.filter(pk=user_id).update(token_version=F("token_version") + 1)
    tokens.end_all_fleet_tokens(user_id)
    PushDevice.objects.filter(user_id=user_id).delete()
    sign_in_codes = VerificationCode.objects.open().filter(user_id=user_id, purpose=VerificationCode.Purpose.SIGN_IN)
    sign_in_codes.update(ended_at=timezone.now())
    signals.sessions_ended.send(sender=User, user_id=user_id, reason=reason)
    events.session_ended(user_id, None)


@transaction.atomic
def sign_out_everywhere(*, actor: User, user: User) -> None:
    """End every session of somebody, as an operator asked."""
    end_sessions(actor=actor, user_id=user.pk, reason="ended_by_operator")
    audit.record("sessions_ended", actor=actor, target=user)


@transaction.atomic
def set_password(*, actor: User | None, user: User, password: str, reason: str = "password_changed") -> None:
    """Store a new password, which was checked before, end every session and notify the owner; `actor` None is a command."""
    account = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    account.set_password(password)
    account.save(update_fields=["password"])
    end_sessions(actor=actor, user_id=account.pk, reason=reason)
    if target := notice_address(account):
        send_notice(account, Notice.Kind.PASSWORD_CHANGED, *target)
    audit.record(reason, actor=actor, target=account)


@transaction.atomic
def set_password_by_operator(*, actor: User, user: User, password: str) -> None:
    """Set a new password for somebody who has identified themselves to an operator, and end the Google link."""
    User.objects.filter(pk=user.pk).update(google_sub=None)
    set_password(actor=actor, user=user, password=password, reason="password_set_by_operator")


@transaction.atomic
def set_active(*, actor: User | None, user: User, is_active: bool) -> None:
    """Switch an account on or off, `actor` None for a command; off ends every session, and the invitations that the account has sent."""
    changed = User.objects.filter(pk=user.pk, closed_at__isnull=True).exclude(is_active=is_active)
    if not changed.update(is_active=is_active):
        return
    if not is_active:
        end_sessions(actor=actor, user_id=user.pk, reason="deactivated")
        Invitation.objects.filter(invited_by_id=user.pk).revoke()
    audit.record("account_activated" if is_active else "account_deactivated", actor=actor, target=user)
