"""The driver's mail: what it says. It decides nothing and stores nothing."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from trips.models import Trip, TripStop

MAP_SEARCH = "https://www.google.com/maps/search/?"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SUBJECT_LENGTH = 150


def compose(trip: Trip, stops: list[TripStop]) -> EmailMultiAlternatives:
    """Build the mail to the trip's driver: subject, text and HTML with the stops in their order.

    The Message-ID depends on what is said and on when the driver was last told, so that a repeated attempt carries the
    same one.
    """
    context = {"trip": trip, "vehicle": trip.vehicle, "stops": [_shown(stop) for stop in stops]}
    subject = one_line(f"Trip {trip.name} on {trip.planned_start_date:%Y-%m-%d}")[:_SUBJECT_LENGTH]
    text = render_to_string("trips/driver_mail.txt", context)
    digest = hashlib.sha256(f"{trip.vehicle.driver_email}{trip.notified_at}{subject}{text}".encode()).hexdigest()[:24]
    domain = re.sub(r"[^A-Za-z0-9.-]", "", settings.BASE_URL.split("//")[-1].split(":")[0]) or "localhost"
    headers = {"Message-ID": f"<trip-{trip.pk}-{digest}@{domain}>", "Auto-Submitted": "auto-generated"}
    message = EmailMultiAlternatives(subject, text, to=[trip.vehicle.driver_email], headers=headers)
    message.attach_alternative(render_to_string("trips/driver_mail.html", context), "text/html")
    return message


def one_line(text: str) -> str:
    """Reduce a text to one line without control characters, fit for a header."""
    return " ".join(_CONTROL.sub(" ", text).split())


def _shown(row: TripStop) -> dict[str, Any]:
    place = row.stop
    located = place.latitude is not None and place.longitude is not None
    query = f"{place.latitude},{place.longitude}" if located else one_line(place.address)
    return {
        "row": row,
        "place": place,
        "order": row.order,
        "phone_link": re.sub(r"[^0-9+]", "", place.contact_phone),
        "map_link": MAP_SEARCH + urlencode({"api": 1, "query": query}),
        "time": _clock(row.planned_arrival_time, row.planned_arrival_date),
    }


def _clock(time: dt.time | None, day: dt.date | None) -> str:
    if time is None:
        return ""
    return f"{day:%Y-%m-%d} {time:%H:%M}" if day else f"{time:%H:%M}"
