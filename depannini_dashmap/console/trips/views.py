"""One trip at work: its stops in their order, the next step, the driver; each button is a service of trips."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_time
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.permissions import may_edit
from accounts.private_images import picture_response
from depannini_dashmap.console import action_pages
from depannini_dashmap.console.bulk_results import run_each
from depannini_dashmap.console.live_map import arrival_times, detail_maps
from depannini_dashmap.console.trips import trip_completion
from depannini_dashmap.lib.errors import DomainError, InvalidData, NotFound
from orders.models import Order
from trips.lifecycle import CANCELLED, COMPLETED, DRAFT, IN_PROGRESS, OPEN, PLANNED, STEPS
from trips.models import StopProof, Trip, TripStop
from trips.representation import way_in_words, way_of
from trips.services.driver_notification import notify_driver
from trips.services.stop_lists import remove_order, reorder_stops, update_stop
from trips.services.trips import update_trip
from trips.steps.proofs import picture_name
from trips.vehicle_load import KG_PER_TONNE, heaviest_load_kg


class Step(NamedTuple):
    """Something that can be done to a trip: what the button says, what then happens, and the service."""

    label: Promise
    effect: Promise
    done: Promise
    sources: tuple[str, ...]
    act: Callable[[User, int], Any]
    is_final: bool = False
    closes_stops: bool = False


def _to(status: str) -> Callable[[User, int], Any]:
    return lambda user, trip_id: update_trip(actor=user, trip_id=trip_id, status=status)


def _sources(status: str) -> tuple[str, ...]:
    return tuple(STEPS.sources(status))


STEP = {
    "plan": Step(
        gettext_lazy("Mark as planned"),
        gettext_lazy("The trip is ready to be driven. Every order in it must have both its stops."),
        gettext_lazy("planned"),
        (DRAFT,),
        _to(PLANNED),
    ),
    "notify": Step(
        gettext_lazy("Notify driver"),
        gettext_lazy("The driver gets an e-mail with the stops in their order, addresses, contacts and times; without an e-mail address an SMS with the link to them, where SMS are sent here."),
        gettext_lazy("driver notified"),
        OPEN,
        lambda user, trip_id: notify_driver(actor=user, trip_id=trip_id),
    ),
    "start": Step(
        gettext_lazy("Start trip"),
        gettext_lazy("The trip is under way from now on, and its orders are in transit."),
        gettext_lazy("started"),
        _sources(IN_PROGRESS),
        _to(IN_PROGRESS),
    ),
    "complete": Step(
        gettext_lazy("Complete trip"),
        gettext_lazy("Stops that are still open count as done now, and the orders as delivered, but for those that failed. This is final."),
        gettext_lazy("completed"),
        _sources(COMPLETED),
        _to(COMPLETED),
        is_final=True,
        closes_stops=True,
    ),
    "cancel": Step(
        gettext_lazy("Cancel trip"),
        gettext_lazy("Orders that were not delivered wait for another trip. This is final."),
        gettext_lazy("cancelled"),
        _sources(CANCELLED),
        _to(CANCELLED),
        is_final=True,
    ),
}


def _visible(request: HttpRequest, trip_id: int) -> Trip:
    rows = Trip.objects.visible_to(request.user).with_driver_told().select_related("vehicle", "company", "dispatcher")
    trip = rows.filter(pk=action_pages.checked_id(trip_id)).first()
    if trip is None:
        raise Http404
    return trip


LONGEST_REASON = 500


class StopLine(NamedTuple):
    """A stop of the trip; `may_leave` on the pickup of an order that is not on board yet, `due` as the form shows it."""

    row: TripStop
    is_late: bool
    may_leave: bool
    due: str


def _lines(trip: Trip) -> list[StopLine]:
    stops = list(TripStop.objects.filter(trip=trip).select_related("stop", "order", "proof").order_by("sequence"))
    late = arrival_times.late_stops(trip, stops, timezone.now())
    lines, seen = [], set()
    for row, is_late in zip(stops, late, strict=True):
        may_leave = row.order_id is not None and row.order_id not in seen and not row.is_closed
        lines.append(StopLine(row, is_late, may_leave, _shown_time(row.planned_arrival_time)))
        seen.add(row.order_id)
    return lines


def _shown_time(time: dt.time | None) -> str:
    return f"{time:%H:%M}" if time else ""


@require_safe
def show_trip(request: HttpRequest, trip_id: int, context: dict[str, Any]) -> HttpResponse:
    """Show the trip with its stops; users who may change it can reorder them and take the next step."""
    trip = _visible(request, trip_id)
    return _trip_page(request, trip, _lines(trip), context)


def _trip_page(
    request: HttpRequest, trip: Trip, lines: list[StopLine], context: dict[str, Any], *, is_unsaved: bool = False
) -> HttpResponse:
    in_order = sorted(lines, key=lambda line: line.row.sequence)
    load_kg = heaviest_load_kg((row.stop.stop_type, row.order.goods_weight) for row, *_ in in_order if row.order)
    is_editable = may_edit(request.user, trip.company_id)
    rows = [line.row for line in in_order]
    way = way_of(rows)
    page = {
        "title": trip.name,
        "trip": trip,
        "lines": lines,
        "done": sum(line.row.is_closed for line in lines),
        "late": sum(line.is_late for line in lines),
        "load_kg": load_kg,
        "is_overloaded": load_kg > trip.vehicle.capacity * KG_PER_TONNE,
        "steps": [(name, step) for name, step in STEP.items() if is_editable and trip.status in step.sources],
        "is_editable": is_editable and not trip.is_closed,
        "is_unsaved": is_unsaved,
        "way": way_in_words(way),
        "map_data": detail_maps.of_trip(request.user, trip, rows, way),
        "next_stop": arrival_times.next_stops([trip], timezone.now()).get(trip.pk),
    }
    return TemplateResponse(request, "console/trip.html", {**context, **page})


@require_safe
def show_picture(request: HttpRequest, trip_id: int, stop_id: int, kind: str) -> HttpResponse:
    """Show the photo or the signature that proves a stop."""
    proofs = StopProof.objects.filter(trip_stop__trip=_visible(request, trip_id), trip_stop=action_pages.checked_id(stop_id))
    try:
        return picture_response(picture_name(proofs.first(), kind))
    except NotFound as error:
        raise Http404 from error


@require_safe
def suggest_times(request: HttpRequest, trip_id: int) -> HttpResponse:
    """Return the due times that fit the order of the stops in `?stop=…&stop=…`, as HH:MM by stop; nothing is stored."""
    trip = _visible(request, trip_id)
    times = arrival_times.suggested_times(trip, action_pages.numbers(request.GET.getlist("stop")), timezone.now())
    return JsonResponse({"due": {str(stop): f"{timezone.localtime(at):%H:%M}" for stop, at in times.items()}})


@require_POST
@action_pages.for_editors
def arrange(request: HttpRequest, trip_id: int, context: dict[str, Any]) -> HttpResponse:
    """Store the order of the stops, and when each is due, as the form lists them; refused input is shown again."""
    trip = _visible(request, trip_id)
    given, times = action_pages.numbers(request.POST.getlist("stop")), request.POST.getlist("due")
    try:
        with transaction.atomic():
            numbers = [(stop, place) for place, stop in enumerate(given, start=1)]
            reorder_stops(actor=request.user, trip_id=trip.pk, numbers=numbers)
            for stop, due in _new_times(trip, given, times):
                update_stop(actor=request.user, trip=trip, trip_stop_id=stop, planned_arrival_time=due)
        messages.success(request, _("The stops are saved."))
    except DomainError as error:
        messages.error(request, error.for_page())
        if not trip.is_closed:
            return _trip_page(request, trip, _as_sent(_lines(trip), given, times), context, is_unsaved=True)
    return HttpResponseRedirect(reverse("admin:dispatch_trip", args=[trip.pk]))


def _as_sent(lines: list[StopLine], given: list[int], times: list[str]) -> list[StopLine]:
    """Return the lines in the order, and with the times, of a form; stops that it does not name keep their places at the end."""
    places = {stop: place for place, stop in enumerate(given)}
    sent = dict(zip(given, times, strict=False))
    ordered = sorted(lines, key=lambda line: places.get(line.row.pk, len(given)))
    return [line._replace(due=sent.get(line.row.pk, line.due)[:5]) for line in ordered]


def _new_times(trip: Trip, stops: list[int], given: list[str]) -> Iterator[tuple[int, dt.time | None]]:
    """Return the stops whose time differs, to the minute that the form shows. Raises: InvalidData."""
    before = dict(TripStop.objects.filter(trip=trip).values_list("pk", "planned_arrival_time"))
    for stop, text in zip(stops, given, strict=False):
        present = before.get(stop)
        if text == _shown_time(present):
            continue
        try:
            time = parse_time(text) if text else None
        except ValueError:
            time = None
        if text and time is None:
            raise InvalidData(_("Give times as hours and minutes."))
        yield stop, time


TAKE_OUT = action_pages.Ask(
    gettext_lazy("Take out of the trip"),
    gettext_lazy("The pickup and the delivery leave the trip, and the order waits for another one. Tell the driver afterwards."),
)


@action_pages.READ_AND_POST
@action_pages.for_editors
def take_out(request: HttpRequest, trip_id: int, context: dict[str, Any]) -> HttpResponse:
    """Ask once, then release the chosen orders of the trip."""
    trip = _visible(request, trip_id)
    held = Order.objects.filter(trip_orders__trip=trip, trip_orders__is_live=True, pk__in=action_pages.chosen_ids(request))
    chosen = [
        action_pages.Chosen(order, order.customer_name, reverse("admin:orders_order_change", args=[order.pk]))
        for order in held.order_by("pk")
    ]

    def act(order: Order, _reason: str) -> str:
        remove_order(actor=request.user, trip_id=trip.pk, order_id=order.pk)
        return _("taken out, waits for a trip")

    return action_pages.ask_then_each(request, context, TAKE_OUT, chosen, act, back=reverse("admin:dispatch_trip", args=[trip.pk]))


@require_POST
@action_pages.for_editors
def mark_stop(request: HttpRequest, trip_id: int, stop_id: int, context: dict[str, Any]) -> HttpResponse:
    """Record that a stop is done or failed, or open it again, as a driver reports by phone."""
    trip, number = _visible(request, trip_id), action_pages.checked_id(stop_id)
    if "failed" in request.POST:
        state = {"failed": True, "failure_reason": request.POST.get(f"reason-{number}", "").strip()[:LONGEST_REASON]}
        said = _("%(name)s failed; its order can go into another trip or be cancelled.")
    elif request.POST.get("done") != "no":
        state, said = {"is_completed": True}, _("%(name)s is done.")
    else:
        state, said = {"is_completed": False, "failed": False}, _("%(name)s is open again.")
    try:
        row = update_stop(actor=request.user, trip=trip, trip_stop_id=number, **state)
        messages.success(request, said % {"name": row.stop.name})
    except DomainError as error:
        messages.error(request, error.for_page())
    return HttpResponseRedirect(reverse("admin:dispatch_trip", args=[trip.pk]))


@action_pages.READ_AND_POST
@action_pages.for_editors
def take_step(request: HttpRequest, step: str, context: dict[str, Any]) -> HttpResponse:
    """Ask once, then take the chosen trips a step on and show the result of each."""
    if step not in STEP:
        raise Http404
    wanted = STEP[step]
    ids = action_pages.chosen_ids(request)
    rows = Trip.objects.visible_to(request.user).with_progress().select_related("vehicle")
    trips = list(rows.filter(pk__in=ids).order_by("pk"))
    if not trips:
        raise Http404
    ready = [trip for trip in trips if trip.status in wanted.sources]
    stops = trip_completion.of_trips(ready, request.POST) if wanted.closes_stops else {}
    problem = trip_completion.NO_REASON if trip_completion.lack_reasons(stops, request.POST) else ""
    if request.method != "POST" or problem:
        for trip in trips:
            trip.open_stops = trip.total - trip.done  # type: ignore[attr-defined]
            trip.open_rows = stops.get(trip.pk, [])  # type: ignore[attr-defined]
        page = {"title": wanted.label, "step": wanted, "trips": trips, "ready": ready, "ids": ",".join(map(str, ids))}
        page |= {"problem": problem, "longest": trip_completion.LONGEST_REASON, "has_open_stops": bool(stops)}
        return TemplateResponse(request, "console/trip_step.html", {**context, **page})

    def act(trip: Trip) -> str:
        if stops.get(trip.pk):
            trip_completion.complete(request.user, trip, stops[trip.pk], request.POST)
        else:
            wanted.act(request.user, trip.pk)
        return str(wanted.done)

    results = run_each(trips, act, lambda trip: reverse("admin:dispatch_trip", args=[trip.pk]))
    if len(trips) == 1:
        return action_pages.tell_one(request, results, results.rows[0].url)
    return action_pages.results_page(request, context, str(wanted.label), results, back=reverse("admin:trips_trip_changelist"))
