"""The board, and the part of it that an open page takes anew."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from depannini_dashmap.console.action_pages import may_change
from depannini_dashmap.console.board import charts
from depannini_dashmap.console.board.queries import read_board
from orders.models import Order


def board_context(request: HttpRequest) -> dict[str, Any]:
    """Return what the board's template shows."""
    board = read_board(request.user)
    zone = ZoneInfo(settings.DISPLAY_TIME_ZONE)
    drawn = [charts.orders_per_status(board.orders_by_status, dict(Order.Status.choices))]
    if board.help is not None:
        drawn = [charts.requests_per_hour(board.asked, board.now, zone), charts.time_to_accept(board.asked), *drawn]
    return {"board": board, "charts": drawn, "may_change": may_change(request)}


@never_cache
@require_safe
def board_fragment(request: HttpRequest) -> HttpResponse:
    """Return the board alone, for the page that is open to take what changed."""
    return TemplateResponse(request, "console/board.html", board_context(request))
