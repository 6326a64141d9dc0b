"""Assigning and ending a locked request, with its offers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Case, Value, When
from django.utils.translation import gettext_lazy as _

from assistance import events, lifecycle, task_queueing
from assistance.models import Assistance, AssistantProfile, Offer, ServiceType
from assistance.steps import etas, offers, prices, state
from depannini_dashmap.lib.db.prepared import update_row
from depannini_dashmap.lib.errors import Conflict
from depannini_dashmap.lib.geo import haversine_km


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
    task_queueing.plan_stall_check(job, now + settings.ASSISTANCE_STALLED_AFTER)
    _settle_offers(job, profile, now, offer)
    state.publish_status(job, now, lat=profile.lat, lng=profile.lng)


def _settle_offers(job: Assistance, profile: AssistantProfile, now: datetime, unasked: Mapping[str, Any]) -> None:
    open_now = offers.lock_open_offers(assistance_id=job.pk, assistant_id=profile.pk)
    won = [offer_id for offer_id, request, assistant in open_now if (request, assistant) == (job.pk, profile.pk)]
    for offer_id in won:  # one, as an assistant is asked once at a time
        update_row(
            Offer, offer_id, closed_at=now, answered_at=now, answer=Offer.Answer.ACCEPTED, reason=Offer.Reason.ACCEPTED
        )
    if not won:
        _note_taken(job, profile, now, unasked)
    lost = [offer for offer in open_now if offer[0] not in won]
    for offer_id in won:  # the winner's other devices drop it, too
        _tell_closed(profile.pk, job.pk, Offer.Reason.ACCEPTED, f"offer.{offer_id}.closed")
    if lost:
        Offer.objects.filter(pk__in=[offer[0] for offer in lost]).update(
            closed_at=now,
            reason=Case(When(assistance_id=job.pk, then=Value(Offer.Reason.TAKEN)), default=Value(Offer.Reason.BUSY)),
        )
    for offer_id, request, assistant in lost:
        reason = Offer.Reason.TAKEN if request == job.pk else Offer.Reason.BUSY
        _tell_closed(assistant, request, reason, f"offer.{offer_id}.closed")
    if others := {request for _, request, _ in lost} - {job.pk}:
        task_queueing.queue_push_of_offers(others)  # those of this one are looked at with its state


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


def busy_error(assistant_id: int) -> Conflict:
    """Return the refusal of a second job, naming the first."""
    return Conflict(_("You are on another job"), code="assistant_busy", assistance_id=state.job_of(assistant_id))


def end(job: Assistance, now: datetime, status: str, **changes: Any) -> None:
    """End a locked request, its offers too, tell everybody, and offer its assistant what waits around."""
    was_waiting = job.status == lifecycle.REQUESTED
    state.move(job, status, now, ended_at=now, **changes)
    if was_waiting:
        offers.close_offers(offers.lock_open_offers(assistance_id=job.pk), Offer.Reason.CANCELED, now)
    state.publish_status(job, now)
    if job.assistant_id is not None:
        _tell_closed(job.assistant_id, job.pk, status, f"assistance.{job.pk}.{job.version}.closed")
    offer_next_job(job.assistant_id, now)


def offer_next_job(assistant_id: int | None, now: datetime) -> None:
    """Offer an assistant who is free now what waits around."""
    profile = AssistantProfile.objects.on_duty().fresh(now).filter(pk=assistant_id).first() if assistant_id else None
    if profile is not None:
        offers.offer_waiting_to(profile, now)
