"""One trip's open stops: the times that a sequence of them yields, and the best sequence. Completed stops stay where they are."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.models import User
from accounts.permissions import require_editor
from depannini_dashmap.lib.errors import NotFound
from trips.models import Trip
from trips.open_stops_problem import Evaluation, OpenStops, rows_of
from trips.services.stop_lists import reorder_stops
from trips.steps.trips import closed_error


def evaluate(*, actor: User, trip_id: int, stop_ids: Sequence[int]) -> Evaluation:
    """Put the open stops in this order on the clock; those that are not named follow in their present order.

    Raises: NotFound, InvalidData (an id that is not an open stop of the trip, or is there twice).
    """
    trip = _visible(actor, trip_id)
    work = OpenStops(trip, rows_of(trip))
    return work.evaluation(work.order_of(stop_ids))


def resequence(*, actor: User, trip_id: int, dry_run: bool) -> Evaluation:
    """Find the best order of the open stops, and store it unless `dry_run`.

    Where no order keeps every window the shortest one is taken, and the answer names what it breaks.
    Raises: NotFound, Forbidden, Conflict (the trip is closed), PlanFailed.
    """
    trip = _visible(actor, trip_id)
    require_editor(actor, trip.company_id)
    if trip.is_closed:
        raise closed_error(trip)
    work = OpenStops(trip, rows_of(trip))
    best = work.best_order()
    if not dry_run and best != [row.pk for row in work.open_rows]:
        numbers = [(pk, number) for number, pk in enumerate(best, start=1)]
        reorder_stops(actor=actor, trip_id=trip.pk, numbers=numbers)
    return work.evaluation(best)


def _visible(actor: User, trip_id: int) -> Trip:
    trip = Trip.objects.visible_to(actor).select_related("vehicle__latest_position", "company").filter(pk=trip_id).first()
    if trip is None:
        raise NotFound("Trip")
    return trip
