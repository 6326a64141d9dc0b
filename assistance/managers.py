"""QuerySets of requests, offers and assistants: who sees which, and which are open, free or fresh."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Cos, Least, Power, Radians, Sin
from django.utils import timezone

from assistance import approval, lifecycle
from depannini_dashmap.lib import geo
from depannini_dashmap.lib.db.secret_links import SecretLinkQuerySet

if TYPE_CHECKING:
    from accounts.models import User
    from assistance.models import AssistantProfile


LINK_AFTER_END = timedelta(hours=24)
PHOTOS_AFTER_END = timedelta(hours=24)  # for its assistant, as long as the phone numbers


class AssistanceQuerySet(models.QuerySet):
    """Requests for help."""

    def open(self) -> Self:
        """Keep those that have not ended."""
        return self.filter(status__in=lifecycle.OPEN)

    def waiting(self) -> Self:
        """Keep those that nobody has accepted yet."""
        return self.filter(status=lifecycle.REQUESTED)

    def reaching(self, lat: float, lng: float) -> Self:
        """Keep those whose present circle holds a place, the nearest first.

        Half chords are compared: their squares, as in `geo.haversine_km`, need no arc sine.
        """
        widest = max(settings.ASSISTANCE_MAX_RADIUS_KM, settings.ASSISTANCE_RADIUS_KM)
        south, _, north, _ = geo.box_around(lat, lng, widest)
        across = Power(Sin(Radians(F("pickup_lat") - lat) / 2), 2)
        along = Power(Sin(Radians(F("pickup_lng") - lng) / 2), 2) * Cos(Radians("pickup_lat")) * math.cos(math.radians(lat))
        reach = Least(F("radius_km") / (2 * geo.EARTH_RADIUS_KM), math.pi / 2)
        rows = self.filter(pickup_lat__range=(south, north)).annotate(half_chord=across + along)
        return rows.filter(half_chord__lte=Power(Sin(reach), 2)).order_by("half_chord", "pk")

    def to_measure(self) -> Self:
        """Keep completed jobs with a dropoff whose way nobody has asked for yet, the newest first."""
        return self.filter(status=lifecycle.COMPLETED, dropoff_lat__isnull=False, way_source="").order_by("-ended_at")

    def stalled(self) -> Self:
        """Keep the accepted ones whose assistant has given no sign of life for too long."""
        return self.filter(status=lifecycle.ACCEPTED, stalled_since__isnull=False)

    def of_party(self, user: User) -> Self:
        """Keep those whose client or assistant the user is; staff and Roadside are a party of all."""
        if user.is_roadside:
            return self.all()
        return self.of_person(user.pk)

    def of_person(self, user_id: int) -> Self:
        """Keep those whose client or assistant somebody is."""
        return self.filter(Q(client_id=user_id) | Q(assistant_id=user_id))

    def showing_photos_to(self, user: User) -> Self:
        """Keep the user's own and the jobs that they are on, or that ended within a day; staff and Roadside see all.

        Not what is only offered: a photo may show plates and people, and most of those who are asked never come.
        """
        if user.is_roadside:
            return self.all()
        is_recent = Q(ended_at=None) | Q(ended_at__gt=timezone.now() - PHOTOS_AFTER_END)
        return self.filter(Q(client_id=user.pk) | Q(assistant_id=user.pk) & is_recent)

    def visible_to(self, user: User) -> Self:
        """Keep the user's own and, while open, those offered to them; staff and Roadside see all."""
        if user.is_roadside:
            return self.all()
        if user.user_type == "client":
            return self.filter(client_id=user.pk)
        if user.user_type != "assistant":
            return self.none()
        offered = apps.get_model("assistance", "Offer").objects.open().filter(assistant_id=user.pk)
        return self.filter(
            Q(assistant_id=user.pk) | Q(status=lifecycle.REQUESTED, pk__in=offered.values("assistance_id"))
        )

    def unanswered(self) -> Self:
        """Keep those that ended because nobody accepted."""
        return self.filter(status=lifecycle.CANCELED, reason="unanswered")


