"""The flows of what a trip visits: put an order in, add a stop, change it, take it out, reorder.

Every flow locks the trip first, so that sequences are only ever written by one at a time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import require_editor
from depannini_dashmap.lib.errors import Conflict, InvalidData, NotFound
from fleet.events import board_changed
from orders.models import Order, Stop
from orders.steps import trip_assignment
from orders.stops import StopInput, change_stop, copy_stop, create_stop, discard_stops, require_stop
from trips import itinerary, sequencing
from trips.events import trip_changed
from trips.models import Trip, TripOrder, TripStop
from trips.sequencing import DELIVERY, PICKUP
from trips.steps.proofs import forget_proofs
from trips.steps.stop_outcomes import record_outcome, require_open
from trips.steps.trips import ON_TIME, lock_trip, release_failed_order


@transaction.atomic
def add_order(
    *,
    actor: User,
    trip_id: int,
    order: Order,
    sequence: int | None = None,
    pickup_time: dt.time | None = None,
    pickup_date: dt.date | None = None,
    delivery_time: dt.time | None = None,
    delivery_date: dt.date | None = None,
    notes: str = "",
) -> tuple[TripStop, TripStop]:
    """Put an order into a trip: its pickup at `sequence` (absent or beyond: at the end), the delivery right after.

    A pending order of another company of the actor moves to the trip's company, an order whose stop failed leaves the
    trip in which it did. All or nothing.
    Raises: NotFound, Forbidden, InvalidData (no such order, an end missing), Conflict (trip closed, order taken).
    """
    trip = lock_trip(actor, trip_id, must_be_open=True)
    if order.is_in_trip:
        _leave_failed_trip(order, actor)
    _detach_earlier_visits(trip, order)
    if order.company_id != trip.company_id:
        require_editor(actor, order.company_id)
        trip_assignment.move_to_company([order.pk], trip.company_id, actor=actor)
        _leave_old_trips(order)
    [order] = trip_assignment.claim_for_trip([order.pk], actor=actor)
    TripOrder.objects.create(trip=trip, order=order)
    ids = _ids(trip)
    halves = [
        (order.pickup_stop_id, pickup_time, pickup_date),
        (order.delivery_stop_id, delivery_time, delivery_date),
    ]
    pickup, delivery = (
        TripStop.objects.create(
            trip=trip,
            stop_id=cast(int, stop_id),  # claimed orders have both
            order=order,
            sequence=len(ids) + place,
            planned_arrival_time=time,
            planned_arrival_date=day,
            notes=notes,
        )
        for place, (stop_id, time, day) in enumerate(halves, start=1)
    )
    index = sequencing.insertion_index(len(ids), sequence)
    _store_sequence(trip, [*ids[:index], pickup.pk, delivery.pk, *ids[index:]])
    _mark_driver_unnotified(trip)
    return pickup, delivery


class Call(NamedTuple):
    """A visit of a trip that is made at once: the order, which of its stops, and when it is due, as wall-clock time."""

    order_id: int
    kind: str
    due: dt.datetime


@transaction.atomic
def fill_trip(*, actor: User, trip: Trip, calls: Sequence[Call]) -> list[TripStop]:
    """Put whole orders into an empty trip (locked), in the sequence of the calls; a fixed number of statements.

    Raises: InvalidData (an order is gone or lacks a stop), Conflict (an order is taken).
    """
    orders = {order.pk: order for order in trip_assignment.claim_for_trip({call.order_id for call in calls}, actor=actor)}
    TripOrder.objects.filter(order_id__in=orders, is_live=False, trip=trip).delete()
    TripOrder.objects.bulk_create(TripOrder(trip=trip, order=order) for order in orders.values())
    rows = TripStop.objects.bulk_create(
        TripStop(
            trip=trip,
            stop_id=getattr(orders[call.order_id], f"{call.kind}_stop_id"),
            order_id=call.order_id,
            sequence=number,
            planned_arrival_time=call.due.time(),
            planned_arrival_date=itinerary.day_to_name(trip.planned_start, call.due),
        )
        for number, call in enumerate(calls, start=1)
    )
    _mark_driver_unnotified(trip)
    return rows


@transaction.atomic
def add_stop(
    *,
    actor: User,
    trip_id: int,
    stop: StopInput,
    sequence: int | None = None,
    planned_arrival_time: dt.time | None = None,
    planned_arrival_date: dt.date | None = None,
    notes: str = "",
) -> TripStop:
    """Add one stop at `sequence`, shifting the others up; an order's stop only with its pair.

    Raises: NotFound, Forbidden, InvalidData (half a journey or location, delivery first), Conflict (closed, already there).
    """
    trip = lock_trip(actor, trip_id, must_be_open=True)
    order = _order_of(stop.stop)
    if order is not None and stop.stop is not None:
        sequence = _place_beside_pair(trip, order, stop.stop, sequence)
    row = _stop_for(trip, stop, order)
    ids = _ids(trip)
    added = TripStop.objects.create(
        trip=trip,
        stop=row,
        order=order,
        sequence=len(ids) + 1,
        planned_arrival_time=planned_arrival_time,
        planned_arrival_date=planned_arrival_date,
        notes=notes,
    )
    index = sequencing.insertion_index(len(ids), sequence)
    _arrange(trip, [*ids[:index], added.pk, *ids[index:]])
    _mark_driver_unnotified(trip)
    return added


@transaction.atomic
def update_stop(
    *,
    actor: User,
    trip_stop_id: int,
    trip: Trip | None = None,
    stop: StopInput | None = None,
    sequence: int | None = None,
    is_completed: bool | None = None,
    failed: bool | None = None,
    failure_reason: str | None = None,
    **fields: Any,
) -> TripStop:
    """Change a stop in its trip; unchanged values have no effect.

    A stop that failed is closed without being done, and so is the other one of its order where it is still open.
    Raises: NotFound, Forbidden, InvalidData (another trip or order, half a location, delivery first, both completed and
    failed), Conflict (trip closed, the order has left the trip).
    """
    if is_completed and failed:
        raise InvalidData(fields={"failed": ["A stop that failed is not completed."]})
    held, row = _lock_row(actor, trip_stop_id)
    if trip is not None and trip.pk != held.pk:
        raise InvalidData(fields={"trip": ["A trip stop stays in its trip."]})
    changed = {name: value for name, value in fields.items() if getattr(row, name) != value}
    if changed.keys() & {"planned_arrival_time", "planned_arrival_date"}:
        changed |= ON_TIME  # alarms were about the earlier due time
    for name, value in changed.items():
        setattr(row, name, value)
    before = row.stop
    if stop is not None and _change_place(held, row, stop):
        changed["stop"] = row.stop
    if changed:
        require_open(held)
        row.save(update_fields=[*changed, "updated_at"])
    if "stop" in changed:
        discard_stops(before)
    if sequence is not None and sequence != row.sequence and _move_row(held, row, sequence):
        changed["sequence"] = sequence
    if changed:
        _mark_driver_unnotified(held)
    record_outcome(held, row, actor=actor, is_completed=is_completed, failed=failed, failure_reason=failure_reason)
    return row


@transaction.atomic
def delete_stop(*, actor: User, trip_stop_id: int) -> None:
    """Take one stop out and close the gap; an order is given back once neither of its stops is left.

    Raises: NotFound, Forbidden, Conflict (trip closed).
    """
    trip, row = _lock_row(actor, trip_stop_id)
    require_open(trip)
    order_id, stop = row.order_id, row.stop
    forget_proofs([row.pk])
    row.delete()
    _store_sequence(trip, _ids(trip))
    if order_id is None:
        discard_stops(stop)
    elif not TripStop.objects.filter(trip=trip, order_id=order_id).exists():
        held = TripOrder.objects.filter(trip=trip, order_id=order_id)
        if held.live().exists():  # another trip may have it by now
            trip_assignment.release_from_trip([order_id], actor=actor)
        held.delete()
    _mark_driver_unnotified(trip)


@transaction.atomic
def remove_order(*, actor: User, trip_id: int, order_id: int) -> None:
    """Take an order with both its stops out of a trip; it is pending again.

    Raises: NotFound, Forbidden, Conflict (trip closed).
    """
    trip = lock_trip(actor, trip_id, must_be_open=True)
    rows = list(TripStop.objects.filter(trip=trip, order_id=order_id).values_list("pk", flat=True))
    if not rows:
        raise NotFound(_("Order"))
    for trip_stop_id in rows:
        delete_stop(actor=actor, trip_stop_id=trip_stop_id)


@transaction.atomic
def reorder_stops(*, actor: User, trip_id: int, numbers: Sequence[tuple[int, int]]) -> None:
    """Sort the named stops (id, number) among the places that they held.

    Raises: NotFound, Forbidden, InvalidData (foreign or repeated id, repeated number, delivery first), Conflict.
    """
    trip = lock_trip(actor, trip_id, must_be_open=True)
    present = _ids(trip)
    try:
        wanted = sequencing.reordered(present, numbers)
    except sequencing.ReorderError as error:
        raise InvalidData(fields={"orders": [str(error)]}) from error
    if wanted != present:
        _arrange(trip, wanted)
        _mark_driver_unnotified(trip)


# --- Rows ------------------------------------------------------------------------------------------------------------------
def _lock_row(actor: User, trip_stop_id: int) -> tuple[Trip, TripStop]:
    """Lock a stop's trip, then read the stop."""
    rows = TripStop.objects.visible_to(actor).filter(pk=trip_stop_id)
    trip_id = rows.values_list("trip_id", flat=True).first()
    if trip_id is None:
        raise NotFound(_("Trip stop"))
    trip = lock_trip(actor, trip_id)
    row = TripStop.objects.select_related("stop", "order").filter(pk=trip_stop_id, trip=trip).first()
    if row is None:
        raise NotFound(_("Trip stop"))
    return trip, row


