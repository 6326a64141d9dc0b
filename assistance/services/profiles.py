"""Papers, duty and locations of assistants, and locations of clients."""

from __future__ import annotations

import math
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import User as Account
from accounts.services import change_profile
from assistance import events, lifecycle
from assistance.cells import column_of, row_of
from assistance.models import Assistance, AssistantProfile, Offer
from assistance.services import signs_of_life
from assistance.steps import approvals, etas, offers, state
from depannini_dashmap.lib.errors import Conflict, Forbidden, InvalidData, NotFound, Unauthenticated

if TYPE_CHECKING:
    from accounts.models import User

PAPERS = (
    "service_type",
    "vehicle_type",
    "driving_license_cat",
    "driving_license_num",
    "driving_license_expiry",
    "vehicle_registration_num",
)
# What staff saw when they approved somebody: changed, they look again.
SEEN = frozenset(PAPERS) - {"vehicle_type"}


def register_assistant(*, actor: User, details: dict[str, Any]) -> AssistantProfile:
    """Open the profile of a new assistant, off duty; details are the validated fields of the registration.

    Who has not said where they are is nobody's nearest until they do.
    """
    profile = AssistantProfile(user=actor, seen_at=timezone.now(), **{name: details[name] for name in PAPERS})
    if details["current_lat"] is not None:
        profile.place(details["current_lat"], details["current_lng"])
    profile.save(force_insert=True)
    return profile


@transaction.atomic
def change_papers(*, actor: User, **changes: Any) -> None:
    """Store changed papers of an assistant; who was approved with others waits for staff again.

    Raises: Forbidden for who is no assistant; Unauthenticated for a closed or inactive account.
    """
    if actor.user_type != "assistant":
        raise Forbidden()
    if changes:
        profile = state.lock_own_profile(actor.pk)
        if profile is not None and profile.approved_at and any(changes.get(name, getattr(profile, name)) != getattr(profile, name) for name in SEEN):
            approvals.withdraw(actor.pk)
        AssistantProfile.objects.filter(pk=actor.pk).update(
            **{name: changes[name] for name in PAPERS if name in changes}
        )


@transaction.atomic
def change_own_profile(*, actor: User, **changes: Any) -> None:
    """Store what somebody changed about themselves: the account, the papers of an assistant, the place.

    Shape: the validated fields of the profile.
    Raises: InvalidData for what is taken or cannot be stored; Unauthenticated for a closed or inactive account.
    """
    papers = {name: changes.pop(name) for name in PAPERS if name in changes}
    place = [changes.pop(name) for name in ("current_lat", "current_lng") if name in changes]
    if changes:
        change_profile(actor=actor, user=actor, **changes)
    if papers:
        change_papers(actor=actor, **papers)
    if place:
        report_location(actor=actor, lat=place[0], lng=place[1])


@transaction.atomic
def set_duty(*, actor: User, is_active: bool) -> None:
    """Switch an assistant on or off duty.

    Effects: on counts as activity, and offers the requests waiting nearby; off ends open offers, not the running job.
    Raises: Forbidden for who is no assistant; Unauthenticated for a closed or inactive account.
    """
    if actor.user_type != "assistant":
        raise Forbidden()
    profile = state.lock_own_profile(actor.pk)
    if profile is None:
        raise NotFound("Assistant profile")
    now = timezone.now()
    if not is_active:
        return leave_duty(actor=None, user_id=actor.pk)
    AssistantProfile.objects.filter(pk=actor.pk).update(is_active=True, seen_at=now)
    signs_of_life.note_sign_of_life(actor=None, user_id=actor.pk)
    profile.is_active, profile.seen_at = True, now
    offers.offer_waiting_to(profile, now)
    return None


@transaction.atomic
def leave_duty(*, actor: User | None, user_id: int) -> None:
    """Take an assistant off duty and end their open offers; `actor` is None where an account was switched off or closes."""
    AssistantProfile.objects.filter(pk=user_id).update(is_active=False)
    offers.close_offers(offers.lock_open_offers(assistant_id=user_id), Offer.Reason.INACTIVE, timezone.now())


