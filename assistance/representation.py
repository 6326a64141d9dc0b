"""A request for help as the API answers it: one flat row in, the documented object out, phones only where allowed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from assistance import lifecycle
from assistance.event_types import Expected
from assistance.events import point
from assistance.models import CONTACT_AFTER_END, Assistance, ChatMessage, RequestPhoto, ScheduledRequest
from assistance.nearby import DISTANCE_PLACES, Candidate
from depannini_dashmap.lib.roads.routing import RANGE
from depannini_dashmap.lib.time_zone import format_utc

if TYPE_CHECKING:
    from accounts.models import User

_PERSON = ("name", "first_name", "last_name", "phone_number", "caller_phone")
_OWN = [
    "id",
    "status",
    "version",
    "client_id",
    "assistant_id",
    "assistance_type",
    "vehicle_type",
    "description",
    "pickup_lat",
    "pickup_lng",
    "dropoff_lat",
    "dropoff_lng",
    "distance_km",
    "total_price",
    "price_is_final",
    "price_consent",
    "price_note",
    "currency",
    "rating",
    "reason",
    "created_at",
    "updated_at",
    "accepted_at",
    "ended_at",
    "expires_at",
    "stalled_since",
    "billed_to",
    "eta_at",
    "eta_source",
    "eta_reckoned_at",
]
SENDER = ("sender__name", "sender__first_name", "sender__last_name", "sender__username", "sender__user_type")
# For .values(): everything that body() reads, in one query.
ROW = (*_OWN, *(f"client__{name}" for name in _PERSON), *(f"assistant__{name}" for name in _PERSON))

Row = dict[str, Any]


def row_of(job: Assistance) -> Row:
    """Return the row of a request whose client and assistant are loaded."""
    row = {name: getattr(job, name) for name in _OWN}
    for role, person in (("client", job.client), ("assistant", job.assistant)):
        row.update({f"{role}__{name}": getattr(person, name, None) for name in _PERSON})
    return row


def of(job: Assistance, *, viewer_id: int | None, sees_all: bool = False, now: datetime) -> dict[str, Any]:
    """Build the object that a viewer is answered of a request whose client and assistant are loaded; see `body`."""
    return body(row_of(job), viewer_id=viewer_id, sees_all=sees_all, now=now)


def shown_to(viewer: User, job: Assistance) -> dict[str, Any]:
    """Build the object of a request, which was loaded with its two people, for who has just acted on it."""
    return of(job, viewer_id=viewer.pk, sees_all=viewer.is_roadside, now=timezone.now())


def body(row: Row, *, viewer_id: int | None, sees_all: bool = False, now: datetime) -> dict[str, Any]:
    """Build the object that a viewer is answered.

    Shape: the documented keys and ``seq, currency, price_is_final, price_consent, price_note, assistance_type,
    vehicle_type, description, rating, reason, acceptedAt, endedAt, expires_at, stalled_since, eta``. A phone number is null
    unless it is one's own, or the other's between acceptance and 24 h after the end, or the viewer sees all.
    """
    contact = sees_all or has_contact(row, now)
    return {
        "id": row["id"],
        "status": row["status"],
        "client": _person(row, "client", viewer_id, contact),
        "assistant": None if row["assistant_id"] is None else _person(row, "assistant", viewer_id, contact),
        "pickupLocation": point(row["pickup_lat"], row["pickup_lng"]),
        "dropoffLocation": point(row["dropoff_lat"], row["dropoff_lng"]),
        "distance_km": float(row["distance_km"]),
        "total_price": float(row["total_price"]),
        "currency": row["currency"],
        "price_is_final": row["price_is_final"],
        "price_consent": row["price_consent"] or None,
        "price_note": row["price_note"] or None,
        "assistance_type": row["assistance_type"] or None,
        "vehicle_type": row["vehicle_type"] or None,
        "description": row["description"],
        "rating": row["rating"],
        "reason": row["reason"] or None,
        "createdAt": format_utc(row["created_at"]),
        "updatedAt": format_utc(row["updated_at"]),
        "acceptedAt": format_utc(row["accepted_at"]),
        "endedAt": format_utc(row["ended_at"]),
        "expires_at": format_utc(row["expires_at"]),
        "billed_to": (row["billed_to"] or None) if sees_all or viewer_id == row["assistant_id"] else None,
        "stalled_since": format_utc(row["stalled_since"]) if row["status"] == lifecycle.ACCEPTED else None,
        "eta": eta_of(row["status"], row["eta_at"], row["eta_source"], row["eta_reckoned_at"]),
        "seq": row["version"],
    }


def eta_of(status: str, eta_at: datetime | None, eta_source: str, eta_reckoned_at: datetime | None) -> Expected | None:
    """Build what is said of the assistant's arrival; None while nobody comes, or nobody knows."""
    if status not in lifecycle.WITH_ASSISTANT or eta_at is None or eta_reckoned_at is None:
        return None
    low, high = RANGE[eta_source]
    drive = eta_at - eta_reckoned_at
    return {
        "at": format_utc(eta_at),
        "earliest": format_utc(eta_reckoned_at + drive * low),
        "latest": format_utc(eta_reckoned_at + drive * high),
        "source": eta_source,
        "reckoned_at": format_utc(eta_reckoned_at),
    }