def _ids(trip: Trip) -> list[int]:
    return list(TripStop.objects.filter(trip=trip).order_by("sequence").values_list("pk", flat=True))


def _mark_driver_unnotified(trip: Trip) -> None:
    """The driver has not been notified of these stops; a mail being sent no longer counts as a notification."""
    trip.driver_notified, trip.notify_claimed_at = False, None
    Trip.objects.filter(pk=trip.pk).update(driver_notified=False, notify_claimed_at=None, updated_at=timezone.now())
    trip_changed(trip.pk, trip.company_id)


def _arrange(trip: Trip, ids: Sequence[int]) -> None:
    """Store a sequence unless it delivers before it picks up. Raises: InvalidData."""
    halves = TripStop.objects.filter(trip=trip, order__isnull=False).values_list("pk", "order_id", "stop__stop_type")
    of_stop = {pk: (order_id, half) for pk, order_id, half in halves}
    backward = sequencing.backward_orders(of_stop[pk] for pk in ids if pk in of_stop)
    if backward:
        number = Order.objects.values_list("order_number", flat=True).get(pk=backward[0])
        raise InvalidData(
            format_lazy(_("The delivery of order {number} cannot come before its pickup."), number=number),
            code="delivery_before_pickup",
            fields={"sequence": [format_lazy(_("Delivery of {number} before its pickup."), number=number)]},
        )
    _store_sequence(trip, ids)


