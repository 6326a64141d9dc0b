"""The live map, and what it shows as JSON."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from depannini_dashmap.console.live_map import snapshot
from depannini_dashmap.console.query_ids import given_id


@never_cache
@require_safe
def live_map(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show the live map; `?trip=` draws a trip's stops and line, `?request=` and `?vehicle=` open there."""
    return TemplateResponse(
        request,
        "console/map.html",
        {
            **context,
            "title": _("Live map"),
            "trips": snapshot.trips_to_choose(request.user),
            "chosen": given_id(request, "trip"),
            "shown": next((f"{kind}-{pk}" for kind in ("request", "vehicle") if (pk := given_id(request, kind))), ""),
            "is_roadside": request.user.is_roadside,
        },
    )


@never_cache
@require_safe
def map_state(request: HttpRequest) -> HttpResponse:
    """Return everything on the map as JSON."""
    return JsonResponse(snapshot.read_state(request.user, given_id(request, "trip")))
