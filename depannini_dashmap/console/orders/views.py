"""Putting orders into a trip, a new one or one that exists."""

from __future__ import annotations

import datetime as dt
from functools import reduce
from operator import or_
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from depannini_dashmap.console import action_pages
from depannini_dashmap.console.bulk_results import Results, run_each
from depannini_dashmap.lib.admin.tenancy import TextFormField
from depannini_dashmap.lib.errors import Conflict, DomainError
from depannini_dashmap.lib.labels import labelled
from fleet.models import Vehicle
from orders.models import Order
from orders.services import update_order
from orders.steps.locks import lock_order
from trips.models import Trip
from trips.services.stop_lists import add_order
from trips.services.trips import create_trip

MOST_OFFERED = 100
NEW, EXISTING = "new", "existing"


class IntoTripForm(forms.Form):
    """Which trip takes the orders."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Trip"),
        choices=[(EXISTING, gettext_lazy("An existing trip")), (NEW, gettext_lazy("A new trip"))],
        widget=forms.RadioSelect,
        initial=EXISTING,
    )
    trip = forms.ModelChoiceField(Trip.objects.none(), required=False, label=gettext_lazy("Existing trip"))
    name = TextFormField(max_length=200, required=False, label=gettext_lazy("Name of the new trip"))
    vehicle = forms.ModelChoiceField(Vehicle.objects.none(), required=False, label=gettext_lazy("Vehicle"))
    planned_start_date = forms.DateField(
        required=False, label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    planned_start_time = forms.TimeField(
        required=False, label=gettext_lazy("Start"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        open_trips = Trip.objects.editable_by(user).open().select_related("vehicle")
        self.fields["trip"].queryset = open_trips.order_by("-planned_start_date", "name")  # type: ignore[attr-defined]
        self.fields["trip"].label_from_instance = _trip_label  # type: ignore[attr-defined]
        vehicles = Vehicle.objects.editable_by(user).alive().filter(is_active=True)
        self.fields["vehicle"].queryset = vehicles.order_by("license_plate")  # type: ignore[attr-defined]
        self.fields["vehicle"].label_from_instance = _vehicle_label  # type: ignore[attr-defined]
        here = timezone.localtime() + dt.timedelta(hours=1)
        self.fields["name"].initial = _("Trip of %(day)s") % {"day": date_format(here, "j N H:00")}
        self.fields["planned_start_date"].initial = here.date()
        self.fields["planned_start_time"].initial = dt.time(here.hour)

    def clean(self) -> dict[str, Any]:
        """Ask for what the chosen kind of trip needs."""
        given = super().clean() or {}
        needed = ["trip"] if given.get("kind") == EXISTING else ["name", "vehicle", "planned_start_date", "planned_start_time"]
        for field in needed:
            if not given.get(field) and given.get(field) != 0 and field not in self.errors:
                self.add_error(field, _("This field is required."))
        return given


def _trip_label(trip: Trip) -> str:
    return f"{trip.name} · {trip.vehicle.license_plate} · {trip.planned_start_date:%Y-%m-%d} {trip.planned_start_time:%H:%M}"


def _vehicle_label(vehicle: Vehicle) -> str:
    return f"{vehicle.license_plate} · {vehicle.make} {vehicle.model} · {vehicle.driver_name}".rstrip(" ·")


@action_pages.READ_AND_POST
@action_pages.for_editors
def into_trip(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Ask for the trip, then put the chosen orders into it one by one."""
    ids = action_pages.chosen_ids(request)
    orders = list(Order.objects.visible_to(request.user).with_stops().filter(pk__in=ids).order_by("created_at", "pk"))
    if not orders:
        raise Http404
    initial = {"trip": request.GET.get("trip")} if request.GET.get("trip", "").isdigit() else None
    form = IntoTripForm(request.user, request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            trip, results = _assign(request.user, orders, form.cleaned_data)
        except DomainError as error:
            form.add_error(None, error.for_page())
        else:
            return _told(request, context, trip, results, reverse("admin:orders_order_changelist"))
    free = [order for order in orders if order.is_available_for_trip]
    page = {"title": _("Put orders into a trip"), "form": form, "orders": orders, "free": free, "ids": ",".join(map(str, ids))}
    return TemplateResponse(request, "console/into_trip.html", {**context, **page})


@action_pages.READ_AND_POST
@action_pages.for_editors
def fill_trip(request: HttpRequest, trip_id: int, context: dict[str, Any]) -> HttpResponse:
    """Offer the orders that wait, those of the trip's company and with both stops; put the ticked ones into the trip."""
    trips = Trip.objects.editable_by(request.user).select_related("vehicle")
    trip = trips.filter(pk=action_pages.checked_id(trip_id)).first()
    if trip is None:
        raise Http404
    here = reverse("admin:dispatch_trip", args=[trip.pk])
    waiting = Order.objects.visible_to(request.user).available_for_trip().filter(company_id=trip.company_id).with_stops()
    wanted = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    if request.method == "POST":
        ids = action_pages.numbers(request.POST.getlist("order"))
        orders = list(Order.objects.visible_to(request.user).with_stops().filter(pk__in=ids).order_by("pk"))
        if orders:
            results = _assign(request.user, orders, {"kind": EXISTING, "trip": trip})[1]
            return _told(request, context, trip, results, here)
    if wanted:
        names = ("order_number", "customer_name", "customer_company", "pickup_stop__name", "delivery_stop__name")
        waiting = waiting.filter(reduce(or_, (Q(**{f"{name}__icontains": wanted}) for name in names)))
    page = {
        "title": _("Add orders to %(trip)s") % {"trip": trip.name},
        "trip": trip,
        "orders": list(waiting.order_by("requested_pickup_date", "created_at", "pk")[:MOST_OFFERED]),
        "most": MOST_OFFERED,
        "wanted": wanted,
        "back": here,
        "nothing_ticked": request.method == "POST",
    }
    return TemplateResponse(request, "console/fill_trip.html", {**context, **page})


def _told(request: HttpRequest, context: dict[str, Any], trip: Trip, results: Results, back: str) -> HttpResponse:
    """Go on to the trip's page; where an order was left out, report each first."""
    if results.skipped:
        return action_pages.results_page(request, context, _("Orders into a trip"), results, back=back, trip=trip)
    added = ngettext("%(count)d order added.", "%(count)d orders added.", results.done)
    messages.success(request, added % {"count": results.done})
    return HttpResponseRedirect(reverse("admin:dispatch_trip", args=[trip.pk]))


@transaction.atomic
def _assign(user: User, orders: list[Order], wanted: dict[str, Any]) -> tuple[Trip, Results]:
    """Make the trip if it is a new one; a trip that would take nothing is not made."""
    trip = wanted["trip"]
    if wanted["kind"] == NEW:
        fields = {name: wanted[name] for name in ("name", "vehicle", "planned_start_date", "planned_start_time")}
        trip = create_trip(actor=user, **fields)

    def act(order: Order) -> str:
        add_order(actor=user, trip_id=trip.pk, order=order)
        return _("assigned")

    results = run_each(orders, act, lambda order: reverse("admin:orders_order_change", args=[order.pk]))
    if wanted["kind"] == NEW and not results.done:
        first = results.rows[0]
        raise DomainError(labelled(first.label, first.message))
    return trip, results


CANCEL = action_pages.Ask(
    gettext_lazy("Cancel orders"),
    gettext_lazy("These are not carried out any more; no trip can take them. An order in a trip has to be taken out first."),
)


@action_pages.READ_AND_POST
@action_pages.for_editors
def cancel(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Ask once, then cancel the chosen orders."""
    orders = Order.objects.visible_to(request.user).filter(pk__in=action_pages.chosen_ids(request)).order_by("pk")
    chosen = [
        action_pages.Chosen(order, f"{order.customer_name}, {order.get_status_display()}", reverse("admin:orders_order_change", args=[order.pk]))
        for order in orders
    ]

    def act(order: Order, _reason: str) -> str:
        with transaction.atomic():
            held = lock_order(request.user, order.pk)
            if held.status == Order.Status.CANCELLED:
                raise Conflict(_("is cancelled already"), code="already_cancelled")
            if held.status == Order.Status.DELIVERED:
                raise Conflict(_("is delivered already"), code="invalid_transition")
            update_order(actor=request.user, order_id=order.pk, status=Order.Status.CANCELLED)
        return _("cancelled")

    back = chosen[0].url if len(chosen) == 1 else reverse("admin:orders_order_changelist")
    return action_pages.ask_then_each(request, context, CANCEL, chosen, act, back=back)
