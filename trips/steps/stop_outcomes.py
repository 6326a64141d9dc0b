"""What became of a stop: done, failed, or open again. The caller holds the lock on its trip."""

from __future__ import annotations

import datetime as dt

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from depannini_dashmap.lib.errors import Conflict
from orders.models import Order
from orders.steps import trip_assignment
from trips.lifecycle import UNDELIVERED
from trips.models import Trip, TripOrder, TripStop
from trips.sequencing import DELIVERY
from trips.steps.proofs import forget_proofs
from trips.steps.trips import closed_error, note_work

TIMES = ("actual_arrival_datetime", "actual_departure_datetime", "arrival_is_suggested")
A_MOMENT = dt.timedelta(microseconds=1)


def record_outcome(
    trip: Trip,
    row: TripStop,
    *,
    actor: User | None,
    is_completed: bool | None = None,
    failed: bool | None = None,
    failure_reason: str | None = None,
    at: dt.datetime | None = None,
) -> None:
    """Close a stop of a (locked) trip as done or failed, or open it again; its present state again has no effect.

    Nobody is the actor where a link acts; `at` is when it was done, if that was not now. What proved a failure proves nothing
    after it, and the other way round. Raises: Conflict (trip closed, the order has left the trip).
    """
    if is_completed and row.failed:
        failed = False
    if failed and row.is_completed:
        is_completed = False
        forget_proofs([row.pk])
    if is_completed is not None and is_completed != row.is_completed and not is_completed:
        _complete(trip, row, is_completed, actor, at)
    reason = row.failure_reason if failure_reason is None else failure_reason
    wanted = row.failed if failed is None else failed
    if wanted != row.failed or (wanted and reason != row.failure_reason):
        _fail(trip, row, wanted, reason, at)
    if is_completed and not row.is_completed:
        _complete(trip, row, is_completed, actor, at)


def lock_times(row: TripStop) -> None:
    """Lock a stop of a (locked) trip, and read its times again: positions change them without the trip's lock."""
    row.refresh_from_db(fields=TIMES, from_queryset=TripStop.objects.select_for_update(no_key=True))


def require_open(trip: Trip) -> None:
    """Let an open trip pass. Raises: Conflict."""
    if trip.is_closed:
        raise closed_error(trip)


def _fail(trip: Trip, row: TripStop, failed: bool, reason: str, at: dt.datetime | None) -> None:
    """Close a stop that failed, or open it again; the other one of its order goes with it unless it was completed.

    Another reason for the same failure moves no time.
    """
    require_open(trip)
    _require_held(trip, row)
    now = timezone.now()
    row.failed_at = (row.failed_at or at or now) if failed else None
    row.failed, row.failure_reason = failed, reason if failed else ""
    together = _together(trip, row).filter(is_completed=False)
    if not failed:
        forget_proofs(together.values("pk"))
    together.update(failed=failed, failed_at=row.failed_at, failure_reason=row.failure_reason, updated_at=now)
    note_work(trip)


def _together(trip: Trip, row: TripStop) -> QuerySet[TripStop]:
    """Return the stops that fail together: both of an order."""
    return TripStop.objects.filter(trip=trip, order_id=row.order_id) if row.order_id else TripStop.objects.filter(pk=row.pk)


def _require_held(trip: Trip, row: TripStop) -> None:
    """Let a stop of an order pass that the trip still holds. Raises: Conflict."""
    if row.order_id is None:
        return
    list(Order.objects.select_for_update().filter(pk=row.order_id).values_list("pk"))
    if not TripOrder.objects.live().filter(trip=trip, order_id=row.order_id).exists():
        raise Conflict("The order of this stop has left the trip", code="order_left_trip")


def _complete(trip: Trip, row: TripStop, is_completed: bool, actor: User | None, at: dt.datetime | None) -> None:
    """Stamp a stop as done, or take that back; the order follows its delivery stop."""
    require_open(trip)
    _require_held(trip, row)
    lock_times(row)
    if is_completed:
        left = at or timezone.now()
        known = row.known_arrival
        if known is None:  # passing by was no arrival, and going on no departure
            row.actual_departure_datetime = None
        row.actual_arrival_datetime = known or left
        # Later than an arrival that was known before, so that it stays if the tap is taken back.
        row.actual_departure_datetime = row.actual_departure_datetime or (max(left, known + A_MOMENT) if known else left)
        row.arrival_is_suggested = False
    else:
        # An arrival recorded before the tap is a fact; one created by the tap is removed with it.
        if row.actual_arrival_datetime == row.actual_departure_datetime:
            row.actual_arrival_datetime = None
        row.actual_departure_datetime = None
    row.is_completed = is_completed
    row.save(update_fields=["is_completed", *TIMES, "updated_at"])
    note_work(trip)
    if row.order_id is None:
        return
    if row.stop.stop_type == DELIVERY and is_completed:
        trip_assignment.set_status_from_trip([row.order_id], Order.Status.DELIVERED, actor=actor)
    elif row.stop.stop_type == DELIVERY:
        trip_assignment.undo_delivery([row.order_id], UNDELIVERED[trip.status], actor=actor)
    elif is_completed and trip.status == Trip.Status.IN_PROGRESS:
        # An order that came into a running trip is on its way once it is loaded.
        trip_assignment.set_status_from_trip([row.order_id], Order.Status.IN_TRANSIT, actor=actor)
