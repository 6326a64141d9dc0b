"""Opening and ending offers of locked requests: in waves, and to those who become available nearby."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Exists, Q

from assistance import approval, events, lifecycle, nearby, representation, task_queueing
from assistance.models import Assistance, AssistantProfile, Offer
from assistance.nearby import DISTANCE_PLACES, Candidate, Search
from assistance.steps import etas, state
from assistance.steps.matching import Shares, by_share
from depannini_dashmap.lib import geo
from depannini_dashmap.lib.db.prepared import PreparedRows

OpenOffer = tuple[int, int, int]  # its id, the request, the assistant
MOST_OFFERS_AT_ONCE = 160
_WRITE_WHERE_UNASKED = """WITH offered(assistance_id, wave, distance_km, eta_s) AS (VALUES {rows})
    INSERT INTO assistance_offer
        (assistant_id, source, offered_at, assistance_id, wave, distance_km, eta_s, answer, reason)
    SELECT %s, %s, %s, assistance_id, wave, distance_km, CAST(eta_s AS integer), '', '' FROM offered
        WHERE assistance_id NOT IN ({asked}) RETURNING id, assistance_id"""


def send_wave(job: Assistance, wave: int, now: datetime, shares: Shares | None = None) -> None:
    """Offer a locked request to those of the nearest who are there first, and plan the next wave.

    With `shares` those go first who are meant for this request, and those last who are meant for another one.
    """
    job.wave, job.radius_km = wave, max(job.radius_km, radius_of(wave))
    Assistance.objects.filter(pk=job.pk).update(wave=job.wave, radius_km=job.radius_km)
    search = Search(job.assistance_type, now, unasked_about=job.pk)
    pickup, size = (job.pickup_lat, job.pickup_lng), size_of(wave)
    near = nearby.nearest(*pickup, max(size, etas.MOST_COMPARED), job.radius_km, search)
    chosen = by_share(etas.soonest(pickup, near, len(near) if shares else size), job.pk, shares or {})[:size]
    create_offers([(job, candidate) for candidate in chosen], source=Offer.Source.WAVE, now=now)
    if now + settings.OFFER_WAVE_INTERVAL < job.expires_at:
        task_queueing.plan_wave(job.pk, wave + 1, now)


def radius_of(wave: int) -> float:
    """Return how far a wave reaches: twice as far as the one before, up to ASSISTANCE_MAX_RADIUS_KM."""
    widest = max(settings.ASSISTANCE_MAX_RADIUS_KM, settings.ASSISTANCE_RADIUS_KM)
    return float(min(settings.ASSISTANCE_RADIUS_KM * 2 ** min(wave - 1, 16), widest))


def size_of(wave: int) -> int:
    """Return how many a wave asks: twice as many as the one before, up to a bound."""
    return int(min(settings.OFFER_WAVE_SIZE * 2 ** min(wave - 1, 16), MOST_OFFERS_AT_ONCE))


def create_offers(chosen: Iterable[tuple[Assistance, Candidate]], *, source: str, now: datetime) -> None:
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
    _tell_of_offers(Offer.objects.bulk_create(written), jobs, now)


def _tell_of_offers(offers: Iterable[Offer], jobs: dict[int, Assistance], now: datetime) -> None:
    """Tell the assistants of written offers of some requests."""
    bodies = {pk: representation.of(job, viewer_id=None, now=now) for pk, job in jobs.items()}
    asked = [
        (
            offer.assistant_id,
            events.new_assistance_request(
                bodies[offer.assistance_id],
                distance_km=offer.distance_km,
                eta_s=offer.eta_s,
                event_id=f"offer.{offer.pk}",
            ),
        )
        for offer in offers
    ]
    events.publish_to_assistants(asked)
    if asked:
        task_queueing.queue_push_of_offers(jobs)


def lock_open_offers(*, assistance_id: int | None = None, assistant_id: int | None = None) -> list[OpenOffer]:
    """Lock the open offers of a request, of an assistant, or both; always by id, so that no two flows block each other."""
    if assistance_id is not None and assistant_id is not None:
        return _lock_of_either(None, assistance_id, assistant_id)
    return list(_lockable(Q(assistance_id=assistance_id) | Q(assistant_id=assistant_id)))


def _lockable(whose: Q) -> Any:
    rows = Offer.objects.open().filter(whose).order_by("pk")
    return rows.select_for_update().values_list("pk", "assistance_id", "assistant_id")


_lock_of_either = PreparedRows(
    lambda _, assistance_id, assistant_id: _lockable(Q(assistance_id=assistance_id) | Q(assistant_id=assistant_id))
)


def close_offers(offers: Iterable[OpenOffer], reason: str, now: datetime, **answer: Any) -> None:
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
    task_queueing.queue_push_of_offers({assistance_id for _, assistance_id, _ in ended})


def offer_waiting_to(profile: AssistantProfile, now: datetime) -> None:
    """Offer the requests that wait around an assistant who is on duty, fresh and free.

    Effects: offers for those within each request's present circle that were not offered before; none to the busy.
    """
    if profile.lat is None or profile.lng is None or not profile.is_active or profile.standing != approval.APPROVED:
        return
    near = (
        Assistance.objects.waiting()
        .reaching(profile.lat, profile.lng)
        .filter(assistance_type__in=["", profile.service_type], expires_at__gt=now)
        .exclude(pk__in=Offer.objects.in_the_way_of(profile).values("assistance_id"))
        .exclude(Exists(Assistance.objects.filter(assistant_id=profile.pk, status__in=lifecycle.WITH_ASSISTANT)))
    )
    jobs = state.lock_waiting(near.values("pk")[:MOST_OFFERS_AT_ONCE])
    if not jobs:
        return
    drives = etas.drives_to((profile.lat, profile.lng), [(job.pickup_lat, job.pickup_lng) for job in jobs])
    written = [
        Offer(
            assistance_id=job.pk,
            assistant_id=profile.pk,
            source=Offer.Source.NEARBY,
            wave=job.wave,
            distance_km=round(geo.haversine_km(profile.lat, profile.lng, job.pickup_lat, job.pickup_lng), DISTANCE_PLACES),
            eta_s=eta_s,
            offered_at=now,
        )
        for job, eta_s in zip(jobs, drives, strict=True)
    ]
    offered = {offer.assistance_id: offer for offer in _write_where_unasked(written, profile)}
    _tell_of_offers(offered.values(), {job.pk: job for job in jobs if job.pk in offered}, now)


def _write_where_unasked(written: list[Offer], profile: AssistantProfile) -> list[Offer]:
    """Write an assistant's offers of locked requests, but for those that nothing may offer to them again, and give these.

    Looking and writing is one statement, and not that which locked: it sees what who held the locks before has written.
    """
    asked, own = Offer.objects.in_the_way_of(profile).order_by().values("assistance_id").query.sql_with_params()
    columns = ("assistance_id", "wave", "distance_km", "eta_s")
    rows = [getattr(offer, name) for offer in written for name in columns]
    marks = ", ".join(["(%s, %s, %s, %s)"] * len(written))
    offered_at = connection.ops.adapt_datetimefield_value(written[0].offered_at)
    sql = _WRITE_WHERE_UNASKED.format(rows=marks, asked=asked)
    with connection.cursor() as cursor:
        cursor.execute(sql, [*rows, profile.pk, Offer.Source.NEARBY, offered_at, *own])
        keys = {assistance_id: pk for pk, assistance_id in cursor.fetchall()}
    found = [offer for offer in written if offer.assistance_id in keys]
    for offer in found:
        offer.pk = keys[offer.assistance_id]
    return found
