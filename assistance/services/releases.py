"""Giving a job back, or taking it away: by its assistant, by its client once it has stalled, by staff."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from assistance import events, lifecycle, task_queueing
from assistance.models import Assistance, AssistantProfile, Offer
from assistance.steps import jobs, offers, prices, stalled_jobs, state
from depannini_dashmap.lib.errors import Conflict
from depannini_dashmap.lib.ops import audit

if TYPE_CHECKING:
    from accounts.models import User

REASONS = {
    lifecycle.ASSISTANT: Offer.Reason.RELEASED,
    lifecycle.CLIENT: Offer.Reason.STALLED,
    lifecycle.STAFF: Offer.Reason.RECALLED,
}


@transaction.atomic
def release(*, actor: User, assistance_id: int) -> Assistance:
    """Release a job from its assistant and offer it to others again.

    Shape: its assistant before it is ongoing; its client while it is stalled; staff and Roadside until it has ended.
    Effects: the former assistant is notified, and offered it again only where it had stalled and they are active again;
    what staff did is audited. Raises: NotFound for strangers; Conflict otherwise, `not_stalled` for the client.
    """
    profile = _assistant_of(actor, assistance_id)
    job, role = state.lock_request_for(actor, assistance_id)
    now = timezone.now()
    state.refuse_final(job)
    if role == lifecycle.CLIENT:
        _require_stalled(job, profile, now)
    if role != lifecycle.STAFF and job.status == lifecycle.ONGOING:
        raise Conflict(_("This job is under way"), code="invalid_transition", current_status=job.status)
    lifecycle.TRANSITIONS.require(job.status, lifecycle.REQUESTED, role)
    former_id = job.assistant_id
    _reopen(job, now, REASONS[role])
    if role == lifecycle.STAFF:
        audit.record("assistance_released", actor=actor, target=job, assistant_id=former_id)
    return job


def _assistant_of(user: User, assistance_id: int) -> AssistantProfile | None:
    """Lock the assistant of the user's own request, before the request: no sign of life comes in between."""
    mine = Assistance.objects.filter(pk=assistance_id, client_id=user.pk, status=lifecycle.ACCEPTED)
    assistant_id = mine.values_list("assistant_id", flat=True).first()
    return state.lock_assistant(assistant_id) if assistant_id is not None else None


def _require_stalled(job: Assistance, profile: AssistantProfile | None, now: datetime) -> None:
    if profile is None or profile.pk != job.assistant_id or not stalled_jobs.is_stalled(job, profile, now):
        raise Conflict(_("Your assistant is still there"), code="not_stalled", current_status=job.status)


def _reopen(job: Assistance, now: datetime, reason: str) -> None:
    """Put a locked request back among the waiting, notify its former assistant, and offer it to others."""
    former_id, job.assistant = job.assistant_id, None
    taken = Offer.objects.filter(assistance_id=job.pk, assistant_id=former_id, reason=Offer.Reason.ACCEPTED)
    taken.update(reason=reason, closed_at=now)
    expires_at = now + settings.ASSISTANCE_TTL
    nobody = {"assistant_id": None, "accepted_at": None, "started_at": None, **prices.without_assistant(job)}
    state.move(job, lifecycle.REQUESTED, now, expires_at=expires_at, **nobody)
    state.publish_status(job, now)
    if former_id is not None:
        event_id = f"assistance.{job.pk}.{job.version}.closed"
        frame = events.request_closed(assistance_id=job.pk, reason=reason, event_id=event_id)
        events.publish_to_assistants([(former_id, frame)])
    offers.send_wave(job, job.wave + 1, now)
    task_queueing.plan_expiry(job.pk, expires_at)
    jobs.offer_next_job(former_id, now)