class OfferQuerySet(models.QuerySet):
    """The ledger of who was asked."""

    def open(self) -> Self:
        """Keep those still waiting for an answer."""
        return self.filter(closed_at__isnull=True)

    def lasting(self) -> Self:
        """Keep those after which the same assistant is not asked again: open, declined, given back or taken back."""
        return self.filter(Q(closed_at__isnull=True) | Q(answer="declined") | Q(reason__in=["released", "recalled"]))

    def in_the_way_of(self, profile: AssistantProfile) -> Self:
        """Keep the assistant's that forbid to ask them again now; after a stalled job, a sign of life ends that."""
        mine = self.filter(assistant_id=profile.pk)
        stalled = mine.filter(reason="stalled")
        return mine.lasting() | (stalled.filter(closed_at__gte=profile.seen_at) if profile.seen_at else stalled)


class AssistantProfileQuerySet(models.QuerySet):
    """Assistants and where they are."""

    def fresh(self, now: datetime | None = None) -> Self:
        """Keep those heard of within LOCATION_TTL."""
        return self.filter(seen_at__gt=(now or timezone.now()) - settings.LOCATION_TTL)

    def with_open_request(self) -> Self:
        """Add id and version of the request that the assistant is a party of, if one is open."""
        requests = apps.get_model("assistance", "Assistance").objects.open()
        mine = requests.filter(Q(client_id=OuterRef("pk")) | Q(assistant_id=OuterRef("pk")))
        return self.annotate(
            open_request_id=Subquery(mine.values("pk")[:1]), open_request_version=Subquery(mine.values("version")[:1])
        )

    def on_duty(self) -> Self:
        """Keep those who switched themselves on."""
        return self.filter(is_active=True)

    def approved(self, now: datetime | None = None) -> Self:
        """Keep those who may take jobs: with a good licence and, where ASSISTANT_APPROVAL asks for it, approved by staff."""
        expired = Q(driving_license_expiry__lte=approval.today(now))
        rows = self.filter(Q(driving_license_expiry__isnull=True) | ~expired)
        return rows.filter(approved_at__isnull=False) if settings.ASSISTANT_APPROVAL else rows

    def free(self) -> Self:
        """Keep those without an open job."""
        jobs = apps.get_model("assistance", "Assistance").objects.filter(assistant_id=OuterRef("pk"), status__in=lifecycle.WITH_ASSISTANT)
        return self.filter(~Exists(jobs))

    def serving(self, assistance_type: str) -> Self:
        """Keep those of a service; of any when none is named.

        Both services are named even then, so that the index that begins with the service is used.
        """
        return self.filter(service_type__in=[assistance_type] if assistance_type else ["towing", "repair"])


class ScheduledRequestQuerySet(models.QuerySet):
    """Requests that are made at a time."""

    def waiting(self) -> Self:
        """Keep those that are neither made nor struck out."""
        return self.filter(assistance__isnull=True, canceled_at__isnull=True)

    def visible_to(self, user: User) -> Self:
        """Keep all for staff and Roadside; nobody else sees any before it is made."""
        return self.all() if user.is_roadside else self.none()


class RequestLinkQuerySet(SecretLinkQuerySet):
    """Motorists' links to requests."""

    def open(self) -> Self:
        """Keep those that were not ended, have not expired, and whose request did not end more than a day ago."""
        return super().open().filter(_is_lasting(timezone.now()))


class LinkSubscriptionQuerySet(models.QuerySet):
    """Browsers that follow one request each by its link."""

    def over(self, before: datetime) -> Self:
        """Keep those whose page opened no more at an instant."""
        is_open = Q(link__expires_at__gt=before) & Q(link__revoked_at=None) & _is_lasting(before, "link__")
        return self.exclude(is_open)


def _is_lasting(now: datetime, path: str = "") -> Q:
    return Q(**{f"{path}assistance__ended_at": None}) | Q(**{f"{path}assistance__ended_at__gt": now - LINK_AFTER_END})


class RequestPhotoQuerySet(models.QuerySet):
    """Photos of requests."""

    def of_request(self, assistance_id: int) -> Self:
        """Keep those of one request, its client's first."""
        return self.filter(assistance_id=assistance_id).order_by("-role", "at", "pk")

    def visible_to(self, user: User) -> Self:
        """Keep those of the requests that show the user their photos."""
        requests = apps.get_model("assistance", "Assistance").objects.showing_photos_to(user)
        return self.filter(assistance__in=requests)


class TariffQuerySet(models.QuerySet):
    """What a kilometre costs, since when."""

    def in_force(self, assistance_type: str, vehicle_class: str, now: datetime | None = None) -> Self:
        """Put the tariff that counts now first."""
        return self.filter(
            assistance_type=assistance_type, vehicle_class=vehicle_class, valid_from__lte=now or timezone.now()
        ).order_by("-valid_from", "-id")
