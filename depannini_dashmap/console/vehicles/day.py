"""A vehicle's day on the map: its line on roads, its stops, and a slider through the hours."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from fleet.models import Vehicle
from telematics.track import track_of
from trips.models import TripStop


@never_cache
@require_safe
def show(request: HttpRequest, vehicle_id: int, context: dict[str, Any]) -> HttpResponse:
    """Show the page of a day, today's where none is named; the line itself comes by `track`."""
    vehicle = _visible(request, vehicle_id)
    day = _day(request)
    page = {
        "title": _("Day of %(plate)s") % {"plate": f"\u2066{vehicle.license_plate}\u2069"},  # from left to right in Arabic, too
        "vehicle": vehicle,
        "day": day,
        "zone": settings.DISPLAY_TIME_ZONE,
        "before": day - dt.timedelta(days=1),
        "after": day + dt.timedelta(days=1) if day < timezone.localdate() else None,
        "track_url": f"{reverse('admin:vehicle_day_track', args=[vehicle.pk])}?date={day:%Y-%m-%d}",
        "stops": _stops(request, vehicle, day),
    }
    return TemplateResponse(request, "console/day.html", {**context, **page})


@never_cache
@require_safe
def track(request: HttpRequest, vehicle_id: int) -> JsonResponse:
    """Return the day's line, matched to roads, and its fixes, as GeoJSON."""
    vehicle = _visible(request, vehicle_id)
    return JsonResponse(track_of(vehicle.pk, vehicle.license_plate, *_span(_day(request)), matched=True))


def _visible(request: HttpRequest, vehicle_id: int) -> Vehicle:
    vehicle = Vehicle.objects.visible_to(request.user).filter(pk=vehicle_id).first()
    if vehicle is None:
        raise Http404
    return vehicle


def _day(request: HttpRequest) -> dt.date:
    try:
        found = parse_date(request.GET.get("date", ""))
    except ValueError:
        found = None
    today = timezone.localdate()
    return found if found is not None and found.year >= 2000 and found <= today else today


def _span(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    begins = timezone.make_aware(dt.datetime.combine(day, dt.time()))
    ends = timezone.make_aware(dt.datetime.combine(day + dt.timedelta(days=1), dt.time()))
    return begins.astimezone(dt.UTC), ends.astimezone(dt.UTC) - dt.timedelta(microseconds=1)


def _stops(request: HttpRequest, vehicle: Vehicle, day: dt.date) -> list[TripStop]:
    begins, ends = _span(day)
    rows = TripStop.objects.visible_to(request.user).filter(trip__vehicle=vehicle, actual_arrival_datetime__range=(begins, ends))
    return list(rows.select_related("stop", "trip").order_by("actual_arrival_datetime", "pk"))
