"""Manual dispatch by staff: rank candidates with their obstacles, assign an assistant, cancel with a reason."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from assistance import approval, events, lifecycle
from assistance.cells import box_around
from assistance.models import Assistance, AssistantProfile, Offer
from assistance.services import approvals, jobs, state
from assistance.services.requests import Requested, open_request, open_request_of
from depannini_dashmap.lib.errors import Conflict, Forbidden, InvalidData, NotFound
from depannini_dashmap.lib.geo import haversine_km
from depannini_dashmap.lib.ops import audit

if TYPE_CHECKING:
    from accounts.models import User

MOST_CANDIDATES = 200
MOST_TO_CALL = 50
ASKED_AGAIN = (Assistance.Reason.UNANSWERED, Assistance.Reason.STAFF)


class Obstacle(models.TextChoices):
    """Why an assistant is not offered a request, or should not get it."""

    TOO_FAR = "too far", _("too far")
    STALE_LOCATION = "stale location", _("stale location")
    WRONG_SERVICE = "wrong service", _("wrong service")
    BUSY = "busy", _("busy")
    OFF_DUTY = "off duty", _("off duty")
    DECLINED = "declined", _("declined")
    GAVE_BACK = "gave it back", _("gave it back")
    STALLED = "fell silent", _("fell silent")
    RECALLED = "taken back", _("taken back")
    NOT_APPROVED = "not approved", _("not approved")
    LICENCE_EXPIRED = "licence expired", _("licence expired")


# A dispatcher may assign an assistant despite every other obstacle.
_FORBIDDING = {Obstacle.BUSY, Obstacle.WRONG_SERVICE, Obstacle.NOT_APPROVED, Obstacle.LICENCE_EXPIRED}
_OBSTACLE_OF_OFFER = {
    Offer.Reason.DECLINED: Obstacle.DECLINED,
    Offer.Reason.RELEASED: Obstacle.GAVE_BACK,
    Offer.Reason.STALLED: Obstacle.STALLED,
    Offer.Reason.RECALLED: Obstacle.RECALLED,
}


class Ranked(NamedTuple):
    """An assistant around a request, and the obstacles to assigning them."""

    user_id: int
    name: str
    distance_km: float
    reasons: tuple[Obstacle, ...]
    seen_at: datetime | None
    phone: str = ""

    @property
    def is_assignable(self) -> bool:
        """Whether a dispatcher may still assign them: only another job, another service or their papers forbid it."""
        return not _FORBIDDING & set(self.reasons)


def ranked_candidates(assistance: Assistance) -> list[Ranked]:
    """Return the assistants within ASSISTANCE_MAX_RADIUS_KM, those who fit first, then by distance, by three queries."""
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
            assistant_id__in=[profile.pk for profile, _distance in here], status__in=lifecycle.WITH_ASSISTANT
        )
        .exclude(pk=assistance.pk)
        .values_list("assistant_id", flat=True)
    )
    ranked = [
        _ranked(assistance, profile, distance_km, profile.pk in busy, answers.get(profile.pk), now)
        for profile, distance_km in here
    ]
    return sorted(ranked, key=lambda one: (bool(one.reasons), one.distance_km))[:MOST_CANDIDATES]


def assistants_to_call() -> list[AssistantProfile]:
    """Give assistants who have a phone, wherever they are: those on duty first, then who was heard of last, by one query."""
    profiles = AssistantProfile.objects.filter(user__is_active=True, user__phone_number__isnull=False).select_related("user")
    return list(profiles.order_by("-is_active", F("seen_at").desc(nulls_last=True), "pk")[:MOST_TO_CALL])


_PLACE = ("service_type", "is_active", "lat", "lng", "seen_at", "driving_license_expiry", "approved_at")


def _answers(assistance: Assistance) -> dict[int, Obstacle]:
    rows = Offer.objects.filter(assistance_id=assistance.pk, reason__in=_OBSTACLE_OF_OFFER).order_by("id")
    return {
        assistant_id: _OBSTACLE_OF_OFFER[Offer.Reason(reason)]
        for assistant_id, reason in rows.values_list("assistant_id", "reason")
    }


def _ranked(
    job: Assistance, profile: AssistantProfile, distance_km: float, is_busy: bool, answer: Obstacle | None, now: datetime
) -> Ranked:
    obstacles = {
        Obstacle.TOO_FAR: distance_km > settings.ASSISTANCE_MAX_RADIUS_KM,
        Obstacle.STALE_LOCATION: not profile.is_fresh(now),
        Obstacle.WRONG_SERVICE: job.assistance_type not in ("", profile.service_type),
        Obstacle.BUSY: is_busy,
        Obstacle.OFF_DUTY: not profile.is_active,
        Obstacle.NOT_APPROVED: profile.standing == approval.WAITING,
        Obstacle.LICENCE_EXPIRED: profile.standing == approval.LICENCE_EXPIRED,
    }
    reasons = tuple(obstacle for obstacle, applies in obstacles.items() if applies) + ((answer,) if answer else ())
    person = profile.user
    return Ranked(
        profile.pk, person.display_name, round(distance_km, 3), reasons, profile.seen_at, person.phone_number or ""
    )


def assign_by_hand(staff: User, *, assistance_id: int, assistant_id: int) -> Assistance:
    """Assign a waiting request to an assistant by hand; duty, distance and freshness do not matter.

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
            _("This assistant is on another job"), code="assistant_busy", assistance_id=state.job_of(assistant_id)
        ) from None


def _assign(staff: User, assistance_id: int, assistant_id: int, now: datetime) -> Assistance:
    profile = state.held_assistant(assistant_id)
    job = state.locked(assistance_id)
    if job is None:
        raise NotFound(_("Assistance"))
    state.refuse_final(job)
    if profile is None or not profile.user.is_active:
        sentence = format_lazy(_("{model} not found"), model=_("Assistant"))
        raise InvalidData(sentence, fields={"assistant": [sentence]})
    if job.assistant_id == profile.pk:
        return job  # the other dispatcher was as quick, with the same choice
    if job.assistant_id is not None:
        raise Conflict(
            _("This request is already taken"),
            code="already_taken",
            current_status=job.status,
            assistant_id=job.assistant_id,
        )
    if job.assistance_type not in ("", profile.service_type):
        raise Conflict(_("This request needs another service"), code="wrong_service")
    if sentences := approvals.refusal(profile):
        raise Conflict(sentences[1], code="not_approved")
    jobs.take(job, profile, now, source=Offer.Source.HAND, offered_by_id=staff.pk)
    frame = events.assistance_assigned(assistance_id=job.pk, event_id=f"assistance.{job.pk}.{job.version}.assigned")
    events.publish_to_assistants([(profile.pk, frame)])
    audit.record("assistance_assigned", actor=staff, target=job, assistant_id=profile.pk)
    return job


def ask_again(staff: User, *, assistance_id: int) -> Requested:
    """Open a new request like one that nobody answered, or that staff canceled: what has ended stays as it is.

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
            _("The client already has an open request"), code="request_already_open", assistance_id=open_id
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
        raise NotFound(_("Assistance") if old is None else _("Client"))
    if old.reason not in ASKED_AGAIN:
        raise Conflict(_("Only a request that nobody answered, or that staff canceled, is asked again"), code="not_unanswered", current_status=old.status)
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