@transaction.atomic
def keep_fresh(*, actor: None, user_id: int) -> None:
    """Note that an assistant's socket is open; call it on connecting and at least every LOCATION_TTL / 2.

    Shape: no `actor`, the socket calls it.
    Effects: a sign of life; on duty it counts as activity, and a formerly stale assistant is offered the requests waiting nearby.
    Nothing for others.
    """
    signs_of_life.note_sign_of_life(actor=None, user_id=user_id)
    profile = AssistantProfile.objects.filter(pk=user_id).first()
    if profile is None or not profile.is_active:
        return
    now = timezone.now()
    was_fresh = profile.is_fresh(now)
    is_on_duty = AssistantProfile.objects.on_duty().filter(pk=user_id).update(seen_at=now)
    profile.seen_at = now
    if is_on_duty and not was_fresh:
        offers.offer_waiting_to(profile, now)


@transaction.atomic
def report_location(*, actor: User, lat: float, lng: float, assistance_id: int | None = None, tell: bool = True) -> None:
    """Store a user's location and publish it to the room of their open request.

    Shape: with ``assistance_id`` (from its socket) the user must be its client or assistant and it must be open;
    without (REST) it is published to the room of the user's open request, if any.
    Effects: an assistant counts as active, and is offered the requests waiting nearby after coming back or moving on.
    Raises: InvalidData for numbers that are no place; NotFound for strangers; Conflict when it has ended;
    Unauthenticated for a closed or inactive account.
    """
    _check_place(lat, lng)
    room = None if assistance_id is None else _named_room(actor, assistance_id)
    now = timezone.now()
    if actor.user_type == "assistant":
        signs_of_life.note_sign_of_life(actor=None, user_id=actor.pk)  # before anything is offered: one's own request is locked before others
        own = _move_assistant(actor, lat, lng, now)
        room = room or own
    else:
        room = room or _own_room(actor)
        _move_client(actor.pk, lat, lng)
    if room is not None:
        frame = events.location(user_id=actor.pk, lat=lat, lng=lng, assistance_id=room[0], seq=room[1], at=now)
        events.publish_to_room(room[0], frame)
        if actor.user_type == "assistant":
            transaction.on_commit(partial(etas.update_for_locations, [(room[0], actor.pk, lat, lng)]), robust=True)


def _named_room(user: User, assistance_id: int) -> tuple[int, int]:
    """Return id and version of the open request that the user named. Raises: NotFound for strangers; Conflict when it has ended."""
    found = Assistance.objects.of_person(user.pk).filter(pk=assistance_id).first()
    if found is None:
        raise NotFound(_("Assistance"))
    if not found.is_open:
        raise Conflict(format_lazy(_("This request is already {status}"), status=lifecycle.TRANSITIONS.word(found.status)), code="already_final", current_status=found.status)
    return found.pk, found.version


def _own_room(user: User) -> tuple[int, int] | None:
    """Return id and version of the user's open request."""
    return Assistance.objects.of_person(user.pk).open().values_list("pk", "version").first()


def _move_client(user_id: int, lat: float, lng: float) -> None:
    if not Account.objects.active().filter(pk=user_id).update(current_lat=lat, current_lng=lng):
        raise Unauthenticated()


def _move_assistant(user: User, lat: float, lng: float, now: datetime) -> tuple[int, int] | None:
    """Store an assistant's place, and return id and version of their open request, read with the profile.

    Raises: Unauthenticated for a closed account: closing empties the licence, which the update looks at.
    """
    profile: Any = AssistantProfile.objects.select_related("user").with_open_request().filter(pk=user.pk).first()
    if profile is None:
        return _own_room(user)
    if not profile.user.is_active:
        raise Unauthenticated()
    was_here = (profile.cell_y, profile.cell_x) == (row_of(lat), column_of(lng)) and profile.is_fresh(now)
    profile.place(lat, lng)
    profile.seen_at = now
    moved = (
        AssistantProfile.objects.filter(pk=user.pk)
        .exclude(driving_license_cat="")
        .update(lat=lat, lng=lng, cell_y=profile.cell_y, cell_x=profile.cell_x, seen_at=now)
    )
    if not moved:
        raise Unauthenticated()
    if not was_here:
        offers.offer_waiting_to(profile, now)
    return None if profile.open_request_id is None else (profile.open_request_id, profile.open_request_version)


def _check_place(lat: float, lng: float) -> None:
    fields = {}
    for name, value, limit in (("lat", lat, 90), ("lng", lng, 180)):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or abs(value) > limit:
            fields[name] = [f"A number between -{limit} and {limit}."]
    if fields:
        raise InvalidData(fields=fields)
