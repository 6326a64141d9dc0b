"""Offers to assistants: in waves, to those who become available nearby, and how offers end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from assistance import approval, events, lifecycle, nearby, representation, tasks
from assistance.models import Assistance, AssistantProfile, Offer
from assistance.nearby import Candidate, Search
from assistance.services import etas, state
from depannini_dashmap.lib import geo
from depannini_dashmap.lib.errors import Conflict, Forbidden, NotFound

if TYPE_CHECKING:
    from accounts.models import User

OpenOffer = tuple[int, int, int]  # its id, the request, the assistant
MOST_OFFERS_AT_ONCE = 160
DISTANCE_PLACES = 3


def send_next_wave(*, assistance_id: int, wave: int) -> None:
    """Offer a waiting request to the nearest who were not asked yet, in a wider circle than the wave before.

    Effects: offers and their frames; plans the wave after it. Nothing if this wave was sent already, or nobody waits.
    """
    with transaction.atomic():
        job = state.locked(assistance_id)
        now = timezone.now()
        if job is None or job.status != lifecycle.REQUESTED or job.wave != wave - 1 or now >= job.expires_at:
            return
        send_wave(job, wave, now)


def send_wave(job: Assistance, wave: int, now: datetime) -> None:
    """Offer a locked request to those of the nearest who are there first, and plan the next wave."""
    job.wave, job.radius_km = wave, max(job.radius_km, radius_of(wave))
    Assistance.objects.filter(pk=job.pk).update(wave=job.wave, radius_km=job.radius_km)
    search = Search(job.assistance_type, now, unasked_about=job.pk)
    pickup, size = (job.pickup_lat, job.pickup_lng), size_of(wave)
    near = nearby.nearest(*pickup, max(size, etas.MOST_COMPARED), job.radius_km, search)
    chosen = etas.soonest(pickup, near, size)
    open_offers([(job, candidate) for candidate in chosen], source=Offer.Source.WAVE, now=now)
    if now + settings.OFFER_WAVE_INTERVAL < job.expires_at:
        tasks.plan_wave(job.pk, wave + 1, now)


def radius_of(wave: int) -> float:
    """Return how far a wave reaches: twice as far as the one before, up to ASSISTANCE_MAX_RADIUS_KM."""
    widest = max(settings.ASSISTANCE_MAX_RADIUS_KM, settings.ASSISTANCE_RADIUS_KM)
    return float(min(settings.ASSISTANCE_RADIUS_KM * 2 ** min(wave - 1, 16), widest))


def size_of(wave: int) -> int:
    """Return how many a wave asks: twice as many as the one before, up to a bound."""
    return int(min(settings.OFFER_WAVE_SIZE * 2 ** min(wave - 1, 16), MOST_OFFERS_AT_ONCE))


def open_offers(chosen: Iterable[tuple[Assistance, Candidate]], *, source: str, now: datetime) -> None:
    """Write offers of locked requests in one statement and tell the assistants, each how far it is from where they are."""
    jobs: dict[int, Assistance] = {}
    written = []
    for job, candidate in chosen:
        jobs[job.pk] = job
        written.append(
            Offer(
                assistance_id=job.pk,
                assistant_id=candidate.user_id,
                source=source,
                wave=job.wave,
                distance_km=round(candidate.exact_km, DISTANCE_PLACES),
                eta_s=candidate.eta_s,
                offered_at=now,
            )
        )
    bodies = {pk: representation.body(representation.row_of(job), viewer_id=None, now=now) for pk, job in jobs.items()}
    asked = [
        (
            offer.assistant_id,
            events.new_assistance_request(
                bodies[offer.assistance_id], distance_km=offer.distance_km, eta_s=offer.eta_s, event_id=f"offer.{offer.pk}"
            ),
        )
        for offer in Offer.objects.bulk_create(written)
    ]
    events.publish_to_assistants(asked)


def lock_open(*, assistance_id: int | None = None, assistant_id: int | None = None) -> list[OpenOffer]:
    """Lock the open offers of a request, of an assistant, or both; always by id, so that no two flows block each other."""
    rows = Offer.objects.open().filter(Q(assistance_id=assistance_id) | Q(assistant_id=assistant_id))
    return list(rows.order_by("pk").select_for_update().values_list("pk", "assistance_id", "assistant_id"))


def close(offers: Iterable[OpenOffer], reason: str, now: datetime, **answer: Any) -> None:
    """End locked offers for a reason and tell the assistants."""
    ended = list(offers)
    if not ended:
        return
    Offer.objects.filter(pk__in=[offer_id for offer_id, _, _ in ended]).update(closed_at=now, reason=reason, **answer)
    told = [
        (
            assistant_id,
            events.request_closed(assistance_id=assistance_id, reason=reason, event_id=f"offer.{offer_id}.closed"),
        )
        for offer_id, assistance_id, assistant_id in ended
    ]
    events.publish_to_assistants(told)


def offer_waiting_to(profile: AssistantProfile, now: datetime) -> None:
    """Offer the requests that wait around an assistant who is on duty, fresh and free.

    Effects: offers for those within each request's present circle that were not offered before; none to the busy.
    """
    if profile.lat is None or profile.lng is None or not profile.is_active or profile.standing != approval.APPROVED:
        return
    widest = max(settings.ASSISTANCE_MAX_RADIUS_KM, settings.ASSISTANCE_RADIUS_KM)
    south, _, north, _ = geo.box_around(profile.lat, profile.lng, widest)
    asked = Offer.objects.in_the_way_of(profile)
    waiting = (
        Assistance.objects.waiting()
        .filter(pickup_lat__range=(south, north), assistance_type__in=["", profile.service_type], expires_at__gt=now)
        .exclude(pk__in=asked.values("assistance_id"))
        .exclude(Exists(Assistance.objects.filter(assistant_id=profile.pk, status__in=lifecycle.WITH_ASSISTANT)))
        .values_list("pk", "pickup_lat", "pickup_lng", "radius_km")
    )
    near = [
        (distance, pk)
        for pk, lat, lng, radius_km in waiting
        if (distance := geo.haversine_km(profile.lat, profile.lng, lat, lng)) <= radius_km
    ]
    if near:
        _offer_each(profile, {pk: distance for distance, pk in sorted(near)[:MOST_OFFERS_AT_ONCE]}, now)


def _offer_each(profile: AssistantProfile, distances: dict[int, float], now: datetime) -> None:
    """Offer those that still wait once they are locked, and that nobody has offered to the assistant meanwhile."""
    jobs = state.lock_waiting(distances)
    asked = Offer.objects.in_the_way_of(profile).filter(assistance_id__in=[job.pk for job in jobs])
    already = set(asked.values_list("assistance_id", flat=True))
    still = [job for job in jobs if job.pk not in already]
    drives = etas.drives_to((profile.lat or 0.0, profile.lng or 0.0), [(job.pickup_lat, job.pickup_lng) for job in still])
    chosen = [
        (job, Candidate(profile.pk, distances[job.pk], distances[job.pk], eta_s=eta_s))
        for job, eta_s in zip(still, drives, strict=True)
    ]
    open_offers(chosen, source=Offer.Source.NEARBY, now=now)


@transaction.atomic
def decline(user: User, assistance_id: int) -> None:
    """Decline an offer; the assistant is not asked about this request again.

    Effects: when nobody is left who might still say yes, the next wave goes out at once; repeating it changes nothing.
    Raises: Forbidden for who is no assistant; NotFound when it was never offered; Conflict when the offer has ended
    otherwise.
    """
    if user.user_type != "assistant":
        raise Forbidden()
    job = state.locked(assistance_id)
    last = (
        Offer.objects.filter(assistance_id=assistance_id, assistant_id=user.pk).order_by("-id").first() if job else None
    )
    if job is None or last is None:
        raise NotFound(_("Assistance"))
    if last.answer == Offer.Answer.DECLINED:
        return
    if last.closed_at is not None:
        raise Conflict("This offer is over", code="offer_closed", current_status=job.status)
    now = timezone.now()
    close(
        [(last.pk, assistance_id, user.pk)], Offer.Reason.DECLINED, now, answer=Offer.Answer.DECLINED, answered_at=now
    )
    if job.status == lifecycle.REQUESTED and not job.offers.open().exists():
        send_wave(job, job.wave + 1, now)


def expire(*, assistance_id: int) -> None:
    """End a request as canceled, `unanswered`, when its time is up and nobody has accepted."""
    with transaction.atomic():
        job = state.locked(assistance_id)
        now = timezone.now()
        if job is None or job.status != lifecycle.REQUESTED or now < job.expires_at:
            return
        state.move(job, lifecycle.CANCELED, now, reason=Assistance.Reason.UNANSWERED, ended_at=now)
        close(lock_open(assistance_id=job.pk), Offer.Reason.UNANSWERED, now)
        state.tell_status(job, now)
