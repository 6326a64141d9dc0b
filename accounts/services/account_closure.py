"""Closing an account: open work ends, everything personal is erased, past work stays without the person."""

from __future__ import annotations

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import image_reencoding, signals
from accounts.models import Invitation, User
from accounts.services.credentials import end_sessions
from accounts.services.memberships import leave_all
from depannini_dashmap.lib.errors import Conflict
from depannini_dashmap.lib.ops import audit, erasures_file

ERASED = {
    "email": None,
    "phone_number": None,
    "caller_phone": None,
    "name": "",
    "first_name": "",
    "last_name": "",
    "address": "",
    "profile_photo": None,
    "current_lat": None,
    "current_lng": None,
    "google_sub": None,
    "last_login": None,
    "email_verified": False,
    "phone_verified": False,
    "email_suspended": False,
    "phone_suspended": False,
    "pending_email": None,
    "pending_phone_number": None,
    "quiet_from": None,
    "quiet_until": None,
    "is_active": False,
    "is_staff": False,
    "is_superuser": False,
    "current_company": None,
}


@transaction.atomic
def close_account(*, actor: User | None, user: User) -> None:
    """Close an account for good, as the `actor` asked: its owner, an operator, or None for a command.

    Effects: ``account_closing`` (the apps above end what is open), memberships end, personal data is erased, every
    session ends, the photo is deleted after commit. Raises: Conflict for the last owner of a company that has other
    members or anything in it.
    """
    leave_all(actor=actor, user=user)
    account = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if account.memberships.exists():  # joined since; companies are locked before accounts
        raise Conflict(_("The account has just joined a company: try again"), code="try_again")
    _forget_invitations(account)
    signals.account_closing.send(sender=User, user=account)
    _erase_traces(account)
    photo = account.profile_photo.name if account.profile_photo else None
    for name, value in ERASED.items():
        setattr(account, name, value)
    account.username = f"@closed-{account.pk}"
    account.closed_at = timezone.now()
    account.set_unusable_password()
    account.save(update_fields=[*ERASED, "username", "closed_at", "password"])
    account.groups.clear()
    account.user_permissions.clear()
    end_sessions(actor=actor, user_id=account.pk, reason="account_closed")
    audit.record("account_closed", actor=actor, target=account)
    audit.forget_addresses(account)
    erasure = erasures_file.erasure_of(account.pk, account.date_joined)
    transaction.on_commit(lambda: erasures_file.remember_or_log(erasure))
    if photo:
        transaction.on_commit(lambda: image_reencoding.delete_photo(photo))


def _erase_traces(account: User) -> None:
    """Erase what libraries and lib keep about the person under a name or an answer."""
    names = {account.username, account.phone_number, account.email} - {None}
    for model in (AccessAttempt, AccessFailureLog, AccessLog):
        model.objects.filter(username__in=names).delete()
    account.codes.all().delete()
    account.code_guesses.all().delete()
    account.notices.all().delete()
    account.push_notices.all().delete()
    apps.get_model("depannini_dashmap", "IdempotentRequest").objects.filter(user_id=account.pk).delete()
    entries = apps.get_model("admin", "LogEntry").objects
    about = entries.filter(content_type=ContentType.objects.get_for_model(User), object_id=str(account.pk))
    about.update(object_repr=f"@closed-{account.pk}", change_message="")


def _forget_invitations(account: User) -> None:
    """Delete what names an account that is closing: not what an e-mail names that it has not proven, nor another's."""
    named = Q(user=account) | Q(user=None, username=account.username)
    if account.email and account.email_verified:
        named |= Q(email=account.email)
    Invitation.objects.filter(named).delete()
