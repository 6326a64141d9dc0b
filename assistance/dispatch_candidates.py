"""Assistants around a request as dispatchers see them: ranked, with their obstacles. Changes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from assistance import approval, lifecycle
from assistance.cells import box_around
from assistance.models import Assistance, AssistantProfile, Offer
from depannini_dashmap.lib.geo import haversine_km
from depannini_dashmap.lib.roads import routing

MOST_CANDIDATES = 200
MOST_DRIVEN = 20  # the best by straight line, about whom the roads are asked
MOST_TO_CALL = 50


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
    place: tuple[float, float] = (0.0, 0.0)
    drive_s: float | None = None  # by road; None where no road is known

    @property
    def drive_min(self) -> int | None:
        """The driving time in whole minutes, one at least."""
        return None if self.drive_s is None else max(1, round(self.drive_s / 60))

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


def by_driving_time(ranked: list[Ranked], pickup: tuple[float, float]) -> tuple[list[Ranked], bool]:
    """Return ranked assistants with those first who are there first, and whether the roads could say.

    Shape: those who fit stay before the others; MOST_DRIVEN are compared, by one question that takes no longer than
    `osrm.LIMIT`, and the farther ones follow as they were. Where no road is known the order stays. No transaction may be open.
    """
    asked = ranked[:MOST_DRIVEN]
    legs = [row[0] for row in routing.matrix([one.place for one in asked], [pickup])]
    if not any(leg.source == routing.ROAD for leg in legs):
        return ranked, False
    pairs = sorted(
        zip(asked, legs, strict=True),
        key=lambda pair: (bool(pair[0].reasons), pair[1].duration_s is None, pair[1].duration_s or 0.0, pair[0].distance_km),
    )
    timed = [one._replace(drive_s=leg.duration_s if leg.source == routing.ROAD else None) for one, leg in pairs]
    return timed + ranked[MOST_DRIVEN:], True


def assistants_to_call() -> list[AssistantProfile]:
    """Return assistants who have a phone, anywhere: those on duty first, then the most recently active, by one query."""
    profiles = AssistantProfile.objects.filter(user__is_active=True, user__phone_number__isnull=False).select_related(
        "user"
    )
    return list(profiles.order_by("-is_active", F("seen_at").desc(nulls_last=True), "pk")[:MOST_TO_CALL])


_PLACE = ("service_type", "is_active", "lat", "lng", "seen_at", "driving_license_expiry", "approved_at")


def _answers(assistance: Assistance) -> dict[int, Obstacle]:
    rows = Offer.objects.filter(assistance_id=assistance.pk, reason__in=_OBSTACLE_OF_OFFER).order_by("id")
    return {
        assistant_id: _OBSTACLE_OF_OFFER[Offer.Reason(reason)]
        for assistant_id, reason in rows.values_list("assistant_id", "reason")
    }


def _ranked(
    job: Assistance,
    profile: AssistantProfile,
    distance_km: float,
    is_busy: bool,
    answer: Obstacle | None,
    now: datetime,
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
    place = (profile.lat or 0.0, profile.lng or 0.0)
    return Ranked(
        profile.pk, person.display_name, round(distance_km, 3), reasons, profile.seen_at, person.phone_number or "", place
    )
