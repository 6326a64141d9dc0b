"""Staff let assistants take jobs, having seen their papers, or stop that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from assistance import approval
from assistance.models import AssistantProfile
from assistance.steps import offers, state
from assistance.steps.approvals import withdraw
from depannini_dashmap.lib.errors import Conflict, Forbidden, NotFound
from depannini_dashmap.lib.ops import audit

if TYPE_CHECKING:
    from accounts.models import User


@transaction.atomic
def approve_assistant(*, actor: User, assistant_id: int) -> None:
    """Let an assistant take jobs; who is approved already stays so.

    Effects: who is on duty and fresh is offered what waits around; it is audited.
    Raises: Forbidden for who does not work the roadside side; NotFound; Conflict for an expired licence.
    """
    profile = _held(actor, assistant_id)
    if approval.standing_of(profile.driving_license_expiry, profile.approved_at) == approval.LICENCE_EXPIRED:
        raise Conflict(_("The driving licence has expired"), code="licence_expired")
    if profile.approved_at is not None:
        return
    now = timezone.now()
    profile.approved_at = now
    AssistantProfile.objects.filter(pk=profile.pk).update(approved_at=now, approved_by_id=actor.pk)
    audit.record("assistant_approved", actor=actor, target=profile.user)
    if profile.is_active and profile.is_fresh(now):
        offers.offer_waiting_to(profile, now)


@transaction.atomic
def withdraw_approval(*, actor: User, assistant_id: int) -> None:
    """Stop an assistant from taking further jobs, where ASSISTANT_APPROVAL is on; a running job goes on.

    Effects: open offers end; it is audited. Raises: Forbidden for who does not work the roadside side; NotFound.
    """
    profile = _held(actor, assistant_id)
    if profile.approved_at is None:
        return
    withdraw(profile.pk)
    audit.record("assistant_approval_withdrawn", actor=actor, target=profile.user)


def _held(staff: User, assistant_id: int) -> AssistantProfile:
    if not staff.is_roadside:
        raise Forbidden()
    profile = state.lock_assistant(assistant_id)
    if profile is None or profile.user.closed_at is not None:
        raise NotFound(_("Assistant"))
    return profile
