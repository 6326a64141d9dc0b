"""What the maps on the pages of one trip and of one request show, as plain JSON values; a page asks roads once for its line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import User
from assistance import lifecycle
from assistance.models import Assistance
from depannini_dashmap.lib.roads import routing
from depannini_dashmap.lib.roads.routing import Route
from depannini_dashmap.lib.time_zone import format_utc
from telematics.models import LatestPosition
from trips.models import Trip, TripStop

_FIX = ("latitude", "longitude", "speed", "heading", "timestamp", "vehicle__license_plate")


def of_trip(user: User, trip: Trip, rows: Sequence[TripStop], way: Route) -> str:
    """Show the stops by their numbers, the way through them, and the vehicle of an open trip where it was last; one query.

    Rows are in their sequence. Where roads are not known the line is straight, and says so.
    """
    places = [
        {
            "key": f"stop-{row.sequence}",
            "kind": "stop",
            "label": str(row.sequence),
            "title": f"{row.sequence}. {row.stop.name}",
            "detail": row.stop.address,
            "done": row.is_closed,
            "lat": float(row.stop.latitude),
            "lng": float(row.stop.longitude),
        }
        for row in rows
        if row.stop.latitude is not None and row.stop.longitude is not None
    ]
    return _shown(places, way, None if trip.is_closed else _vehicle(user, trip))


def _vehicle(user: User, trip: Trip) -> dict[str, Any] | None:
    """Return the latest trusted fix of a trip's vehicle; nobody sees it once the vehicle works for a company of others."""
    fix = LatestPosition.objects.visible_to(user).filter(vehicle_id=trip.vehicle_id).values(*_FIX).first()
    if fix is None:
        return None
    return {
        "kind": "vehicle",
        "id": trip.vehicle_id,
        "name": fix["vehicle__license_plate"],
        "lat": fix["latitude"],
        "lng": fix["longitude"],
        "speed": round(fix["speed"]),
        "heading": round(fix["heading"]),
        "at": format_utc(fix["timestamp"]),
    }


def of_request(job: Assistance) -> str:
    """Show where help is needed, where to, and the assistant of an open request, with the way that is still to be driven."""
    places = [_end("pickup", "request", _("Place"), job.pickup_lat, job.pickup_lng)]
    if job.dropoff_lat is not None and job.dropoff_lng is not None:
        places.append(_end("dropoff", "dropoff", _("Destination"), job.dropoff_lat, job.dropoff_lng))
    mover = _assistant(job)
    ahead = [(place["lat"], place["lng"]) for place in places]
    if mover is not None:
        ahead = [(mover["lat"], mover["lng"]), *(ahead[1:] if job.status == lifecycle.ONGOING else ahead)]
    return _shown(places, routing.route(ahead), mover)


def _end(key: str, kind: str, title: str, lat: float, lng: float) -> dict[str, Any]:
    return {"key": key, "kind": kind, "label": "", "title": title, "detail": "", "done": False, "lat": lat, "lng": lng}


def _assistant(job: Assistance) -> dict[str, Any] | None:
    person = job.assistant if job.status in lifecycle.WITH_ASSISTANT else None
    profile = getattr(person, "assistant_profile", None)
    if person is None or profile is None or profile.lat is None or profile.lng is None:
        return None
    at = format_utc(profile.seen_at) if profile.seen_at is not None else None
    return {"kind": "assistant", "id": person.pk, "name": person.display_name, "lat": profile.lat, "lng": profile.lng, "at": at}


def _shown(places: Sequence[dict[str, Any]], way: Route, mover: dict[str, Any] | None) -> str:
    line = [[round(lat, 6), round(lng, 6)] for lat, lng in way.line]
    state = {"places": places, "line": line, "by_road": way.source == routing.ROAD, "mover": mover}
    return json.dumps({**state, "stale_after": int(settings.VEHICLE_SILENT_AFTER.total_seconds())}, ensure_ascii=False)
