"""Plans of a day: ask for one, solve it in the worker, cancel, apply and undo it."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Collection, Sequence
from typing import Any

from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.models import User
from accounts.permissions import require_editor
from depannini_dashmap.lib.errors import Conflict, DomainError, InvalidData, NotFound
from depannini_dashmap.lib.labels import listed_lazily
from depannini_dashmap.lib.ops import audit
from depannini_dashmap.lib.ops.enqueue import enqueue
from fleet.models import Vehicle
from orders.models import Order
from trips import events
from trips.lifecycle import DRAFT, PLANNED
from trips.models import Trip, TripPlan
from trips.planning import engine
from trips.planning.answers import Answer, answer_of
from trips.planning.day_clock import clock_of
from trips.planning.problem import Objective, Problem, Route, Solution, Visit
from trips.planning.reading import Places, build, depot_of
from trips.planning.reasons import Choice, why_this_vehicle
from trips.services.stop_lists import Call, fill_trip
from trips.services.trips import create_trip, delete_trip, update_trip

logger = logging.getLogger(__name__)

MOST_ORDERS = 500
MOST_VEHICLES = 200
TIME_LIMITS = (2, 10, 30)
Status = TripPlan.Status
_OPEN = (Status.QUEUED, Status.SOLVING)


@transaction.atomic
def request_plan(
    *,
    actor: User,
    order_ids: Sequence[int],
    vehicle_ids: Sequence[int],
    day: dt.date,
    starts_at: dt.time = dt.time(8),
    time_limit: int = 10,
    objective: str = Objective.TIME,
) -> TripPlan:
    """Ask for trips that carry the orders with the vehicles; the worker solves it and `plan.status` shows its progress.

    Raises: InvalidData (too many, unknown, twice, of several companies, not waiting for a trip, vehicle out of service),
    Forbidden (the actor only views the company).
    """
    _require_few(order_ids, vehicle_ids)
    orders = list(_orders(Order.objects.visible_to(actor), order_ids))
    vehicles = list(Vehicle.objects.visible_to(actor).alive().filter(pk__in=vehicle_ids).order_by("pk"))
    faults = _faults(orders, order_ids, vehicles, vehicle_ids)
    if faults:
        raise InvalidData(fields=faults)
    company_id = vehicles[0].company_id
    require_editor(actor, company_id)
    plan = TripPlan.objects.create(
        company_id=company_id,
        created_by=actor,
        planned_on=day,
        starts_at=starts_at,
        objective=objective,
        time_limit=time_limit,
        order_ids=[order.pk for order in orders],
        vehicle_ids=[vehicle.pk for vehicle in vehicles],
    )
    enqueue("trips.tasks.solve_plan", plan.pk)
    _tell(plan, "queued")
    return plan


def solve(*, actor: None, plan_id: int) -> None:
    """Solve a plan that waits and store its result, or the sentence why there is no result. Safe to run twice.

    Shape: no `actor`, the worker calls it.
    """
    if not TripPlan.objects.filter(pk=plan_id, status__in=_OPEN).update(status=Status.SOLVING, started_at=None):
        return
    plan = TripPlan.objects.select_related("company").get(pk=plan_id)
    _tell(plan, "reading")
    try:
        answer, basis = _solve(plan)
    except engine.PlanStopped:
        return  # it is cancelled already
    except DomainError as error:
        _finish(plan, status=Status.FAILED, error=str(error.message))
        return
    except (DatabaseError, InterfaceError):
        raise  # the worker tries again
    except Exception:
        logger.exception("Plan %s broke off", plan_id)
        _finish(plan, status=Status.FAILED, error=gettext_noop("The plan could not be made"))
        return
    _finish(plan, status=Status.READY, result=answer.as_json(), basis=basis)


@transaction.atomic
def cancel_plan(*, actor: User, plan_id: int) -> TripPlan:
    """Stop the search for a plan, or put a ready one aside. A cancelled one stays as it is. Raises: NotFound, Conflict."""
    plan = _lock(actor, plan_id)
    if plan.status == Status.CANCELLED:
        return plan
    if plan.status not in (*_OPEN, Status.READY):
        raise Conflict(_("The plan is over"), code="plan_closed", current_status=plan.status)
    events.plan_done(company_id=plan.company_id, plan_id=plan.pk, status=Status.CANCELLED)
    return _set(plan, status=Status.CANCELLED, finished_at=plan.finished_at or timezone.now())


@transaction.atomic
def apply_plan(*, actor: User, plan_id: int) -> TripPlan:
    """Make the trips of a ready plan, all or none; an applied plan stays as it is.

    Raises: NotFound, Forbidden, Conflict `plan_not_ready`, `plan_outdated` (orders or vehicles changed since; they are
    named in `orders` and `vehicles`).
    """
    plan = _lock(actor, plan_id)
    if plan.status == Status.APPLIED:
        return plan
    if plan.status != Status.READY or plan.result is None:
        raise Conflict(_("The plan is not ready"), code="plan_not_ready", current_status=plan.status)
    vehicles = {row.pk: row for row in Vehicle.objects.alive().select_for_update(no_key=True).filter(pk__in=plan.vehicle_ids).order_by("pk")}
    served = [call["order"] for trip in plan.result["trips"] for call in trip["stops"] if call["order"]]
    orders = {row.pk: row for row in _orders(Order.objects.select_for_update(of=("self",)), served)}
    _require_unchanged(plan, orders, vehicles, set(served))
    made = [_make_trip(actor, plan, row, vehicles[row["vehicle"]]).pk for row in plan.result["trips"]]
    audit.record("plan_applied", actor=actor, target=plan, trips=len(made), orders=len(orders))
    return _set(plan, status=Status.APPLIED, made_trips=made)


@transaction.atomic
def undo_plan(*, actor: User, plan_id: int, although_told: bool = False) -> TripPlan:
    """Take back what `apply_plan` made while nothing of it has begun; an undone plan stays as it is.

    Raises: NotFound, Forbidden, Conflict (never applied, a trip has begun, `plan_drivers_told`: drivers were notified of
    `trips`, which go only `although_told`).
    """
    plan = _lock(actor, plan_id)
    if plan.status == Status.UNDONE:
        return plan
    if plan.status != Status.APPLIED:
        raise Conflict(_("The plan was not applied"), code="plan_not_applied", current_status=plan.status)
    trips = list(Trip.objects.select_for_update(no_key=True).filter(pk__in=plan.made_trips).order_by("pk"))
    begun = [trip.name for trip in trips if trip.status not in (DRAFT, PLANNED) or trip.trip_stops.exclude(actual_arrival_datetime=None).exists()]
    if begun:
        raise Conflict(format_lazy(_("These trips have begun: {names}"), names=listed_lazily(begun)), code="plan_begun", trips=begun)
    told = [trip.name for trip in trips if trip.may_be_known]
    if told and not although_told:
        raise Conflict(
            format_lazy(_("The drivers of these trips were told of them, and have to be called: {names}"), names=listed_lazily(told)),
            code="plan_drivers_told",
            trips=told,
        )
    for trip in trips:
        delete_trip(actor=actor, trip_id=trip.pk)
    audit.record("plan_undone", actor=actor, target=plan, trips=len(trips), told=len(told))
    return _set(plan, status=Status.UNDONE)


def why_chosen(*, actor: User, plan_id: int, order_id: int) -> Choice:
    """Return what an order costs in its vehicle and in the next best one.

    Raises: NotFound, Conflict (the plan has no result yet), InvalidData (the order is in none of its trips).
    """
    plan = TripPlan.objects.visible_to(actor).select_related("company").filter(pk=plan_id).first()
    if plan is None:
        raise NotFound("Plan")
    if plan.result is None:
        raise Conflict(_("The plan is not ready"), code="plan_not_ready", current_status=plan.status)
    problem, _places = _build(plan, *_rows(plan), time_limit=1)
    routes = tuple(
        Route(row["vehicle"], tuple(Visit(call["kind"], call["order"]) for call in row["stops"] if call["order"] in problem.order or not call["order"]))
        for row in plan.result["trips"]
        if row["vehicle"] in problem.vehicle
    )
    choice = why_this_vehicle(problem, Solution(routes), order_id)
    if choice is None:
        raise InvalidData(fields={"order": [_("No trip of this plan has it.")]})
    return choice


# --- Asking ------------------------------------------------------------------------------------------------------------------
def _require_few(order_ids: Collection[int], vehicle_ids: Collection[int]) -> None:
    faults: dict[str, list[Any]] = {}
    if len(order_ids) > MOST_ORDERS:
        faults["orders"] = [_("At most %(count)s orders can be planned at once.") % {"count": MOST_ORDERS}]
    if len(vehicle_ids) > MOST_VEHICLES:
        faults["vehicles"] = [_("At most %(count)s vehicles can be planned at once.") % {"count": MOST_VEHICLES}]
    for name, ids in (("orders", order_ids), ("vehicles", vehicle_ids)):
        if name not in faults and len(set(ids)) < len(ids):
            faults[name] = [_("One is named twice.")]
    if faults:
        raise InvalidData(fields=faults)


def _faults(orders: list[Order], order_ids: Sequence[int], vehicles: list[Vehicle], vehicle_ids: Sequence[int]) -> dict[str, list[Any]]:
    faults: dict[str, list[Any]] = {}
    if len(orders) < len(order_ids) or not orders:
        faults["orders"] = [_("Unknown id.")]
    if len(vehicles) < len(vehicle_ids) or not vehicles:
        faults["vehicles"] = [_("Unknown id.")]
    if faults:
        return faults
    company_ids = {order.company_id for order in orders} | {vehicle.company_id for vehicle in vehicles}
    if len(company_ids) > 1:
        return {"orders": [_("Orders and vehicles of one plan belong to one company.")]}
    taken = [order.order_number for order in orders if not order.is_available_for_trip]
    halves = [order.order_number for order in orders if not order.is_carriable]
    idle = [vehicle.license_plate for vehicle in vehicles if not vehicle.is_active]
    if taken:
        faults["orders"] = [_("Not waiting for a trip: %(numbers)s") % {"numbers": listed_lazily(taken[:20])}]
    elif halves:
        faults["orders"] = [_("Without pickup or delivery: %(numbers)s") % {"numbers": listed_lazily(halves[:20])}]
    if idle:
        faults["vehicles"] = [_("Out of service: %(plates)s") % {"plates": listed_lazily(idle[:20])}]
    return faults


def _orders(rows: QuerySet[Order], ids: Collection[int]) -> QuerySet[Order]:
    return rows.filter(pk__in=ids).select_related("pickup_stop", "delivery_stop").order_by("pk")


# --- Solving -----------------------------------------------------------------------------------------------------------------
def _solve(plan: TripPlan) -> tuple[Answer, dict[str, dict[str, str]]]:
    orders, vehicles = _rows(plan)
    problem, places = _build(plan, orders, vehicles, time_limit=plan.time_limit)
    watch = _Watch(plan)
    solution = engine.solve_routable(problem, is_cancelled=watch.is_cancelled, begins=watch.begins)
    return answer_of(problem, solution, orders, vehicles, places), _basis(orders, vehicles)


def _build(plan: TripPlan, orders: list[Order], vehicles: list[Vehicle], *, time_limit: int) -> tuple[Problem, Places]:
    return build(
        orders,
        vehicles,
        clock=clock_of(plan.planned_on),
        starts_at=plan.starts_at,
        depot=depot_of(plan.company),
        objective=Objective(plan.objective),
        time_limit=time_limit,
    )


def _tell(plan: TripPlan, phase: str, seconds: int = 0) -> None:
    events.plan_progress(company_id=plan.company_id, plan_id=plan.pk, phase=phase, seconds=seconds, of=plan.time_limit)


def _rows(plan: TripPlan) -> tuple[list[Order], list[Vehicle]]:
    orders = _orders(Order.objects.filter(company_id=plan.company_id), plan.order_ids)
    vehicles = Vehicle.objects.alive().filter(pk__in=plan.vehicle_ids, company_id=plan.company_id).order_by("pk")
    return list(orders), list(vehicles)


class _Watch:
    """Once a second while a plan is made: tells how long it is searched for, and asks the database whether it was cancelled."""

    def __init__(self, plan: TripPlan) -> None:
        self.plan, self.looked_at = plan, time.monotonic()
        self.began_at: float | None = None

    def begins(self) -> None:
        """Note when the search begins: by then distances are read, and no other plan of the host is being made."""
        TripPlan.objects.filter(pk=self.plan.pk, status=Status.SOLVING).update(started_at=timezone.now())
        self.began_at = self.looked_at = time.monotonic()
        _tell(self.plan, "searching")

    def is_cancelled(self) -> bool:
        """Return whether nobody wants the plan any more; between two looks it is wanted."""
        now = time.monotonic()
        if now - self.looked_at < 1:
            return False
        self.looked_at = now
        if not TripPlan.objects.filter(pk=self.plan.pk, status=Status.SOLVING).exists():
            return True
        if self.began_at is not None:
            _tell(self.plan, "searching", min(int(now - self.began_at), self.plan.time_limit))
        return False


def _basis(orders: Collection[Order], vehicles: Collection[Vehicle]) -> dict[str, dict[str, str]]:
    return {
        "orders": {str(row.pk): row.updated_at.isoformat() for row in orders},
        "vehicles": {str(row.pk): row.updated_at.isoformat() for row in vehicles},
    }


def _finish(plan: TripPlan, *, status: str, **fields: Any) -> None:
    if TripPlan.objects.filter(pk=plan.pk, status=Status.SOLVING).update(status=status, finished_at=timezone.now(), **fields):
        events.plan_done(company_id=plan.company_id, plan_id=plan.pk, status=status)


# --- Applying ----------------------------------------------------------------------------------------------------------------
def _require_unchanged(plan: TripPlan, orders: dict[int, Order], vehicles: dict[int, Vehicle], served: set[int]) -> None:
    used = {row["vehicle"] for row in plan.result["trips"]} if plan.result else set()
    known_orders, known_vehicles = plan.basis["orders"], plan.basis["vehicles"]
    changed = [pk for pk in served if pk not in orders or known_orders.get(str(pk)) != orders[pk].updated_at.isoformat()]
    gone = [pk for pk in used if pk not in vehicles or known_vehicles.get(str(pk)) != vehicles[pk].updated_at.isoformat()]
    if not changed and not gone:
        return
    numbers = dict(Order.objects.filter(pk__in=changed).values_list("pk", "order_number"))
    plates = dict(Vehicle.objects.filter(pk__in=gone).values_list("pk", "license_plate"))
    raise Conflict(
        _("Orders or vehicles changed since the plan was made; plan again"),
        code="plan_outdated",
        orders=sorted(numbers.get(pk, str(pk)) for pk in changed),
        vehicles=sorted(plates.get(pk, str(pk)) for pk in gone),
    )


def _make_trip(actor: User, plan: TripPlan, row: dict[str, Any], vehicle: Vehicle) -> Trip:
    clock = clock_of(plan.planned_on)
    starts = clock.wall(row["starts"] // 60 * 60)
    trip = create_trip(
        actor=actor,
        vehicle=vehicle,
        name=f"{plan.planned_on:%d/%m} {vehicle.license_plate}",
        planned_start_date=starts.date(),
        planned_start_time=starts.time(),
    )
    calls = [
        Call(call["order"], call["kind"], clock.wall(-(-(call["arrival"] + call["wait"]) // 60) * 60))
        for call in row["stops"]
        if call["order"]
    ]
    fill_trip(actor=actor, trip=trip, calls=calls)
    return update_trip(actor=actor, trip_id=trip.pk, status=PLANNED)


def _lock(actor: User, plan_id: int) -> TripPlan:
    plan = TripPlan.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=plan_id).first()
    if plan is None:
        raise NotFound("Plan")
    require_editor(actor, plan.company_id)
    return plan


def _set(plan: TripPlan, **fields: Any) -> TripPlan:
    for name, value in fields.items():
        setattr(plan, name, value)
    plan.save(update_fields=list(fields))
    return plan