def scheduled(row: ScheduledRequest) -> dict[str, Any]:
    """Build what staff are answered of a request that is made later."""
    person = row.client
    return {
        "id": row.pk,
        "scheduled_for": format_utc(row.scheduled_for),
        "client": {"id": person.pk, "name": person.display_name, "phone_number": person.reachable_phone},
        "pickupLocation": point(row.pickup_lat, row.pickup_lng),
        "dropoffLocation": point(row.dropoff_lat, row.dropoff_lng),
        "assistance_type": row.assistance_type or None,
        "vehicle_type": row.vehicle_type or None,
        "description": row.description,
        "billed_to": row.billed_to or None,
        "refusal": row.refusal or None,
        "createdAt": format_utc(row.created_at),
    }


def nearby(candidates: list[Candidate]) -> list[dict[str, Any]]:
    """Build the list of those who are near a new request."""
    return [{"assistant_id": one.user_id, "distance": round(one.distance_km, DISTANCE_PLACES)} for one in candidates]


def message(sent: ChatMessage) -> dict[str, Any]:
    """Build what a party wrote; its sender is loaded with the columns of SENDER."""
    return {
        "id": sent.pk,
        "message": sent.message,
        "sender": sent.sender.display_name,
        "sender_id": sent.sender_id,
        "createdAt": format_utc(sent.created_at),
        "client_id": sent.client_id or None,
    }


def photo(one: RequestPhoto) -> dict[str, Any]:
    """Build what is answered of a photo: who sent it, when, and the path that shows it to who may see it."""
    return {"id": one.pk, "role": one.role, "at": format_utc(one.at), "path": f"/api/assistance/{one.assistance_id}/photos/{one.pk}/"}


def has_contact(row: Row, now: datetime) -> bool:
    """Return whether the two parties may see each other's phone number: from acceptance to 24 h after the end."""
    if row["assistant_id"] is None:
        return False
    if row["status"] in lifecycle.WITH_ASSISTANT:
        return True
    return row["ended_at"] is not None and now <= row["ended_at"] + CONTACT_AFTER_END


def name_of(row: Row, role: str) -> str:
    """Return the name of the client or assistant of a row."""
    full_name = f"{row[f'{role}__first_name'] or ''} {row[f'{role}__last_name'] or ''}".strip()
    return row[f"{role}__name"] or full_name


def _person(row: Row, role: str, viewer_id: int | None, contact: bool) -> dict[str, Any]:
    user_id = row[f"{role}_id"]
    number = row[f"{role}__phone_number"] or row[f"{role}__caller_phone"]
    phone = number if contact or user_id == viewer_id else None
    return {"id": user_id, "name": name_of(row, role), "phone_number": phone}
