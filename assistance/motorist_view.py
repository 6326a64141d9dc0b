"""What the motorist's page shows of one request: plain values for the template, and the parts that a live page exchanges."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from assistance import lifecycle, quotes, representation
from assistance.models import Assistance, ChatMessage, RequestLink, RequestPhoto, VehicleClass
from assistance.photo_models import MOST_PHOTOS
from assistance.selectors import tariff_of
from assistance.steps.request_links import path_of
from depannini_dashmap.lib.roads.routing import RANGE
from depannini_dashmap.lib.time_zone import format_utc

REGIONS = ("state", "who", "price", "photos", "chat", "end")
CHAT_SHOWN = 200


def shown(link: RequestLink, token: str) -> dict[str, Any]:
    """Return what the templates of a link's page read; nothing in it changes by the clock alone."""
    job = link.assistance
    now = timezone.now()
    row = representation.row_of(job)
    tariff = tariff_of(job)
    has_contact = representation.has_contact(row, now)
    pictures = list(RequestPhoto.objects.of_request(job.pk))
    return {
        "job": job,
        "is_open": job.is_open,
        "headline": headline(job),
        "vehicle": _vehicle(job),
        "ended_because": _ended_because(job),
        "is_stalled": job.status == lifecycle.ACCEPTED and job.stalled_since is not None,
        "assistant": _assistant(job, has_contact) if job.assistant_id else None,
        "eta": _eta(job),
        "lines": quotes.price_lines(tariff, job.distance_km),
        "asks_price": job.price_consent in ("pending", "refused") and job.status != lifecycle.CANCELED,
        "messages": _messages(job),
        "photos": pictures,
        "can_add_photos": job.is_open and sum(one.sender_id == job.client_id for one in pictures) < MOST_PHOTOS,
        "can_write": job.assistant_id is not None and (job.is_open or has_contact),
        "help_phone": settings.HELP_PHONE,
        "page_url": path_of(token),
        "stars": range(1, 6),
    }


def live(link: RequestLink, token: str) -> tuple[bytes, str]:
    """Return the parts of the page and the map as JSON, and the tag by which an unchanged one is known."""
    page = shown(link, token)
    regions = {name: render_to_string(f"assistance/motorist_{name}.html", page) for name in REGIONS}
    told = {name: page[name] for name in ("is_open", "can_write", "can_add_photos")}
    body = json.dumps({"regions": regions, "map": map_of(link.assistance), **told}, ensure_ascii=False).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def map_of(job: Assistance) -> dict[str, Any]:
    """Return the points that the map shows: where help is needed, where to, and who comes, while they come."""
    profile = getattr(job.assistant, "assistant_profile", None) if job.status in lifecycle.WITH_ASSISTANT else None
    mover = None
    if profile is not None and profile.lat is not None and profile.lng is not None:
        mover = {"lat": profile.lat, "lng": profile.lng, "at": format_utc(profile.seen_at)}
    goal = None if job.dropoff_lat is None else {"lat": job.dropoff_lat, "lng": job.dropoff_lng}
    return {"pickup": {"lat": job.pickup_lat, "lng": job.pickup_lng}, "dropoff": goal, "mover": mover}


def headline(job: Assistance) -> str:
    """Say in one sentence how things stand."""
    name = first_name(job)
    if job.status == lifecycle.REQUESTED:
        return _("We are looking for somebody near you")
    if job.status == lifecycle.ACCEPTED:
        return _("%(name)s is on the way") % {"name": name} if name else _("Somebody is on the way")
    if job.status == lifecycle.ONGOING:
        return _("%(name)s is with you") % {"name": name} if name else _("Help is with you")
    return _("The job is done") if job.status == lifecycle.COMPLETED else _("The request is cancelled")


def first_name(job: Assistance) -> str:
    """Return the assistant's first name: no more is shown to who has the link."""
    if job.assistant is None:
        return ""
    return job.assistant.first_name or (job.assistant.name.split() or [""])[0]


def _vehicle(job: Assistance) -> str:
    """Return what broke down in the words of the form by which they asked."""
    words: dict[str, str] = {VehicleClass.LIGHT: _("Car, van, motorcycle"), VehicleClass.HEAVY: _("Truck, bus")}
    return words.get(job.vehicle_type, "")


def _ended_because(job: Assistance) -> str:
    if job.status != lifecycle.CANCELED:
        return ""
    reasons = {
        Assistance.Reason.CLIENT: _("You cancelled it."),
        Assistance.Reason.ASSISTANT: _("The assistant had to give up. Ask again, or call us."),
        Assistance.Reason.STAFF: _("Our office cancelled it."),
        Assistance.Reason.UNANSWERED: _("Nobody was free. Ask again, or call us."),
    }
    return str(reasons.get(Assistance.Reason(job.reason), ""))


def _assistant(job: Assistance, has_contact: bool) -> dict[str, Any]:
    profile = getattr(job.assistant, "assistant_profile", None)
    phone = job.assistant.reachable_phone if job.assistant and has_contact else ""
    has_place = profile is not None and profile.lat is not None and job.status in lifecycle.WITH_ASSISTANT
    return {
        "name": first_name(job) or _("Assistant"),
        "vehicle": profile.vehicle_type if profile else "",
        "phone": phone or "",
        "placed_at": profile.seen_at if profile and has_place else None,
    }


def _eta(job: Assistance) -> dict[str, datetime] | None:
    """Return between when and when the assistant may be there."""
    if job.status not in lifecycle.WITH_ASSISTANT or job.eta_at is None or job.eta_reckoned_at is None:
        return None
    low, high = RANGE[job.eta_source]
    drive = job.eta_at - job.eta_reckoned_at
    return {"earliest": job.eta_reckoned_at + drive * low, "latest": job.eta_reckoned_at + drive * high}


def _messages(job: Assistance) -> list[dict[str, Any]]:
    rows = ChatMessage.objects.filter(assistance_id=job.pk).order_by("-id")[:CHAT_SHOWN]
    return [
        {"text": text, "is_mine": sender_id == job.client_id, "is_assistants": sender_id == job.assistant_id, "at": at}
        for text, sender_id, at in reversed(list(rows.values_list("message", "sender_id", "created_at")))
    ]
