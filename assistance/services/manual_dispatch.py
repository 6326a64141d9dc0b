"""What staff do by hand: see who could help and why others cannot, assign an assistant, cancel with a reason."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from assistance import approval, events, lifecycle
from assistance.cells import box_around
from assistance.models import Assistance, AssistantProfile, Offer
from assistance.services import approvals, jobs, state
from assistance.services.requests import Requested, open_request, open_request_of
from depannini_dashmap.lib.errors import Conflict, Forbidden, InvalidData, NotFound
from depannini_dashmap.lib.geo import haversine_km
from depannini_dashmap.lib.ops import audit
from depannini_dashmap.lib.realtime import layer

if TYPE_CHECKING:
    from accounts.models import User

MOST_CANDIDATES = 200


class Ranked(NamedTuple):
    """An assistant around a request; an empty tuple of reasons means that nothing speaks against them.

    Reasons: ``too far``, ``stale location``, ``wrong service``, ``busy``, ``off duty``, ``declined``, ``gave it back``,
    ``fell silent``, ``taken back``, ``not approved``, ``licence expired``.
    """

    user_id: int
    name: str
    distance_km: float
    reasons: tuple[str, ...]
    seen_at: datetime | None
    phone: str = ""

    @property
    def is_assignable(self) -> bool:
        """Whether a dispatcher may still assign them: only another job, another service or their papers forbid it."""
        return not {"busy", "wrong service", "not approved", "licence expired"} & set(self.reasons)


def ranked_candidates(assistance: Assistance) -> list[Ranked]:
    """Give the assistants within ASSISTANCE_MAX_RADIUS_KM, those who fit first, then by distance, by three queries."""
    now = timezone.now()
    box = box_around(assistance.pickup_lat, assistance.pickup_lng, settings.ASSISTANCE_MAX_RADIUS_KM)
    profiles = (
        AssistantProfile.objects.filter(user__is_active=True, cell_y__range=(box.first_row, box.last_row))
        .select_related("user")
        .only("user__name", "user__first_name", "user__last_name", "user__username", "user__phone_number", *_PLACE)
    )
    here = [
        (profile, haversine_km(assistance.pickup_lat, assistance.pickup_lng, profile.lat, profile.lng))
        for profile in profiles
        if profile.lat is not None and profile.lng is not None and box.holds(profile.lat, profile.lng)
    ]
    answers = _answers(assistance)
    busy = set(
        Assistance.objects.filter(
            assistant_id__in=[profile.pk for profile, _ in here], status__in=lifecycle.WITH_ASSISTANT
        )
        .exclude(pk=assistance.pk)
        .values_list("assistant_id", flat=True)
    )
    ranked = [
        _ranked(assistance, profile, distance_km, profile.pk in busy, answers.get(profile.pk, ""), now)
        for profile, distance_km in here
    ]
    return sorted(ranked, key=lambda one: (bool(one.reasons), one.distance_km))[:MOST_CANDIDATES]


_PLACE = ("service_type", "is_active", "lat", "lng", "seen_at", "driving_license_expiry", "approved_at")


_TAKEN = {Offer.Reason.STALLED: "fell silent", Offer.Reason.RECALLED: "taken back"}


def _answers(assistance: Assistance) -> dict[int, str]:
    said = {Offer.Reason.DECLINED: "declined", Offer.Reason.RELEASED: "gave it back", **_TAKEN}
    rows = Offer.objects.filter(assistance_id=assistance.pk, reason__in=said).order_by("id")
    return {
        assistant_id: said[Offer.Reason(reason)] for assistant_id, reason in rows.values_list("assistant_id", "reason")
    }


def _ranked(
    job: Assistance, profile: AssistantProfile, distance_km: float, is_busy: bool, answer: str, now: datetime
) -> Ranked:
    against = {
        "too far": distance_km > settings.ASSISTANCE_MAX_RADIUS_KM,
        "stale location": not profile.is_fresh(now),
        "wrong service": job.assistance_type not in ("", profile.service_type),
        "busy": is_busy,
        "off duty": not profile.is_active,
        "not approved": profile.standing == approval.WAITING,
        "licence expired": profile.standing == approval.LICENCE_EXPIRED,
        answer: bool(answer),
    }
    reasons = tuple(reason for reason, applies in against.items() if applies)
    person = profile.user
    return Ranked(
        profile.pk, person.display_name, round(distance_km, 3), reasons, profile.seen_at, person.phone_number or ""
    )


def assign_by_hand(staff: User, *, assistance_id: int, assistant_id: int) -> Assistance:
    """Give a waiting request to an assistant who was asked otherwise; duty, distance and freshness do not matter.

    Effects: as an acceptance; the assistant's sockets are told, the ledger names the dispatcher, it is audited.
    Raises: Forbidden for who does not work the roadside side; NotFound; InvalidData for who is no assistant; Conflict when
    another one has it (`assistant_id`), or the assistant is on another job, of another service or not approved.
    """
    if not staff.is_roadside:
        raise Forbidden()
    try:
        with transaction.atomic():
            return _assign(staff, assistance_id, assistant_id, timezone.now())
    except IntegrityError:
        raise Conflict(
            "This assistant is on another job", code="assistant_busy", assistance_id=state.job_of(assistant_id)
        ) from None


def _assign(staff: User, assistance_id: int, assistant_id: int, now: datetime) -> Assistance:
    profile = state.held_assistant(assistant_id)
    job = state.locked(assistance_id)
    if job is None:
        raise NotFound("Assistance")
    state.refuse_final(job)
    if profile is None or not profile.user.is_active:
        raise InvalidData("Assistant not found", fields={"assistant": ["Assistant not found"]})
    if job.assistant_id == profile.pk:
        return job  # the other dispatcher was as quick, with the same choice
    if job.assistant_id is not None:
        raise Conflict(
            "This request is already taken",
            code="already_taken",
            current_status=job.status,
            assistant_id=job.assistant_id,
        )
    if job.assistance_type not in ("", profile.service_type):
        raise Conflict("This request needs another service", code="wrong_service")
    if sentences := approvals.refusal(profile):
        raise Conflict(sentences[1], code="not_approved")
    jobs.take(job, profile, now, source=Offer.Source.HAND, offered_by_id=staff.pk)
    frame = events.assistance_assigned(assistance_id=job.pk, event_id=f"assistance.{job.pk}.{job.version}.assigned")
    layer.publish(events.assistant_group(profile.pk), dict(frame))
    audit.record("assistance_assigned", actor=staff, target=job, assistant_id=profile.pk)
    return job


def ask_again(staff: User, *, assistance_id: int) -> Requested:
    """Open a new request like one that nobody answered, for its client: what has ended stays as it is.

    Effects: as a request by the client themselves, at the tariff of now; it is audited.
    Raises: Forbidden for who does not work the roadside side; NotFound, also for a client who is gone; Conflict when it ended
    otherwise, or the client has an open request by now.
    """
    if not staff.is_roadside:
        raise Forbidden()
    try:
        with transaction.atomic():
            return _ask_again(staff, assistance_id)
    except _OpenAlready as found:
        open_id = open_request_of(found.client_id)
        raise Conflict(
            "The client already has an open request", code="request_already_open", assistance_id=open_id
        ) from found


class _OpenAlready(Exception):
    """The database refused a second open request of a client: its transaction is over."""

    def __init__(self, client_id: int) -> None:
        self.client_id = client_id
        super().__init__(client_id)


def _ask_again(staff: User, assistance_id: int) -> Requested:
    client_id = Assistance.objects.filter(pk=assistance_id).values_list("client_id", flat=True).first()
    is_there = client_id is not None and state.hold_account(client_id)
    old = state.locked(assistance_id)
    if old is None or not is_there:
        raise NotFound("Assistance" if old is None else "Client")
    if old.reason != Assistance.Reason.UNANSWERED:
        raise Conflict("Only an unanswered request is asked again", code="not_unanswered", current_status=old.status)
    has_dropoff = old.dropoff_lat is not None and old.dropoff_lng is not None
    try:
        asked = open_request(
            old.client,
            pickup=(old.pickup_lat, old.pickup_lng),
            dropoff=(old.dropoff_lat, old.dropoff_lng) if has_dropoff else None,  # type: ignore[arg-type]
            assistance_type=old.assistance_type,
            vehicle_type=old.vehicle_type,
            description=old.description,
            billed_to=old.billed_to,
        )
    except IntegrityError as error:
        raise _OpenAlready(old.client_id) from error
    audit.record("assistance_asked_again", actor=staff, target=old, assistance_id=asked.assistance["id"])
    return asked


def cancel_by_staff(staff: User, *, assistance_id: int, note: str) -> None:
    """Cancel an open request with a reason in words. Raises: Forbidden, NotFound, Conflict when it has ended."""
    if not staff.is_roadside:
        raise Forbidden()
    jobs.update_status(staff, assistance_id, lifecycle.CANCELED, note=note)
