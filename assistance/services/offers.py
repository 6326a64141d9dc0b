"""Offers to assistants: made in waves, accepted, declined, expired."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from assistance import lifecycle
from assistance.models import Assistance, Offer
from assistance.steps import approvals, state
from assistance.steps.jobs import busy_error, take
from assistance.steps.matching import shares_around
from assistance.steps.offers import close_offers, lock_open_offers, radius_of, send_wave
from depannini_dashmap.lib.errors import Conflict, Forbidden, NotFound

if TYPE_CHECKING:
    from accounts.models import User


def send_next_wave(*, actor: None, assistance_id: int, wave: int) -> None:
    """Offer a waiting request to the nearest who were not asked yet, in a wider circle than the wave before.

    Where other requests wait in that circle they are matched together, and each asks those first who are meant for it.

    Shape: no `actor`, the worker calls it.
    Effects: offers and their frames; plans the wave after it. Nothing if this wave was sent already, or nobody waits.
    """
    shares = shares_around(assistance_id, radius_of(wave), timezone.now())
    with transaction.atomic():
        job = state.lock_request(assistance_id)
        now = timezone.now()
        if job is None or job.status != lifecycle.REQUESTED or job.wave != wave - 1 or now >= job.expires_at:
            return
        send_wave(job, wave, now, shares)


def accept(*, actor: User, assistance_id: int) -> Assistance:
    """Take a waiting request; exactly one assistant wins.

    Effects: every other offer of it, and every other offer to the winner, is over. The winner's repetition changes
    nothing. Raises: Forbidden for who is no approved assistant on duty of a fitting service; NotFound; Conflict when it is
    taken or has ended, or the assistant is on another job; Unauthenticated for a closed or inactive account.
    """
    if actor.user_type != "assistant":
        raise Forbidden("Only assistants accept requests")
    try:
        with transaction.atomic():
            return _accept(actor, assistance_id, timezone.now())
    except IntegrityError:
        raise busy_error(actor.pk) from None


def _accept(user: User, assistance_id: int, now: datetime) -> Assistance:
    profile = state.lock_own_profile(user.pk)
    job = state.lock_request(assistance_id)
    if job is None:
        raise NotFound(_("Assistance"))
    state.refuse_final(job)
    if job.assistant_id == user.pk:
        return job
    if profile is None or not profile.is_active:
        raise Forbidden(_("Switch yourself on before you accept requests"), code="assistant_inactive")
    if job.assistance_type not in ("", profile.service_type):
        raise Forbidden(_("This request needs another service"), code="wrong_service")
    approvals.require_approved(profile)
    take(job, profile, now, source=Offer.Source.SELF)
    return job


@transaction.atomic
def decline(*, actor: User, assistance_id: int) -> None:
    """Decline an offer; the assistant is not asked about this request again.

    Effects: when nobody is left who might still say yes, the next wave goes out at once; repeating it changes nothing.
    Raises: Forbidden for who is no assistant; NotFound when it was never offered; Conflict when the offer has ended
    otherwise.
    """
    if actor.user_type != "assistant":
        raise Forbidden()
    job = state.lock_request(assistance_id)
    last = (
        Offer.objects.filter(assistance_id=assistance_id, assistant_id=actor.pk).order_by("-id").first() if job else None
    )
    if job is None or last is None:
        raise NotFound(_("Assistance"))
    if last.answer == Offer.Answer.DECLINED:
        return
    if last.closed_at is not None:
        raise Conflict(_("This offer is over"), code="offer_closed", current_status=job.status)
    now = timezone.now()
    close_offers(
        [(last.pk, assistance_id, actor.pk)], Offer.Reason.DECLINED, now, answer=Offer.Answer.DECLINED, answered_at=now
    )
    if job.status == lifecycle.REQUESTED and not job.offers.open().exists():
        send_wave(job, job.wave + 1, now)


def expire(*, actor: None, assistance_id: int) -> None:
    """End a request as cancelled, `unanswered`, when its time is up and nobody has accepted.

    Shape: no `actor`, the worker calls it.
    """
    with transaction.atomic():
        job = state.lock_request(assistance_id)
        now = timezone.now()
        if job is None or job.status != lifecycle.REQUESTED or now < job.expires_at:
            return
        state.move(job, lifecycle.CANCELED, now, reason=Assistance.Reason.UNANSWERED, ended_at=now)
        close_offers(lock_open_offers(assistance_id=job.pk), Offer.Reason.UNANSWERED, now)
        state.publish_status(job, now)
