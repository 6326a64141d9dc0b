"""Staff let assistants take jobs, having seen their papers, or stop that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from assistance import approval
from assistance.models import AssistantProfile, Offer
from assistance.services import offers, state
from depannini_dashmap.lib.errors import Conflict, Forbidden, NotFound
from depannini_dashmap.lib.ops import audit

if TYPE_CHECKING:
    from accounts.models import User


def refusal(profile: AssistantProfile) -> tuple[StrOrPromise, StrOrPromise] | None:
    """Return the sentence for an assistant who may not take jobs, and for who assigns one; None where they may."""
    standing = approval.standing_of(profile.driving_license_expiry, profile.approved_at)
    if standing == approval.LICENCE_EXPIRED:
        return "Your driving licence has expired", _("This assistant's driving licence has expired")
    if standing == approval.WAITING:
        return "You can accept requests once staff have approved you", _("This assistant is not approved yet")
    return None


def require_approved(profile: AssistantProfile) -> None:
    """Let an assistant pass who may take jobs. Raises: Forbidden, `not_approved`."""
    if sentences := refusal(profile):
        raise Forbidden(sentences[0], code="not_approved")


@transaction.atomic
def approve_assistant(staff: User, *, assistant_id: int) -> None:
    """Let an assistant take jobs; who is approved already stays so.

    Effects: who is on duty and fresh is offered what waits around; it is audited.
    Raises: Forbidden for who does not work the roadside side; NotFound; Conflict for an expired licence.
    """
    profile = _held(staff, assistant_id)
    if approval.standing_of(profile.driving_license_expiry, profile.approved_at) == approval.LICENCE_EXPIRED:
        raise Conflict(_("The driving licence has expired"), code="licence_expired")
    if profile.approved_at is not None:
        return
    now = timezone.now()
    profile.approved_at = now
    AssistantProfile.objects.filter(pk=profile.pk).update(approved_at=now, approved_by_id=staff.pk)
    audit.record("assistant_approved", actor=staff, target=profile.user)
    if profile.is_active and profile.is_fresh(now):
        offers.offer_waiting_to(profile, now)


@transaction.atomic
def withdraw_approval(staff: User, *, assistant_id: int) -> None:
    """Stop an assistant from taking further jobs, where ASSISTANT_APPROVAL is on; a running job goes on.

    Effects: open offers end; it is audited. Raises: Forbidden for who does not work the roadside side; NotFound.
    """
    profile = _held(staff, assistant_id)
    if profile.approved_at is None:
        return
    withdraw(profile.pk)
    audit.record("assistant_approval_withdrawn", actor=staff, target=profile.user)


def withdraw(assistant_id: int) -> None:
    """Take an approval back and, where it counts, end the open offers."""
    AssistantProfile.objects.filter(pk=assistant_id).update(approved_at=None, approved_by=None)
    if settings.ASSISTANT_APPROVAL:
        offers.close(offers.lock_open(assistant_id=assistant_id), Offer.Reason.INACTIVE, timezone.now())


def _held(staff: User, assistant_id: int) -> AssistantProfile:
    if not staff.is_roadside:
        raise Forbidden()
    profile = state.held_assistant(assistant_id)
    if profile is None or profile.user.closed_at is not None:
        raise NotFound(_("Assistant"))
    return profile
