"""The page on which a dispatcher hands a driver the link to their trip: to copy, to scan; and ends it."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from depannini_dashmap.console import action_pages
from trips.driver_mail import short_text
from trips.models import Trip, TripLink
from trips.services.driver_notification import end_driver_link, make_driver_link
from trips.steps.driver_links import channel_to_driver


@never_cache
@action_pages.READ_AND_POST
@action_pages.for_editors
def show(request: HttpRequest, trip_id: int, context: dict[str, Any]) -> HttpResponse:
    """Show whether a link of the driver lives; POST `do` makes one (make) or ends it (end). Its address is shown once."""
    rows = Trip.objects.visible_to(request.user).select_related("vehicle", "company")
    trip = rows.filter(pk=action_pages.checked_id(trip_id)).first()
    if trip is None:
        raise Http404
    address = action_pages.made_once(request, partial(_act, request, trip), reverse("admin:dispatch_driver_link", args=[trip.pk]))
    if not isinstance(address, str):
        return address
    page = {
        "title": _("Driver's link"),
        "trip": trip,
        "address": address,
        "text": short_text(trip, address) if address else "",
        "code": action_pages.qr_code(address) if address else "",
        "link": TripLink.objects.filter(trip=trip).live().first(),
        "way": channel_to_driver(trip.vehicle)[1],
        "back": reverse("admin:dispatch_trip", args=[trip.pk]),
    }
    return TemplateResponse(request, "console/driver_link.html", {**context, **page})


def _act(request: HttpRequest, trip: Trip) -> str:
    """Do what was asked for and return the address of a new link that is to be shown. Raises: as the services."""
    if request.POST.get("do") == "make":
        return make_driver_link(actor=request.user, trip_id=trip.pk)
    end_driver_link(actor=request.user, trip_id=trip.pk)
    messages.success(request, _("The link opens nothing any more."))
    return ""
