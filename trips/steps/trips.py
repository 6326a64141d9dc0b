"""Locking a trip, and the orders that it holds."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import require_editor
from depannini_dashmap.lib.errors import Conflict, NotFound
from fleet.events import board_changed
from trips.events import trip_changed
from trips.lifecycle import FAILED, OPEN, STEPS
from trips.models import Trip, TripOrder, TripStop

ON_TIME = {"late_min": 0, "late_told_min": 0}  # of a stop whose due time is a new one


def lock_trip(actor: User, trip_id: int, *, must_be_open: bool = False) -> Trip:
    """Lock a trip that the actor may change. Raises: NotFound, Forbidden, Conflict (closed, where that matters)."""
    trip = Trip.objects.visible_to(actor).select_for_update(no_key=True, of=("self",)).filter(pk=trip_id).first()
    if trip is None:
        raise NotFound(_("Trip"))
    require_editor(actor, trip.company_id)
    if must_be_open and trip.is_closed:
        raise closed_error(trip)
    return trip


def note_work(trip: Trip) -> None:
    """Note that something was done in a (locked) trip, and hint to the boards."""
    Trip.objects.filter(pk=trip.pk).update(updated_at=timezone.now())
    trip_changed(trip.pk, trip.company_id)


def closed_error(trip: Trip) -> Conflict:
    """Say that a closed trip does not change."""
    return Conflict(
        format_lazy(_("The trip is {status}"), status=STEPS.word(trip.status)),
        code="trip_closed",
        current_status=trip.status,
    )


def status_of_trip_holding(*, order_id: int) -> str | None:
    """Return the status of the trip that holds an order, `failed` where one of its stops there failed, None when none does."""
    held = TripOrder.objects.live().filter(order_id=order_id)
    row = held.annotate(has_failed=Exists(_failed_stops())).values_list("trip__status", "has_failed").first()
    return None if row is None else FAILED if row[1] and row[0] in OPEN else row[0]


def release_failed_order(*, order_id: int) -> bool:
    """Let an order (locked) leave the open trip in which one of its stops failed. Returns whether it was so.

    The stops stay in the trip as its history.
    """
    held = TripOrder.objects.live().filter(Exists(_failed_stops()), order_id=order_id, trip__status__in=OPEN)
    company_id = held.values_list("trip__company_id", flat=True).first()
    if company_id is None or not TripOrder.objects.filter(pk__in=held.values("pk")).update(is_live=False):
        return False
    board_changed(company_id, "trips")
    return True


def _failed_stops() -> QuerySet[TripStop]:
    return TripStop.objects.filter(trip_id=OuterRef("trip_id"), order_id=OuterRef("order_id"), failed=True)
