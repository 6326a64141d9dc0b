"""What the notifications of requests say, and to whom: plain values out of rows; sending belongs to the services.

No name, place or text of anybody is in them: services of other companies carry them. A tag names the thing, so that one
notification of it is shown at a time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from accounts.notifications import Notification
from assistance import lifecycle
from assistance.models import Assistance, Offer, ServiceType
from depannini_dashmap.lib.numbers import written_lazy

NEAR = timedelta(minutes=5)
OFFER, STATUS, PRICE, CHAT = "offer", "assistance", "price", "chat"
Reason, Consent = Assistance.Reason, Assistance.Consent

_KINDS: dict[str, StrOrPromise] = {ServiceType.TOWING: _("Towing"), ServiceType.REPAIR: _("Repair"), "": _("Roadside assistance")}
_CANCELED: dict[str, StrOrPromise] = {
    Reason.UNANSWERED: _("Nobody could take your request in time. You can ask again."),
    Reason.ASSISTANT: _("Your assistant has cancelled. You can ask again."),
    Reason.STAFF: _("The office has cancelled your request."),
    Reason.ACCOUNT_CLOSED: _("Your request has ended."),
}


def tag_of(kind: str, assistance_id: int) -> str:
    """Name a thing that notifications are about."""
    return f"{kind}-{assistance_id}"


def read_tag(tag: str) -> tuple[str, int]:
    """Return what `tag_of` was given."""
    kind, _, number = tag.rpartition("-")
    return kind, int(number)


def of_offer(offer: Offer) -> Notification:
    """Return what an assistant is asked."""
    job = offer.assistance
    away = _("{kind}, {distance} km from you.") if offer.distance_km is not None else _("{kind}.")
    body = format_lazy(away, kind=_KINDS[job.assistance_type], distance=round(offer.distance_km or 0, 1))
    return _notification(
        offer.assistant_id, OFFER, job.pk, f"open.{offer.pk}", _("Somebody needs help"), body,
        expires_at=job.expires_at, is_urgent=True,
    )  # fmt: skip


def to_client(job: Assistance, before: str, now: datetime) -> list[Notification]:
    """Return what the client of a request is shown, after what was shown before."""
    return [*_status_to_client(job, before, now), *_price_to_client(job)]


def _status_to_client(job: Assistance, before: str, now: datetime) -> list[Notification]:
    content, title, body = _sentence(job, before, now)
    return [_notification(job.client_id, STATUS, job.pk, content, title, body, is_urgent=True)] if content else []


def _sentence(job: Assistance, before: str, now: datetime) -> tuple[str, StrOrPromise, StrOrPromise]:
    if job.status == lifecycle.ACCEPTED:
        return _of_accepted(job, before, now)
    if job.status == lifecycle.REQUESTED and before:
        return "waiting", _("We look for somebody else"), _("Your assistant cannot come. Others are being asked.")
    if job.status == lifecycle.ONGOING:
        return "ongoing", _("Your assistant has begun"), _("The work on your request is under way.")
    if job.status == lifecycle.COMPLETED:
        return "completed", _("Your request is completed"), _("You can rate your assistant.")
    if job.status == lifecycle.CANCELED and job.reason in _CANCELED:
        return f"canceled.{job.reason}", _("Your request has ended"), _CANCELED[job.reason]
    return "", "", ""


def _of_accepted(job: Assistance, before: str, now: datetime) -> tuple[str, StrOrPromise, StrOrPromise]:
    accepted = f"{job.accepted_at.timestamp():.0f}" if job.accepted_at else ""
    if job.stalled_since is not None:
        content = f"stalled.{job.stalled_since.timestamp():.0f}"
        return content, _("We do not hear from your assistant"), _("You may wait, or have somebody else asked.")
    if before == f"near.{accepted}" or is_near(job.eta_at, now):
        return f"near.{accepted}", _("Your assistant is almost there"), _("They should reach you within five minutes.")
    return f"accepted.{accepted}", _("Help is on the way"), _("An assistant has accepted your request.")


def is_near(eta_at: datetime | None, now: datetime) -> bool:
    """Return whether somebody who is expected then is almost there."""
    return eta_at is not None and eta_at - now <= NEAR


def _price_to_client(job: Assistance) -> list[Notification]:
    if job.price_consent != Consent.PENDING or job.status == lifecycle.CANCELED:
        return []
    body = format_lazy(_("{amount} {currency}. Please accept or refuse it."), amount=written_lazy(job.total_price), currency=job.currency)
    return [_notification(job.client_id, PRICE, job.pk, f"asked.{job.total_price}", _("A price for your request"), body)]


def to_assistant(job: Assistance, *, is_assigned: bool) -> list[Notification]:
    """Return what the assistant of a request is shown; `is_assigned` says that a dispatcher gave it to them."""
    if job.assistant_id is None:
        return []
    found = []
    if job.status == lifecycle.ACCEPTED and is_assigned:
        found.append(_to_assistant(job, "assigned", _("You have a new job"), _("The office has given you a request."), is_urgent=True))
    if job.status == lifecycle.CANCELED and job.reason in (Reason.CLIENT, Reason.STAFF, Reason.ACCOUNT_CLOSED):
        by_client = job.reason == Reason.CLIENT
        body = _("The client has cancelled the request.") if by_client else _("The request has ended.")
        found.append(_to_assistant(job, f"canceled.{job.reason}", _("Your job is cancelled"), body, is_urgent=True))
    if job.price_consent in (Consent.ACCEPTED, Consent.REFUSED) and job.price_source == Assistance.PriceSource.ASSISTANT:
        said = _("The client accepts your price.") if job.price_consent == Consent.ACCEPTED else _("The client refuses your price.")
        found.append(
            _notification(job.assistant_id, PRICE, job.pk, f"{job.price_consent}.{job.total_price}", _("Your price"), said)
        )
    return found


def _to_assistant(job: Assistance, content: str, title: StrOrPromise, body: StrOrPromise, **more: Any) -> Notification:
    assert job.assistant_id is not None
    return _notification(job.assistant_id, STATUS, job.pk, content, title, body, **more)


def to_former(job: Assistance, assistant_id: int) -> Notification:
    """Return what an assistant is shown whose job was taken away."""
    title, body = _("Your job was taken back"), _("Somebody else is being asked.")
    return _notification(assistant_id, STATUS, job.pk, "taken", title, body, is_urgent=True)


def of_chat(assistance_id: int, user_id: int, message_id: int) -> Notification:
    """Return what tells of a message; its text and sender are for the app to fetch."""
    title, body = _("New message"), _("You have a message about your request.")
    return _notification(user_id, CHAT, assistance_id, f"message.{message_id}", title, body, is_of_chat=True, is_urgent=True)


def _notification(
    user_id: int, kind: str, assistance_id: int, content: str, title: StrOrPromise, body: StrOrPromise, **more: Any
) -> Notification:
    data = {"type": kind, "assistance_id": str(assistance_id)}
    return Notification(user_id, tag_of(kind, assistance_id), content, title, body, data, **more)
