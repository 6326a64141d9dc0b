"""Taking a job, moving it on and rating it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Case, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from assistance import events, lifecycle, tasks
from assistance.models import Assistance, AssistantProfile, Offer, ServiceType
from assistance.services import approvals, etas, offers, prices, state
from depannini_dashmap.lib.errors import Conflict, Forbidden, InvalidData, NotFound
from depannini_dashmap.lib.geo import haversine_km
from depannini_dashmap.lib.ops import audit

if TYPE_CHECKING:
    from accounts.models import User

Body = dict[str, Any]
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


def accept(user: User, assistance_id: int) -> Body:
    """Take a waiting request; exactly one assistant wins.

    Effects: every other offer of it, and every other offer to the winner, is over. The winner's repetition changes
    nothing. Raises: Forbidden for who is no approved assistant on duty of a fitting service; NotFound; Conflict when it is
    taken or has ended, or the assistant is on another job; Unauthenticated for a closed or inactive account.
    """
    if user.user_type != "assistant":
        raise Forbidden("Only assistants accept requests")
    try:
        with transaction.atomic():
            return _accept(user, assistance_id, timezone.now())
    except IntegrityError:
        raise busy(user.pk) from None


def _accept(user: User, assistance_id: int, now: datetime) -> Body:
    profile = state.held_self(user.pk)
    job = state.locked(assistance_id)
    if job is None:
        raise NotFound(_("Assistance"))
    state.refuse_final(job)
    if job.assistant_id == user.pk:
        return state.seen_by(user.pk, job, now)
    if profile is None or not profile.is_active:
        raise Forbidden("Switch yourself on before you accept requests", code="assistant_inactive")
    if job.assistance_type not in ("", profile.service_type):
        raise Forbidden(_("This request needs another service"), code="wrong_service")
    approvals.require_approved(profile)
    take(job, profile, now, source=Offer.Source.SELF)
    return state.seen_by(user.pk, job, now)


def take(job: Assistance, profile: AssistantProfile, now: datetime, **offer: Any) -> None:
    """Assign a locked request to an assistant, close the other offers, and notify everybody concerned.

    Effects: a request without a type that a repairer takes is a repair from then on, also after a release.
    Shape: ``offer`` describes the ledger row to write when there was no open offer.
    Raises: Conflict when it is not waiting; IntegrityError when the assistant is on another job.
    """
    if job.status != lifecycle.REQUESTED:
        raise Conflict(_("This request is already taken"), code="already_taken", current_status=job.status)
    job.assistant = profile.user
    becomes_repair = not job.assistance_type and profile.service_type == ServiceType.REPAIR
    changes = prices.of_repair(job) if becomes_repair else {}
    changes |= etas.on_the_way(job, lifecycle.ACCEPTED, (profile.lat, profile.lng), now)
    state.move(job, lifecycle.ACCEPTED, now, assistant_id=profile.pk, accepted_at=now, **changes)
    tasks.plan_stall_check(job, now + settings.ASSISTANCE_STALLED_AFTER)
    _settle_offers(job, profile, now, offer)
    state.tell_status(job, now, lat=profile.lat, lng=profile.lng)


def _settle_offers(job: Assistance, profile: AssistantProfile, now: datetime, unasked: Mapping[str, Any]) -> None:
    open_now = offers.lock_open(assistance_id=job.pk, assistant_id=profile.pk)
    won = [offer_id for offer_id, request, assistant in open_now if (request, assistant) == (job.pk, profile.pk)]
    if won:
        Offer.objects.filter(pk__in=won).update(
            closed_at=now, answered_at=now, answer=Offer.Answer.ACCEPTED, reason=Offer.Reason.ACCEPTED
        )
    else:
        _note_taken(job, profile, now, unasked)
    lost = [offer for offer in open_now if offer[0] not in won]
    for offer_id in won:  # the winner's other devices drop it, too
        _tell_closed(profile.pk, job.pk, Offer.Reason.ACCEPTED, f"offer.{offer_id}.closed")
    Offer.objects.filter(pk__in=[offer[0] for offer in lost]).update(
        closed_at=now,
        reason=Case(When(assistance_id=job.pk, then=Value(Offer.Reason.TAKEN)), default=Value(Offer.Reason.BUSY)),
    )
    for offer_id, request, assistant in lost:
        reason = Offer.Reason.TAKEN if request == job.pk else Offer.Reason.BUSY
        _tell_closed(assistant, request, reason, f"offer.{offer_id}.closed")


def _tell_closed(assistant_id: int, assistance_id: int, reason: str, event_id: str) -> None:
    frame = events.request_closed(assistance_id=assistance_id, reason=reason, event_id=event_id)
    events.publish_to_assistants([(assistant_id, frame)])


def _note_taken(job: Assistance, profile: AssistantProfile, now: datetime, unasked: Mapping[str, Any]) -> None:
    """Write the ledger row of who took a request without having been asked."""
    distance_km = None
    if profile.lat is not None and profile.lng is not None:
        distance_km = round(haversine_km(job.pickup_lat, job.pickup_lng, profile.lat, profile.lng), 3)
    Offer.objects.create(
        assistance_id=job.pk,
        assistant_id=profile.pk,
        wave=job.wave,
        distance_km=distance_km,
        offered_at=now,
        answered_at=now,
        closed_at=now,
        answer=Offer.Answer.ACCEPTED,
        reason=Offer.Reason.ACCEPTED,
        **unasked,
    )


def busy(assistant_id: int) -> Conflict:
    """Return the refusal of a second job, naming the first."""
    return Conflict("You are on another job", code="assistant_busy", assistance_id=state.job_of(assistant_id))


@transaction.atomic
def update_status(
    user: User, assistance_id: int, status: str, *, total_price: Decimal | None = None, note: str = ""
) -> Body:
    """Move a request on, or cancel it.

    Effects: the present state again, by its assistant, changes nothing. A price is taken where it may be set, and counts
    for nothing, whatever it is, where it is fixed. Staff and Roadside act for a party, which the audit names.
    Raises: NotFound for strangers; Conflict when it has ended or the step does not exist; Forbidden for a client who
    asks for anything but canceled; InvalidData for a repair that staff complete without its price.
    """
    job, role = state.locked_for(user, assistance_id)
    now = timezone.now()
    state.refuse_final(job)
    if not lifecycle.may_ask(role, status):
        raise Forbidden()
    if role == lifecycle.STAFF and status == lifecycle.COMPLETED:
        _require_price(job, total_price)
    if not lifecycle.is_repeat(job.status, status):
        _step(job, role, status, now, total_price, note)
        if role == lifecycle.STAFF:
            audit.record(ACTED[status], actor=user, target=job, note=note)
    return state.seen_by(user.pk, job, now, sees_all=role == lifecycle.STAFF)


def _step(job: Assistance, role: str, status: str, now: datetime, total_price: Decimal | None, note: str) -> None:
    lifecycle.ASSISTANCE.require(job.status, status, role)
    if status == lifecycle.CANCELED:
        return end(job, now, status, reason=REASONS[role], reason_note=note)
    if total_price is not None and not job.is_price_fixed:
        by_staff = {"source": Assistance.PriceSource.STAFF} if role == lifecycle.STAFF else {}
        prices.put(job, prices.checked(total_price), now, **by_staff)
    if status == lifecycle.ONGOING:
        state.move(job, status, now, started_at=now)
        return state.tell_status(job, now)
    return end(job, now, status)


def end(job: Assistance, now: datetime, status: str, **changes: Any) -> None:
    """End a locked request, its offers too, tell everybody, and offer its assistant what waits around."""
    was_waiting = job.status == lifecycle.REQUESTED
    state.move(job, status, now, ended_at=now, **changes)
    if was_waiting:
        offers.close(offers.lock_open(assistance_id=job.pk), Offer.Reason.CANCELED, now)
    state.tell_status(job, now)
    if job.assistant_id is not None:
        _tell_closed(job.assistant_id, job.pk, status, f"assistance.{job.pk}.{job.version}.closed")
    offer_next_job(job.assistant_id, now)


def offer_next_job(assistant_id: int | None, now: datetime) -> None:
    """Offer an assistant who is free now what waits around."""
    profile = AssistantProfile.objects.on_duty().fresh(now).filter(pk=assistant_id).first() if assistant_id else None
    if profile is not None:
        offers.offer_waiting_to(profile, now)


@transaction.atomic
def complete(user: User, assistance_id: int, *, total_price: Decimal | None = None) -> Body:
    """Complete a job; a repair needs its price, now or before.

    Raises: as update_status; InvalidData when the price of a repair is missing.
    """
    job, role = state.locked_for(user, assistance_id)
    state.refuse_final(job)
    if not lifecycle.may_ask(role, lifecycle.COMPLETED):
        raise Forbidden()
    _require_price(job, total_price)
    return update_status(user, assistance_id, lifecycle.COMPLETED, total_price=total_price)


def _require_price(job: Assistance, total_price: Decimal | None) -> None:
    if job.assistance_type == ServiceType.REPAIR and not job.price_is_final and total_price is None:
        raise InvalidData(fields={"total_price": ["This field is required."]})


@transaction.atomic
def rate(user: User, assistance_id: int, rating: int) -> Body:
    """Rate a completed job, once, by its client.

    Raises: NotFound for strangers; Forbidden for others than its client; Conflict before completion and the second time.
    """
    job, role = state.locked_for(user, assistance_id)
    now = timezone.now()
    if role != lifecycle.CLIENT:
        raise Forbidden()
    if job.status != lifecycle.COMPLETED:
        raise Conflict("Only a completed job can be rated", code="not_completed", current_status=job.status)
    if job.rating is not None:
        raise Conflict("This job is already rated", code="already_rated", current_status=job.status)
    if not 1 <= rating <= 5:
        raise InvalidData(fields={"rating": ["A whole number from 1 to 5."]})
    state.change(job, now, rating=rating)
    body = state.seen_by(user.pk, job, now)
    events.publish_to_room(job.pk, events.rating(body))
    return body
