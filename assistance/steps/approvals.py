"""Whether an assistant may take jobs, and taking an approval back."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from assistance import approval
from assistance.models import AssistantProfile, Offer
from assistance.steps import offers
from depannini_dashmap.lib.errors import Forbidden


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


def withdraw(assistant_id: int) -> None:
    """Take an approval back and, where it counts, end the open offers."""
    AssistantProfile.objects.filter(pk=assistant_id).update(approved_at=None, approved_by=None)
    if settings.ASSISTANT_APPROVAL:
        offers.close_offers(offers.lock_open_offers(assistant_id=assistant_id), Offer.Reason.INACTIVE, timezone.now())
