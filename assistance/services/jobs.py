"""A job that was taken: moved on, completed and rated; it is taken by accepting its offer (`offers.py`)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from assistance import events, lifecycle, representation
from assistance.models import Assistance, ServiceType
from assistance.steps import prices, state
from assistance.steps.jobs import end
from depannini_dashmap.lib.errors import Conflict, Forbidden, InvalidData
from depannini_dashmap.lib.ops import audit

if TYPE_CHECKING:
    from accounts.models import User

REASONS = {
    lifecycle.CLIENT: Assistance.Reason.CLIENT,
    lifecycle.ASSISTANT: Assistance.Reason.ASSISTANT,
    lifecycle.STAFF: Assistance.Reason.STAFF,
}
# What staff and Roadside do for a party, in the audit's words.
ACTED = {
    lifecycle.ONGOING: "assistance_started",
    lifecycle.COMPLETED: "assistance_completed",
    lifecycle.CANCELED: "assistance_canceled",
}


@transaction.atomic
def update_status(*, actor: User, assistance_id: int, status: str, total_price: Decimal | None = None, note: str = "") -> Assistance:
    """Move a request on, or cancel it.

    Effects: the present state again, by its assistant, changes nothing. A price is taken where it may be set, and counts
    for nothing, whatever it is, where it is fixed. Staff and Roadside act for a party, which the audit names.
    Raises: NotFound for strangers; Conflict when it has ended or the step does not exist; Forbidden for a client who
    asks for anything but canceled; InvalidData for a repair that staff complete without its price.
    """
    job, role = state.lock_request_for(actor, assistance_id)
    now = timezone.now()
    state.refuse_final(job)
    if not lifecycle.may_ask(role, status):
        raise Forbidden()
    if role == lifecycle.STAFF and status == lifecycle.COMPLETED:
        _require_price(job, total_price)
    if not lifecycle.is_repeat(job.status, status):
        _step(job, role, status, now, total_price, note)
        if role == lifecycle.STAFF:
            audit.record(ACTED[status], actor=actor, target=job, note=note)
    return job


def _step(job: Assistance, role: str, status: str, now: datetime, total_price: Decimal | None, note: str) -> None:
    lifecycle.TRANSITIONS.require(job.status, status, role)
    if status == lifecycle.CANCELED:
        return end(job, now, status, reason=REASONS[role], reason_note=note)
    if total_price is not None and not job.is_price_fixed:
        by_staff = {"source": Assistance.PriceSource.STAFF} if role == lifecycle.STAFF else {}
        prices.store_price(job, prices.validated_amount(total_price), now, **by_staff)
    if status == lifecycle.ONGOING:
        state.move(job, status, now, started_at=now)
        return state.publish_status(job, now)
    return end(job, now, status)


@transaction.atomic
def complete(*, actor: User, assistance_id: int, total_price: Decimal | None = None) -> Assistance:
    """Complete a job; a repair needs its price, now or before.

    Raises: as update_status; InvalidData when the price of a repair is missing.
    """
    job, role = state.lock_request_for(actor, assistance_id)
    state.refuse_final(job)
    if not lifecycle.may_ask(role, lifecycle.COMPLETED):
        raise Forbidden()
    _require_price(job, total_price)
    return update_status(actor=actor, assistance_id=assistance_id, status=lifecycle.COMPLETED, total_price=total_price)


def _require_price(job: Assistance, total_price: Decimal | None) -> None:
    if job.assistance_type == ServiceType.REPAIR and not job.price_is_final and total_price is None:
        raise InvalidData(fields={"total_price": [_("This field is required.")]})


@transaction.atomic
def rate(*, actor: User, assistance_id: int, rating: int) -> Assistance:
    """Rate a completed job, once, by its client.

    Raises: NotFound for strangers; Forbidden for others than its client; Conflict before completion and the second time.
    """
    job, role = state.lock_request_for(actor, assistance_id)
    now = timezone.now()
    if role != lifecycle.CLIENT:
        raise Forbidden()
    if job.status != lifecycle.COMPLETED:
        raise Conflict(_("Only a completed job can be rated"), code="not_completed", current_status=job.status)
    if job.rating is not None:
        raise Conflict(_("This job is already rated"), code="already_rated", current_status=job.status)
    if not 1 <= rating <= 5:
        raise InvalidData(fields={"rating": [_("A whole number from 1 to 5.")]})
    state.change(job, now, rating=rating)
    events.publish_to_room(job.pk, events.rating(representation.of(job, viewer_id=actor.pk, now=now)))
    return job
