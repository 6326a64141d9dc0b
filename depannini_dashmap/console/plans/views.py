"""Plans of a day in the console: ask, watch, look at trips and reasons, apply, undo."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Company
from accounts.permissions import may_edit
from depannini_dashmap.console import action_pages
from depannini_dashmap.console.plans.reasons import sentence
from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.lib.labels import listed
from fleet.models import Vehicle
from orders.models import Order
from trips.models import Trip, TripPlan
from trips.planning.day_clock import clock_of
from trips.planning.problem import Objective
from trips.services import plans

MOST_OFFERED = 300
NEWEST = 5
OBJECTIVES = {
    Objective.TIME: gettext_lazy("least time"),
    Objective.DISTANCE: gettext_lazy("least kilometres"),
    Objective.VEHICLES: gettext_lazy("fewest vehicles"),
    Objective.COST: gettext_lazy("least cost"),
}


class PlanForm(forms.Form):
    """The day of a plan, and how to search."""

    day = forms.DateField(label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    starts_at = forms.TimeField(label=gettext_lazy("Start"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    objective = forms.ChoiceField(label=gettext_lazy("Look for"), choices=[(name.value, text) for name, text in OBJECTIVES.items()])
    time_limit = forms.TypedChoiceField(label=gettext_lazy("Seconds to search"), coerce=int, choices=[(n, n) for n in plans.TIME_LIMITS])


@action_pages.READ_AND_POST
@action_pages.for_editors
def choose(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Offer a company's orders that wait and its vehicles in service; ask for a plan of those that are ticked."""
    tomorrow = timezone.localdate() + dt.timedelta(days=1)
    initial = {"day": request.GET.get("day") or tomorrow, "starts_at": dt.time(8), "objective": Objective.TIME, "time_limit": 10}
    form = PlanForm(request.POST or None, initial=initial)
    order_ids = action_pages.numbers(request.POST.getlist("order"))
    vehicle_ids = action_pages.numbers(request.POST.getlist("vehicle"))
    if request.method == "POST" and form.is_valid():
        try:
            plan = plans.request_plan(actor=request.user, order_ids=order_ids, vehicle_ids=vehicle_ids, **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, error.for_page())
        else:
            return HttpResponseRedirect(reverse("admin:plan", args=[plan.pk]))
    companies = list(Company.objects.editable_by(request.user).order_by("name")[:MOST_OFFERED])
    company = chosen_company(request, companies)
    waiting = Order.objects.available_for_trip().with_stops().filter(company=company).order_by("-created_at")
    vehicles = Vehicle.objects.alive().filter(is_active=True, company=company).order_by("license_plate")
    page = {
        "title": _("Suggest trips"),
        "form": form,
        "orders": list(waiting[:MOST_OFFERED]),
        "vehicles": list(vehicles[: plans.MOST_VEHICLES]),
        "most": MOST_OFFERED,
        "companies": companies,
        "company": company,
        "ticked": set(order_ids) if request.method == "POST" else None,
        "ticked_vehicles": set(vehicle_ids) if request.method == "POST" else None,
        "newest": list(TripPlan.objects.visible_to(request.user).defer("result")[:NEWEST]),
    }
    return TemplateResponse(request, "console/plan_new.html", {**context, **page})


def chosen_company(request: HttpRequest, companies: list[Company]) -> Company | None:
    """Return the company that the query names, else the current one, else the first."""
    wanted = request.GET.get("company") or str(request.user.current_company_id)
    return next((row for row in companies if str(row.pk) == wanted), companies[0] if companies else None)


