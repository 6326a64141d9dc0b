"""The planning page and what it asks: the day, what a change means, saving it, and telling each driver."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Company
from depannini_dashmap.console import action_pages
from depannini_dashmap.console.lanes import lane_json
from depannini_dashmap.console.lanes.page_words import page_words
from depannini_dashmap.console.lanes.state import read_state
from depannini_dashmap.console.plans.views import MOST_OFFERED, NEWEST, chosen_company
from depannini_dashmap.lib.errors import DomainError
from trips.arrangement_preview import read_lanes
from trips.models import TripPlan
from trips.services.arranging import Outcome, arrange
from trips.services.driver_notification import notify_driver
from trips.services.replanning import replan

A_DAY = dt.timedelta(days=1)


def answers_errors(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer a refusal as JSON with its sentence in the language of the page."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except DomainError as error:
            return JsonResponse({"error": error.for_page(), "code": error.code}, status=error.status)

    return guarded


@never_cache
@require_safe
@action_pages.for_editors
def show(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show a company's day: orders that wait, a lane for each vehicle, the map."""
    companies = list(Company.objects.editable_by(request.user).order_by("name")[:MOST_OFFERED])
    company = chosen_company(request, companies)
    day = _day(request)
    page = {
        "title": _("Plan the day"),
        "companies": companies,
        "company": company,
        "day": day,
        "before": day - A_DAY,
        "after": day + A_DAY,
        "today": timezone.localdate(),
        "state": read_state(company, day, now=timezone.now()) if company else None,
        "words": page_words(),
        "newest": list(TripPlan.objects.filter(company=company).defer("result", "basis")[:NEWEST]) if company else [],
    }
    return TemplateResponse(request, "console/lanes.html", {**context, **page})


@never_cache
@require_safe
@action_pages.for_editors
def state(request: HttpRequest) -> HttpResponse:
    """Give the day anew, for a page that is open."""
    wanted = request.GET.get("company", "")
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 19):
        raise Http404
    company = Company.objects.editable_by(request.user).filter(pk=int(wanted)).first()
    if company is None:
        raise Http404
    return JsonResponse(read_state(company, _day(request), now=timezone.now()))


@require_POST
@action_pages.for_editors
@answers_errors
def evaluate(request: HttpRequest) -> HttpResponse:
    """Tell what lanes would be: times, loads, what they break; or why the rules refuse one. Stores nothing."""
    lanes = read_lanes(actor=request.user, runs=lane_json.read_runs(request))
    return JsonResponse({"runs": [lane_json.timing(lane) for lane in lanes]})


@require_POST
@action_pages.for_editors
@answers_errors
def replan_lanes(request: HttpRequest) -> HttpResponse:
    """Suggest which of these trips serves which of their orders; what has begun stays. Stores nothing."""
    found = replan(actor=request.user, runs=lane_json.read_runs(request))
    rows = [{"key": key, "stops": [list(ref) for ref in refs]} for key, refs in found.refs.items()]
    return JsonResponse({"runs": rows, "saved_minutes": round(found.saved_seconds / 60)})


@require_POST
@action_pages.for_editors
@answers_errors
def save(request: HttpRequest) -> HttpResponse:
    """Save lanes; each is answered with what became of it."""
    outcomes = arrange(actor=request.user, runs=lane_json.read_runs(request))
    return JsonResponse({"runs": [_outcome(row) for row in outcomes]})


@require_POST
@action_pages.for_editors
@answers_errors
def tell(request: HttpRequest, trip_id: int) -> HttpResponse:
    """Tell a trip's driver of it as it is now."""
    notify_driver(actor=request.user, trip_id=action_pages.checked_id(trip_id))
    return JsonResponse({"message": _("driver notified")})


def _outcome(row: Outcome) -> dict[str, Any]:
    if row.error is not None:
        return {"key": row.run.key, "trip": row.run.trip_id, "is_done": False, "message": row.error.for_page(), "code": row.error.code}
    message = _("saved") if row.is_changed else _("unchanged")
    return {"key": row.run.key, "trip": row.trip_id, "is_done": True, "message": message, "is_changed": row.is_changed}


def _day(request: HttpRequest) -> dt.date:
    """Return the day in `?day=`; today where it is none."""
    try:
        day = dt.date.fromisoformat(request.GET.get("day", ""))
        return day if day.year in lane_json.YEARS else timezone.localdate()
    except ValueError:
        return timezone.localdate()