def _store_sequence(trip: Trip, ids: Sequence[int]) -> None:
    """Number the stops 1…n in two steps, so that no row ever takes a number that another still has."""
    rows = TripStop.objects.filter(trip=trip)
    numbers = sequencing.renumbering(ids, dict(rows.values_list("pk", "sequence")))
    if not numbers:
        return
    cases = [When(pk=pk, then=Value(-number)) for pk, number in numbers.items()]
    rows.filter(pk__in=numbers).update(sequence=Case(*cases), updated_at=timezone.now())
    rows.filter(sequence__lt=0).update(sequence=-F("sequence"))


# --- What may come in --------------------------------------------------------------------------------------------------------
def _order_of(stop: Stop | None) -> Order | None:
    if stop is None:
        return None
    return Order.objects.filter(pickup_stop=stop).first() or Order.objects.filter(delivery_stop=stop).first()


def _place_beside_pair(trip: Trip, order: Order, stop: Stop, sequence: int | None) -> int | None:
    """Accept one stop of an order only with the other one; a pickup without a place goes right before its delivery."""
    half, other = (PICKUP, DELIVERY) if stop.pk == order.pickup_stop_id else (DELIVERY, PICKUP)
    there = dict(TripStop.objects.filter(trip=trip, order=order).values_list("stop_id", "sequence"))
    if stop.pk in there:
        raise Conflict(f"The {half} stop of order {order.order_number} is already in the trip", code="stop_in_trip")
    if not there:
        raise InvalidData(
            f"Cannot add {half} stop for order {order.order_number} without also including its {other} stop. "
            "Trips must contain complete order journeys (both pickup and delivery).",
            code="incomplete_journey",
        )
    return min(there.values()) if sequence is None and half == PICKUP else sequence


