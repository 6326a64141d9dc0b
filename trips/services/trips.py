"""Services of trips: create, change, move through the states, delete. The stops of a trip are in `stop_lists`."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import OPERATORS, User
from accounts.permissions import require_editor
from depannini_dashmap.lib.errors import Conflict, InvalidData
from depannini_dashmap.lib.labels import listed_lazily
from depannini_dashmap.lib.ops import audit
from fleet.events import board_changed
from fleet.models import Vehicle
from orders.lifecycle import LEAVES_FAILED
from orders.models import Order
from orders.steps import trip_assignment
from orders.stops import discard_stops
from trips import sequencing
from trips.events import driver_links_ended, trip_changed
from trips.lifecycle import CANCELLED, COMPLETED, FAILED, IN_PROGRESS, NEEDS_WHOLE_ORDERS, STEPS
from trips.models import Trip, TripOrder, TripStop
from trips.steps.proofs import forget_proofs
from trips.steps.trips import ON_TIME, closed_error, lock_trip, release_failed_order, status_of_trip_holding

FIXED_ONCE_CLOSED = ("vehicle_id", "planned_start_date", "planned_start_time")
UNKNOWN = _("Unknown id.")


@transaction.atomic
def create_trip(
    *, actor: User, vehicle: Vehicle, dispatcher_id: int | None = None, status: str | None = None, **fields: Any
) -> Trip:
    """Plan a trip of a vehicle; the dispatcher defaults to the actor, the status to draft.

    Raises: InvalidData (vehicle gone, dispatcher neither member nor staff), Forbidden (the actor only views), Conflict.
    """
    vehicle = _lock_vehicle(actor, vehicle.pk)
    dispatcher_id = dispatcher_id or actor.pk
    _require_dispatcher(dispatcher_id, vehicle.company_id)
    trip = Trip(company_id=vehicle.company_id, vehicle=vehicle, dispatcher_id=dispatcher_id, **fields)
    trip.save()
    board_changed(trip.company_id, "trips")
    if status is not None:
        _move(trip, status, actor)
    return trip


@transaction.atomic
def update_trip(
    *,
    actor: User,
    trip_id: int,
    vehicle: Vehicle | None = None,
    dispatcher_id: int | None = None,
    status: str | None = None,
    **fields: Any,
) -> Trip:
    """Change the named fields, then the status.

    Raises: NotFound, Forbidden, InvalidData (vehicle, dispatcher, incomplete orders), Conflict (the state forbids it).
    """
    if vehicle is not None:
        present = Trip.objects.visible_to(actor).filter(pk=trip_id).values_list("vehicle_id", flat=True).first()
        vehicle = _lock_vehicle(actor, vehicle.pk) if present not in (None, vehicle.pk) else None
    trip = lock_trip(actor, trip_id)
    if vehicle is not None and vehicle.pk != trip.vehicle_id:
        # A mail being sent is for the former driver: without its claim it has no effect.
        fields |= {"driver_notified": False, "notify_claimed_at": None}
        fields |= {"vehicle_id": vehicle.pk, "company_id": _company_after(trip, vehicle)}
    company_id = fields.get("company_id", trip.company_id)
    if company_id != trip.company_id:
        board_changed(trip.company_id, "trips")  # of the company that it leaves
    if dispatcher_id is not None and dispatcher_id != trip.dispatcher_id:
        _require_dispatcher(dispatcher_id, company_id)
        fields["dispatcher_id"] = dispatcher_id
    elif company_id != trip.company_id:
        fields["dispatcher_id"] = actor.pk
    _change(trip, fields)
    if status is not None:
        _move(trip, status, actor)
    return trip


@transaction.atomic
def delete_trip(*, actor: User, trip_id: int) -> None:
    """Delete a trip; its undelivered orders are pending again and its own stops go with it.

    Raises: NotFound, Forbidden.
    """
    trip = lock_trip(actor, trip_id)
    order_ids = list(TripOrder.objects.live().filter(trip=trip).values_list("order_id", flat=True))
    trip_assignment.release_from_trip(order_ids, actor=actor)
    own_stops = [row.stop for row in trip.trip_stops.filter(order=None).select_related("stop")]
    forget_proofs(TripStop.objects.filter(trip=trip).values("pk"))
    audit.record("trip_deleted", actor=actor, target=trip, name=trip.name, status=trip.status)
    trip.delete()
    driver_links_ended(trip_id)
    discard_stops(*own_stops)
    board_changed(trip.company_id, "trips")


def require_no_open_trips(*, actor: None, vehicle_id: int) -> None:
    """Let a vehicle without open trips pass; no `actor`, fleet has asked whether they may. Raises: Conflict."""
    if Trip.objects.open().filter(vehicle_id=vehicle_id).exists():
        raise Conflict(_("The vehicle has open trips"), code="open_trips")


def answer_status_request(*, actor: User, order_id: int, status: str) -> str | None:
    """Return `status_of_trip_holding`; an order (locked) whose stop failed leaves its trip by `pending` or `cancelled`."""
    present = status_of_trip_holding(order_id=order_id)
    if present == FAILED and status in LEAVES_FAILED:
        release_failed_order(order_id=order_id)
    return present


def _lock_vehicle(actor: User, vehicle_id: int) -> Vehicle:
    rows = Vehicle.objects.visible_to(actor).alive().select_for_update(no_key=True, of=("self",))
    vehicle = rows.filter(pk=vehicle_id).first()
    if vehicle is None:
        raise InvalidData(fields={"vehicle": [UNKNOWN]})
    require_editor(actor, vehicle.company_id)
    return vehicle


def _require_dispatcher(user_id: int, company_id: int) -> None:
    works_here = Q(memberships__company_id=company_id)
    is_staff = Q(is_superuser=True) | Q(groups__name=OPERATORS)
    if not User.objects.active().filter(works_here | is_staff, pk=user_id).exists():
        raise InvalidData(fields={"dispatcher": [UNKNOWN]})


def _company_after(trip: Trip, vehicle: Vehicle) -> int:
    """Only a trip that visits nothing yet may go to a vehicle of another company."""
    if vehicle.company_id != trip.company_id and trip.trip_stops.exists():
        raise InvalidData(fields={"vehicle": [_("The trip's stops belong to another company.")]})
    return vehicle.company_id


def _change(trip: Trip, fields: dict[str, Any]) -> None:
    changed = {name: value for name, value in fields.items() if getattr(trip, name) != value}
    if trip.is_closed and any(name in changed for name in FIXED_ONCE_CLOSED):
        raise closed_error(trip)
    for name, value in changed.items():
        setattr(trip, name, value)
    if changed:
        _save(trip, *(name.removesuffix("_id") for name in changed))
    if changed.keys() & {"planned_start_date", "planned_start_time"}:  # the due times moved with it
        TripStop.objects.filter(trip=trip).exclude(**ON_TIME).update(**ON_TIME)


def _save(trip: Trip, *fields: str) -> None:
    try:
        with transaction.atomic():
            trip.save(update_fields=[*fields, "updated_at"])
    except IntegrityError as error:
        # PostgreSQL names the constraint, SQLite its column.
        if not ("trip_one_running_per_vehicle" in str(error) or "trips_trip.vehicle_id" in str(error)):
            raise
        raise Conflict(_("The vehicle has another trip in progress"), code="vehicle_busy") from error
    trip_changed(trip.pk, trip.company_id)


# --- The steps -----------------------------------------------------------------------------------------------------------
def _move(trip: Trip, status: str, actor: User) -> None:
    """Take the (locked) trip to a status; the present one again changes nothing."""
    if status == trip.status:
        return
    STEPS.require(trip.status, status)
    if status in NEEDS_WHOLE_ORDERS:
        _require_whole_orders(trip)
    before, trip.status = trip.status, status
    {IN_PROGRESS: _start, COMPLETED: _complete, CANCELLED: _cancel}.get(status, _only_save)(trip, actor)
    if status in (IN_PROGRESS, COMPLETED, CANCELLED):
        audit.record(f"trip_{status}", actor=actor, target=trip, before=before)


def _only_save(trip: Trip, actor: User) -> None:
    _save(trip, "status")


def _start(trip: Trip, actor: User) -> None:
    trip.actual_start_datetime = timezone.now()
    _save(trip, "status", "actual_start_datetime")
    trip_assignment.set_status_from_trip(_held_orders(trip), Order.Status.IN_TRANSIT, actor=actor)


def _complete(trip: Trip, actor: User) -> None:
    """Complete the open stops, not those that failed; an order that was not delivered is given back."""
    trip.actual_end_datetime = now = timezone.now()
    _save(trip, "status", "actual_end_datetime")
    stops = TripStop.objects.filter(trip=trip)
    open_stops = stops.open()
    open_stops.filter(actual_arrival_datetime=None).update(actual_arrival_datetime=now)
    left_at = Coalesce("actual_departure_datetime", Value(now))
    open_stops.update(is_completed=True, actual_departure_datetime=left_at, updated_at=now)
    delivered = stops.filter(order__isnull=False, stop__stop_type=sequencing.DELIVERY, is_completed=True)
    trip_assignment.set_status_from_trip(
        list(delivered.values_list("order_id", flat=True)), Order.Status.DELIVERED, actor=actor
    )
    _release_undelivered(trip, actor)


def _cancel(trip: Trip, actor: User) -> None:
    _save(trip, "status")
    _release_undelivered(trip, actor)


def _release_undelivered(trip: Trip, actor: User) -> None:
    """Release undelivered orders; delivered ones stay with the trip."""
    orders = Order.objects.filter(pk__in=_held_orders(trip)).select_for_update(no_key=True).order_by("pk")
    undelivered = [order.pk for order in orders if order.status != Order.Status.DELIVERED]
    TripOrder.objects.filter(trip=trip, order_id__in=undelivered).update(is_live=False)
    trip_assignment.release_from_trip(undelivered, actor=actor)


def _held_orders(trip: Trip) -> list[int]:
    return list(TripOrder.objects.live().filter(trip=trip).values_list("order_id", flat=True))


def _require_whole_orders(trip: Trip) -> None:
    gone = TripStop.objects.filter(trip=trip, order__isnull=False, failed=True).values("order_id")
    rows = TripStop.objects.filter(trip=trip, order__isnull=False).exclude(order_id__in=gone)
    incomplete = sequencing.incomplete_orders(rows.order_by("sequence").values_list("order_id", "stop__stop_type"))
    if incomplete:
        numbers = list(
            Order.objects.filter(pk__in=incomplete).order_by("order_number").values_list("order_number", flat=True)
        )
        raise InvalidData(
            format_lazy(
                _("Trips must contain complete order journeys (both pickup and delivery); incomplete: {orders}."),
                orders=listed_lazily(numbers),
            ),
            code="incomplete_orders",
            incomplete_orders=numbers,
        )
