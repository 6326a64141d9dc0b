"""What the live map shows, as plain JSON values: vehicles, assistants on duty, open requests, one chosen trip."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.db.models import Case, Exists, F, OuterRef, QuerySet, Value, When
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from assistance.models import Assistance, AssistantProfile, ServiceType
from depannini_dashmap.console.trip_status_order import URGENCY
from depannini_dashmap.lib.time_zone import format_utc
from telematics.models import LatestPosition
from trips.models import Trip, TripStop
from trips.representation import way_in_words, way_of

MOST_ROWS = 2000
FIXES = (
    "vehicle_id",
    "vehicle__license_plate",
    "vehicle__make",
    "vehicle__model",
    "vehicle__driver_name",
    "vehicle__company__name",
    "latitude",
    "longitude",
    "speed",
    "heading",
    "timestamp",
)
TRIPS_OFFERED = 100


def read_state(user: User, trip_id: int | None = None, now: dt.datetime | None = None) -> dict[str, Any]:
    """Read everything that moves and that somebody may see; staff and Roadside also see the roadside."""
    now = now or timezone.now()
    shown = {
        "vehicles": _vehicles(user),
        "assistants": _assistants(now) if user.is_roadside else [],
        "requests": _requests() if user.is_roadside else [],
    }
    return {
        "at": format_utc(now),
        "stale_after": int(settings.VEHICLE_SILENT_AFTER.total_seconds()),
        **shown,
        # How many there are of each kind of which not all are shown; those who may need somebody stand first.
        "cut": {kind: _total(kind, user) for kind, rows in shown.items() if len(rows) >= MOST_ROWS},
        "trip": trip_on_map(user, trip_id) if trip_id else None,
    }


def trips_to_choose(user: User) -> list[Trip]:
    """Return the open trips for the menu of the map: those under way, then those planned, then drafts; the newest first."""
    rows = Trip.objects.visible_to(user).open().select_related("vehicle")
    return list(rows.order_by(URGENCY, "-planned_start_date", "-id")[:TRIPS_OFFERED])


def trip_on_map(user: User, trip_id: int) -> dict[str, Any] | None:
    """Return the stops of a trip in their order; None where it is not theirs to see."""
    trip = Trip.objects.visible_to(user).filter(pk=trip_id).first()
    if trip is None:
        return None
    rows = TripStop.objects.filter(trip=trip).select_related("stop").order_by("sequence")
    way = way_of(rows)
    line = [[round(lat, 6), round(lng, 6)] for lat, lng in way.line] if way.source == "road" else None
    return {
        "id": trip.pk,
        "name": trip.name,
        "vehicle_id": trip.vehicle_id,
        "stops": [_stop(row) for row in rows],
        "line": line,
        "way": way_in_words(way),
    }


def _stop(row: TripStop) -> dict[str, Any]:
    place = row.stop
    return {
        "sequence": row.sequence,
        "name": place.name,
        "address": place.address,
        "kind": place.stop_type,
        "done": row.is_closed,
        "lat": None if place.latitude is None else float(place.latitude),
        "lng": None if place.longitude is None else float(place.longitude),
    }


def _total(kind: str, user: User) -> int:
    rows: QuerySet[Any] = {"vehicles": _positions(user), "assistants": _on_duty(), "requests": Assistance.objects.open()}[kind]
    return rows.count()


def _positions(user: User) -> QuerySet[LatestPosition]:
    return LatestPosition.objects.visible_to(user).filter(vehicle__is_active=True)


def _on_duty() -> QuerySet[AssistantProfile]:
    return AssistantProfile.objects.on_duty().filter(lat__isnull=False, user__is_active=True)


def _vehicles(user: User) -> list[dict[str, Any]]:
    on_trip = Exists(Trip.objects.running().filter(vehicle_id=OuterRef("vehicle_id")).order_by())
    # On a trip the most silent first, then whoever moved last.
    silent_first = Case(When(on_trip=True, then=F("timestamp")))
    rows = _positions(user).annotate(on_trip=on_trip).order_by("-on_trip", silent_first, "-timestamp")
    running = Trip.objects.visible_to(user).running().values_list("vehicle_id", "pk", "name")
    trips = {vehicle_id: {"id": pk, "name": name} for vehicle_id, pk, name in running}
    return [
        {
            "id": fix["vehicle_id"],
            "name": fix["vehicle__license_plate"],
            "detail": f"{fix['vehicle__make']} {fix['vehicle__model']}".strip(),
            "driver": fix["vehicle__driver_name"],
            "company": fix["vehicle__company__name"],
            "trip": trips.get(fix["vehicle_id"]),
            "lat": fix["latitude"],
            "lng": fix["longitude"],
            "speed": round(fix["speed"]),
            "heading": round(fix["heading"]),
            "at": format_utc(fix["timestamp"]),
        }
        for fix in rows.values(*FIXES)[:MOST_ROWS]
    ]


def _assistants(now: dt.datetime) -> list[dict[str, Any]]:
    """Return the assistants on duty with a place; a busy one has an open job."""
    jobs = dict(Assistance.objects.filter(status__in=("accepted", "ongoing")).values_list("assistant_id", "pk"))
    is_free = Case(When(pk__in=list(jobs), then=Value(0)), default=Value(1))
    rows = _on_duty().select_related("user").order_by(is_free, "-seen_at", "pk")
    return [
        {
            "id": profile.pk,
            "name": profile.user.display_name or f"#{profile.pk}",
            "detail": ServiceType(profile.service_type).label,
            "lat": profile.lat,
            "lng": profile.lng,
            "job": jobs.get(profile.pk),
            "stale": not profile.is_fresh(now),
            "at": format_utc(profile.seen_at),
        }
        for profile in rows[:MOST_ROWS]
    ]


def _requests() -> list[dict[str, Any]]:
    is_helped = Case(When(status="requested", then=Value(0)), default=Value(1))
    rows = Assistance.objects.open().select_related("client", "assistant").order_by(is_helped, "created_at")
    return [
        {
            "id": job.pk,
            "name": f"#{job.pk} {job.client.display_name}".strip(),
            "detail": job.get_assistance_type_display() if job.assistance_type else "",
            "status": job.status,
            "status_label": job.get_status_display(),
            "assistant": job.assistant.display_name if job.assistant else "",
            "lat": job.pickup_lat,
            "lng": job.pickup_lng,
            "at": format_utc(job.created_at),
            "url": reverse("admin:dispatch_request", args=[job.pk]),
        }
        for job in rows[:MOST_ROWS]
    ]