def _leave_failed_trip(order: Order, actor: User) -> None:
    """Take an order out of the open trip in which one of its stops failed; nothing where none did."""
    list(Order.objects.select_for_update().filter(pk=order.pk).values_list("pk"))
    if release_failed_order(order_id=order.pk):
        trip_assignment.release_from_trip([order.pk], actor=actor)
        order.refresh_from_db(fields=["status", "is_in_trip"])


def _detach_earlier_visits(trip: Trip, order: Order) -> None:
    """Detach the stops of an order that left this very trip before, so that it can be added again."""
    if not TripOrder.objects.filter(trip=trip, order=order, is_live=False).exists():
        return
    for row in TripStop.objects.filter(trip=trip, order=order).select_related("stop"):
        row.stop, row.order = copy_stop(row.stop, company_id=trip.company_id), None
        row.save(update_fields=["stop", "order", "updated_at"])
    TripOrder.objects.filter(trip=trip, order=order, is_live=False).delete()


def _leave_old_trips(order: Order) -> None:
    """Let the closed trips of the company that an order has left keep copies of its places, and no link to it."""
    rows = TripStop.objects.filter(order=order).select_related("stop", "trip")
    for row in rows:
        row.stop, row.order = copy_stop(row.stop, company_id=row.trip.company_id), None
        row.save(update_fields=["stop", "order", "updated_at"])
        board_changed(row.trip.company_id, "trips")
    TripOrder.objects.filter(order=order, is_live=False).delete()


def _stop_for(trip: Trip, sent: StopInput, order: Order | None) -> Stop:
    """Return the row to visit: an order's own, a stop of the company, a copy of another company's, or a new one."""
    if sent.stop is not None:
        foreign = order is None and sent.stop.company_id != trip.company_id
        return copy_stop(sent.stop, company_id=trip.company_id) if foreign else sent.stop
    require_stop(sent.fields, called="stop")
    return create_stop(company_id=trip.company_id, **sent.fields)


def _change_place(trip: Trip, row: TripStop, sent: StopInput) -> bool:
    """Change the visited stop in place, or visit another one. Returns whether the row visits another one."""
    if sent.stop is not None and sent.stop.pk != row.stop_id:
        require_open(trip)
        order = _order_of(sent.stop)
        if row.order_id is not None or order is not None:
            raise InvalidData(fields={"stop": ["A stop of an order stays as it is; remove it and add the other one."]})
        row.stop = _stop_for(trip, sent, None)
        return True
    content = {name: value for name, value in sent.fields.items() if row.order_id is None or name != "stop_type"}
    if any(getattr(row.stop, name) != value for name, value in content.items()):
        require_open(trip)
        # Locks in the fixed order: orders before their stops.
        list(Order.objects.select_for_update().filter(pk__in=[row.order_id]).values_list("pk"))
        require_stop(content, called="stop", before=row.stop)
        if change_stop(row.stop, content):  # which marks the notification as out of date
            trip_changed(trip.pk, trip.company_id)
    return False


def _move_row(trip: Trip, row: TripStop, sequence: int) -> bool:
    ids = _ids(trip)
    wanted = sequencing.moved(ids, row.pk, sequence)
    if wanted == ids:
        return False
    require_open(trip)
    _arrange(trip, wanted)
    return True
