"""What the duty page shows an assistant: duty, open offers, the job with what was written, the day and what it brought."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import Count, Q, Sum
from django.utils import timezone

from assistance import lifecycle
from assistance.models import (
    CONTACT_AFTER_END,
    Assistance,
    AssistantProfile,
    ChatMessage,
    Offer,
    RequestPhoto,
    ServiceType,
)
from assistance.photo_models import MOST_PHOTOS
from assistance.representation import SENDER, eta_of
from depannini_dashmap.lib.time_zone import display_zone

if TYPE_CHECKING:
    from accounts.models import User

DIRECTIONS = "https://www.google.com/maps/dir/?"
MOST_MESSAGES = 40
MOST_ENDED = 30
WEEK = timedelta(days=7)


class Earned(NamedTuple):
    """What completed jobs brought in one currency."""

    currency: str
    today: Decimal
    jobs_today: int
    week: Decimal
    jobs_of_week: int


def read_page(user: User) -> dict[str, Any]:
    """Return everything that the page of a signed-in assistant shows."""
    now = timezone.now()
    profile = AssistantProfile.objects.filter(pk=user.pk).first()
    job = Assistance.objects.select_related("client").filter(assistant_id=user.pk, status__in=lifecycle.WITH_ASSISTANT).first()
    since = datetime.combine(timezone.localdate(now, display_zone()), time.min, display_zone())
    return {
        "now": now,
        "profile": profile,
        "job": _shown_job(job) if job is not None else None,
        "offers": [] if job is not None else _open_offers(user.pk),
        "chat": _messages(job.pk) if job is not None else [],
        "photos": (pictures := list(RequestPhoto.objects.of_request(job.pk)) if job is not None else []),
        "can_add_photos": job is not None and sum(one.sender_id == user.pk for one in pictures) < MOST_PHOTOS,
        "ended": _ended(user.pk, since, now),
        "earned": earned(user.pk, since),
    }


def earned(user_id: int, since: datetime) -> list[Earned]:
    """Return what the jobs brought that the assistant completed since the day began, and in seven days with it."""
    is_today = Q(ended_at__gte=since)
    mine = Assistance.objects.filter(assistant_id=user_id, status=lifecycle.COMPLETED, ended_at__gte=since - WEEK + timedelta(days=1))
    rows = mine.order_by("currency").values("currency").annotate(
        today=Sum("total_price", filter=is_today, default=Decimal(0)), jobs_today=Count("pk", filter=is_today),
        week=Sum("total_price"), jobs_of_week=Count("pk"),
    )  # fmt: skip
    return [Earned(**row) for row in rows]


def directions_links(lat: float, lng: float) -> dict[str, str]:
    """Return the links that lead somewhere: by a map of the web, and by the phone's own map app."""
    point = f"{lat:.6f},{lng:.6f}"
    return {"maps": DIRECTIONS + urlencode({"api": 1, "destination": point}), "geo": f"geo:{point}?q={point}"}


def _open_offers(user_id: int) -> list[dict[str, Any]]:
    rows = Offer.objects.open().filter(assistant_id=user_id, assistance__status=lifecycle.REQUESTED)
    rows = rows.select_related("assistance__client").order_by("offered_at", "id")
    return [
        {
            "job": offer.assistance,
            "distance_km": offer.distance_km,
            "drive_min": None if offer.eta_s is None else max(1, round(offer.eta_s / 60)),
            "is_unpriced": _is_unpriced(offer.assistance),
            **directions_links(offer.assistance.pickup_lat, offer.assistance.pickup_lng),
        }
        for offer in rows
    ]


def _shown_job(job: Assistance) -> dict[str, Any]:
    """Return a job and where it leads: to the pickup, once under way to the dropoff."""
    to_dropoff = job.status == lifecycle.ONGOING and job.dropoff_lat is not None and job.dropoff_lng is not None
    lat, lng = (job.dropoff_lat, job.dropoff_lng) if to_dropoff else (job.pickup_lat, job.pickup_lng)
    assert lat is not None and lng is not None
    return {
        "row": job,
        "is_ongoing": job.status == lifecycle.ONGOING,
        "to_dropoff": to_dropoff,
        "is_unpriced": _is_unpriced(job),
        "is_repair": job.assistance_type == ServiceType.REPAIR and not job.is_price_fixed,
        "eta": job.eta_at if eta_of(job.status, job.eta_at, job.eta_source, job.eta_reckoned_at) else None,
        "phone": job.client.reachable_phone or "",
        **directions_links(lat, lng),
    }


def _is_unpriced(job: Assistance) -> bool:
    """Return whether its assistant is the one who names the price."""
    return job.assistance_type == ServiceType.REPAIR and not job.price_is_final


def _messages(assistance_id: int) -> list[ChatMessage]:
    newest = ChatMessage.objects.filter(assistance_id=assistance_id).select_related("sender").only("message", "created_at", "sender_id", *SENDER)
    return list(reversed(newest.order_by("-created_at", "-id")[:MOST_MESSAGES]))


def _ended(user_id: int, since: datetime, now: datetime) -> list[dict[str, Any]]:
    """Return the jobs that ended today, the last first; the client's number for as long as it may be seen."""
    rows = Assistance.objects.select_related("client").filter(assistant_id=user_id, status__in=lifecycle.FINAL, ended_at__gte=since)
    return [
        {"row": row, "phone": (row.client.reachable_phone or "") if row.ended_at and now <= row.ended_at + CONTACT_AFTER_END else ""}
        for row in rows.order_by("-ended_at", "-id")[:MOST_ENDED]
    ]
