"""People as others and they themselves see them: the list of assistants on duty, one's own profile; changes nothing."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from assistance import approval
from assistance.cells import public_place
from assistance.models import AssistantProfile
from assistance.nearby import Candidate, Search, nearest_anywhere, within
from depannini_dashmap.lib.db.prepared import PreparedRows
from depannini_dashmap.lib.geo import haversine_km

Row = dict[str, Any]
DISTANCE_PLACES = 3
_LISTED = (
    "user_id",
    "user__name",
    "user__first_name",
    "user__last_name",
    "user__profile_photo",
    "service_type",
    "vehicle_type",
    "lat",
    "lng",
)
_OWN = (
    "id",
    "email",
    "name",
    "first_name",
    "last_name",
    "phone_number",
    "profile_photo",
    "address",
    "current_lat",
    "current_lng",
    "user_type",
    "email_verified",
    "phone_verified",
    "pending_email",
    "pending_phone_number",
)
_PAPERS = (
    "service_type",
    "vehicle_type",
    "is_active",
    "driving_license_cat",
    "driving_license_num",
    "driving_license_expiry",
    "vehicle_registration_num",
    "lat",
    "lng",
    "approved_at",
)

_own_rows = PreparedRows(
    lambda _, pk: User.objects.filter(pk=pk).order_by().values_list(*_OWN, *(f"assistant_profile__{name}" for name in _PAPERS))
)


def own_profile(user_id: int) -> dict[str, Any]:
    """Return the fields of "Data Models" of a user, by one query; those of assistants are null for others."""
    [values] = _own_rows(None, user_id)
    row = dict(zip(_OWN, values, strict=False))
    profile = dict(zip(_PAPERS, values[len(_OWN) :], strict=True))
    lat, lng = profile.pop("lat"), profile.pop("lng")
    if row["user_type"] == User.Type.ASSISTANT:
        row["current_lat"], row["current_lng"] = lat, lng
    row["name"] = _name(row)
    row["profile_photo"] = photo_url(row["profile_photo"])
    profile["is_active_assistant"] = bool(profile.pop("is_active"))
    profile["approval"] = _standing(row["user_type"], profile["driving_license_expiry"], profile.pop("approved_at"))
    profile["driving_license_expiry"] = _short_date(profile["driving_license_expiry"])
    return {**row, **profile}


def on_duty(service_type: str) -> QuerySet[AssistantProfile, Row]:
    """Return the rows of the assistants on duty who were recently active, for a page without a location."""
    profiles = AssistantProfile.objects.on_duty().fresh().approved().serving(service_type)
    return profiles.filter(user__is_active=True, lat__isnull=False).values(*_LISTED)


def on_duty_around(
    lat: float, lng: float, radius_km: float | None, service_type: str, most: int
) -> list[dict[str, Any]]:
    """Return the assistants on duty as listed, nearest first; without a radius wherever they are."""
    search = Search(service_type, timezone.now(), only_free=False)
    if radius_km is None:
        found = nearest_anywhere(lat, lng, most, settings.ASSISTANCE_MAX_RADIUS_KM, search)
    else:
        found = within(lat, lng, radius_km, search)[:most]
    rows = _rows_of(found)
    return [listed_assistant(rows[one.user_id], around=(lat, lng)) for one in found if one.user_id in rows]


def listed_assistant(row: Row, around: tuple[float, float] | None = None) -> dict[str, Any]:
    """Return an assistant as strangers see them; the distance too is that of the rounded place."""
    lat, lng = public_place(row["lat"], row["lng"])
    return {
        "id": row["user_id"],
        "name": _name({name: row[f"user__{name}"] for name in ("name", "first_name", "last_name")}),
        "service_type": row["service_type"],
        "vehicle_type": row["vehicle_type"],
        "profile_photo": photo_url(row["user__profile_photo"]),
        "is_active_assistant": True,
        "current_lat": lat,
        "current_lng": lng,
        "distance": None if around is None else round(haversine_km(*around, lat, lng), DISTANCE_PLACES),
    }


def photo_url(name: str | None) -> str | None:
    """Return the address of a stored photo."""
    return default_storage.url(name) if name else None


def _rows_of(found: list[Candidate]) -> dict[int, Row]:
    profiles = AssistantProfile.objects.filter(pk__in=[one.user_id for one in found], user__is_active=True)
    return {row["user_id"]: row for row in profiles.values(*_LISTED)}


def _name(row: Row) -> str:
    return row["name"] or f"{row['first_name']} {row['last_name']}".strip()


def _standing(user_type: str, expiry: dt.date | None, approved_at: dt.datetime | None) -> str | None:
    return approval.standing_of(expiry, approved_at) if user_type == User.Type.ASSISTANT else None


def _short_date(date: dt.date | None) -> str | None:
    return None if date is None else f"{date:%d:%m:%y}"
