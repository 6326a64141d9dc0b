"""The text of the driver's mail, and of the SMS in its place. It decides nothing and stores nothing."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import get_language, get_language_bidi, gettext, override

from accounts.phones import NotAPhoneNumber, normalise_phone
from depannini_dashmap.lib.labels import listed
from depannini_dashmap.lib.outbound.sms_destinations import barred_because
from depannini_dashmap.lib.outbound.untrusted_text import one_line
from trips.models import Trip, TripStop
from trips.representation import way_in_words, way_of

MAP_SEARCH = "https://www.google.com/maps/search/?"
_LONGEST_NAME = 120  # in the subject, whose date must stay in sight
_LONGEST_COMPANY = 40  # in an SMS


def compose(trip: Trip, stops: list[TripStop], link: str) -> EmailMultiAlternatives:
    """Build the mail to the trip's driver, in the driver's language: subject, text and HTML with the stops in their order and the
    driver's link to their page.

    The Message-ID depends on the text and on the last notification of the driver, so that a repeated attempt carries the
    same one.
    """
    vehicle = trip.vehicle
    with override(vehicle.driver_language or get_language() or "en"):
        context = {
            "trip": trip,
            "vehicle": vehicle,
            "stops": [shown_stop(stop) for stop in stops],
            "author": _author(trip),
            "language": get_language(),
            "direction": "rtl" if get_language_bidi() else "ltr",
        }
        name, day = one_line(trip.name, _LONGEST_NAME), f"{trip.planned_start_date:%Y-%m-%d}"
        subject = f"{name} – {day}" if day not in name else name
        said = render_to_string("trips/driver_mail.txt", context)
        # Not part of what the Message-ID is made of: each attempt has its own link, and roads may be known at one alone.
        context["link"] = link
        context["way"] = way_in_words(way_of(stops))
        text = render_to_string("trips/driver_mail.txt", context)
        html = render_to_string("trips/driver_mail.html", context)
    digest = hashlib.sha256(f"{vehicle.driver_email}{trip.notified_at}{subject}{said}".encode()).hexdigest()[:24]
    domain = re.sub(r"[^A-Za-z0-9.-]", "", settings.BASE_URL.split("//")[-1].split(":")[0]) or "localhost"
    headers = {"Message-ID": f"<trip-{trip.pk}-{digest}@{domain}>", "Auto-Submitted": "auto-generated"}
    message = EmailMultiAlternatives(subject, text, to=[vehicle.driver_email], headers=headers)
    message.attach_alternative(html, "text/html")
    return message


def short_text(trip: Trip, link: str) -> str:
    """Return an SMS with the driver's link, in the driver's language: it costs by its length."""
    with override(trip.vehicle.driver_language or get_language() or "en"):
        words = gettext("%(company)s: your trip on %(day)s at %(time)s: %(url)s")
        company = one_line(trip.company.name, _LONGEST_COMPANY)
        return words % {"company": company, "day": f"{trip.planned_start_date:%Y-%m-%d}", "time": f"{trip.planned_start_time:%H:%M}", "url": link}


def _author(trip: Trip) -> str:
    """Return whose words these are, as a driver may think that they are ours."""
    name = trip.dispatcher.display_name if trip.dispatcher else ""
    return listed(part for part in (name, trip.company.name) if part)


def dialled(phone: str) -> str:
    """Return what to dial; nothing for a number that costs who dials it."""
    digits = re.sub(r"[^0-9+]", "", phone)
    try:
        return "" if barred_because(normalise_phone(phone)) not in ("", "country") else digits
    except NotAPhoneNumber:
        return digits


def shown_stop(row: TripStop) -> dict[str, Any]:
    """Return what a driver is shown of a stop, in the active language."""
    place = row.stop
    located = place.latitude is not None and place.longitude is not None
    query = f"{place.latitude},{place.longitude}" if located else " ".join(place.address.split())
    return {
        "row": row,
        "place": place,
        "order": row.order,
        "phone_link": dialled(place.contact_phone),
        "map_link": MAP_SEARCH + urlencode({"api": 1, "query": query}),
        "time": _clock(row.planned_arrival_time, row.planned_arrival_date),
        "kind": gettext("pickup") if place.stop_type == "pickup" else gettext("delivery"),
    }


def _clock(time: dt.time | None, day: dt.date | None) -> str:
    if time is None:
        return ""
    return f"{day:%Y-%m-%d} {time:%H:%M}" if day else f"{time:%H:%M}"
