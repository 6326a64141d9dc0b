"""The board, the live map, what refreshes them, and the token that opens a page's sockets."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import console_sessions
from depannini_dashmap.console.board import charts
from depannini_dashmap.console.board.queries import read_board
from depannini_dashmap.console.live_map import snapshot
from orders.models import Order

BIGGEST_ID = 2**63 - 1


def board_context(request: HttpRequest) -> dict[str, Any]:
    """Return what the board's template shows."""
    board = read_board(request.user)
    zone = ZoneInfo(settings.DISPLAY_TIME_ZONE)
    drawn = [charts.orders_per_status(board.orders_by_status, dict(Order.Status.choices))]
    if board.help is not None:
        drawn = [charts.requests_per_hour(board.asked, board.now, zone), charts.time_to_accept(board.asked), *drawn]
    return {"board": board, "charts": drawn, "may_change": may_change(request)}


def may_change(request: HttpRequest) -> bool:
    """Return whether the person may change anything at all: a mere viewer sees no buttons."""
    return bool(request.user.is_operator or request.user.is_company_editor)


@never_cache
@require_safe
def board_fragment(request: HttpRequest) -> HttpResponse:
    """Return the board alone, for the page that is open to take what changed."""
    return TemplateResponse(request, "console/board.html", board_context(request))


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


def given_id(request: HttpRequest, name: str) -> int | None:
    """Read the id in `?<name>=`; anything else chooses none."""
    value = request.GET.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and 0 < int(value[:20]) <= BIGGEST_ID else None


def locked_out(request: HttpRequest, response: HttpResponse | None = None, credentials: Any = None) -> HttpResponse:
    """Answer who tried too many passwords on the login page; the API answers by itself."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    answer = TemplateResponse(request, "console/locked.html", {"title": _("Too many tries"), "minutes": minutes}, status=429)
    answer["Retry-After"] = str(minutes * 60)
    return answer.render()


@never_cache
@require_POST
def socket_token(request: HttpRequest) -> HttpResponse:
    """Return a short-lived token for sockets alone, which never take a session's cookie; it ends with the session."""
    return JsonResponse({"token": console_sessions.socket_token(request)})