@require_safe
def show(request: HttpRequest, plan_id: int, context: dict[str, Any]) -> HttpResponse:
    """Show how far a plan is, its trips, and a reason for every order left out."""
    plan = TripPlan.objects.visible_to(request.user).filter(pk=action_pages.checked_id(plan_id)).first()
    if plan is None:
        raise Http404
    result = plan.result or {"trips": [], "left_out": [], "totals": {}}
    rows = list(Trip.objects.filter(pk__in=plan.made_trips).only("vehicle_id", "name", "status", "notified_at", "notify_claimed_at"))
    made = {trip.vehicle_id: trip.pk for trip in rows}
    names = _names_of_stops(plan)
    trips = [
        {**row, "trip_id": made.get(row["vehicle"]), "stops": [_timed(plan, stop, names) for stop in row["stops"]], **_span(plan, row)}
        for row in result["trips"]
    ]
    page = {
        "title": _("Plan of %(day)s") % {"day": f"{plan.planned_on:%Y-%m-%d}"},
        "plan": plan,
        "error": _in_words(plan.error),
        "told": listed(trip.name for trip in rows if trip.may_be_known),
        "untold": [trip.pk for trip in rows if not trip.is_closed and not trip.may_be_known],
        "is_open": plan.status in (TripPlan.Status.QUEUED, TripPlan.Status.SOLVING),
        "trips": trips,
        "left_out": [{**row, "why": sentence(row)} for row in result["left_out"]],
        "totals": result["totals"],
        "kilometres": result["totals"].get("metres", 0) / 1000,
        "hours": result["totals"].get("seconds", 0) / 3600,
        "is_estimate": result.get("source") == "straight_line",
        "may_change": may_edit(request.user, plan.company_id),
        "lines": [{"plate": row["license_plate"], "points": _points(row)} for row in trips],
    }
    return TemplateResponse(request, "console/plan.html", {**context, **page})


@require_POST
@action_pages.for_editors
def act(request: HttpRequest, plan_id: int, step: str, context: dict[str, Any]) -> HttpResponse:
    """Cancel, apply or undo a plan."""
    undo = partial(plans.undo_plan, although_told="although_told" in request.POST)
    acts = {"cancel": plans.cancel_plan, "apply": plans.apply_plan, "undo": undo}
    said = {
        "cancel": _("The plan is cancelled."),
        "apply": _("The trips are made. Their drivers are not told yet."),
        "undo": _("The trips are gone, and their orders wait again."),
    }
    if step not in acts:
        raise Http404
    if not TripPlan.objects.visible_to(request.user).filter(pk=action_pages.checked_id(plan_id)).exists():
        raise Http404
    try:
        acts[step](actor=request.user, plan_id=plan_id)
        messages.success(request, said[step])
    except DomainError as error:
        if error.status == 403:
            raise PermissionDenied from error
        named = [*error.extra.get("orders", ()), *error.extra.get("vehicles", ())]
        messages.error(request, " ".join([error.for_page(), listed(named)]).strip())
    return HttpResponseRedirect(reverse("admin:plan", args=[plan_id]))


def _in_words(error: str) -> str:
    """Translate why there is no plan, up to what the solver itself said."""
    sentence, colon, reason = error.partition(": ")
    return (_(sentence) if sentence else "") + colon + reason


def _names_of_stops(plan: TripPlan) -> dict[tuple[int, str], str]:
    """Return the names of the stops of a plan's orders, by the order's id and which end it is."""
    rows = Order.objects.filter(pk__in=plan.order_ids).values_list("pk", "pickup_stop__name", "delivery_stop__name")
    return {(pk, kind): name for pk, *ends in rows for kind, name in zip(("pickup", "delivery"), ends, strict=True)}


def _timed(plan: TripPlan, stop: dict[str, Any], names: dict[tuple[int, str], str]) -> dict[str, Any]:
    return {**stop, "name": names.get((stop["order"], stop["kind"]), ""), "at": _clock(plan, stop["arrival"]), "begins": _clock(plan, stop["arrival"] + stop["wait"])}


def _span(plan: TripPlan, row: dict[str, Any]) -> dict[str, Any]:
    return {"starts_at": _clock(plan, row["starts"]), "ends_at": _clock(plan, row["ends"]), "kilometres": row["metres"] / 1000}


def _clock(plan: TripPlan, seconds: int) -> dt.datetime:
    """Return a moment of the plan as wall-clock time."""
    return clock_of(plan.planned_on).wall(seconds)


def _points(row: dict[str, Any]) -> list[list[float]]:
    return [[stop["latitude"], stop["longitude"]] for stop in row["stops"] if stop["latitude"] is not None]
