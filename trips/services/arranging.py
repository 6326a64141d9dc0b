"""Save what a dispatcher arranged in lanes: orders into trips, out of them, from one to another, and the order of stops.

Runs that exchange orders are saved together, all or nothing; the others each on its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from depannini_dashmap.lib.errors import Conflict, DomainError, InvalidData
from fleet.models import Vehicle
from orders.models import Order
from trips import itinerary
from trips.arrangement_preview import OWN, Lane, Run, StopRef, due_times, evaluate_lane, held_rows, read_lanes, ref_of
from trips.lifecycle import DRAFT, PLANNED
from trips.models import Trip, TripStop
from trips.services.stop_lists import add_order, remove_order, reorder_stops
from trips.services.trips import create_trip, update_trip
from trips.steps.trips import ON_TIME, lock_trip

Due = Mapping[StopRef, dt.datetime]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run: the trip, or why it was not saved. `is_changed` where the trip differs from before."""

    run: Run
    trip_id: int | None = None
    is_changed: bool = False
    error: DomainError | None = None


def arrange(*, actor: User, runs: Sequence[Run]) -> list[Outcome]:
    """Save runs, in groups of those that exchange orders; a refusal spoils its group alone. Trips that were drafts are planned then.

    Times at which stops are due become those of the run on the clock. Errors: NotFound, Forbidden, InvalidData (half an
    order, delivery first, two lanes with one order), Conflict (`trip_changed` since it was looked at, trip closed, order
    taken, goods on board of another vehicle).
    """
    lanes = read_lanes(actor=actor, runs=runs)
    due = {lane.run.key: due_times(*evaluate_lane(lane)) for lane in lanes if lane.refusal is None and lane.wanted}
    outcomes: dict[str, Outcome] = {}
    for group in _groups(lanes):
        members = [lane.run for lane in group]
        try:
            outcomes |= {row.run.key: row for row in arrange_together(actor=actor, runs=members, due=due)}
        except DomainError as error:
            outcomes |= {run.key: Outcome(run, run.trip_id, error=error) for run in members}
    return [outcomes[run.key] for run in runs]


@transaction.atomic
def arrange_together(*, actor: User, runs: Sequence[Run], due: Mapping[str, Due]) -> list[Outcome]:
    """Save runs, all or none; `due` is when their stops are due. Raises: as `arrange`."""
    made = {run.key: _make_trip(actor, run).pk for run in sorted(runs, key=lambda run: run.vehicle_id) if run.trip_id is None}
    for run in sorted(runs, key=lambda run: run.trip_id or 0):
        if run.trip_id is not None:
            lock_trip(actor, run.trip_id, must_be_open=True)
    lanes = read_lanes(actor=actor, runs=[replace(run, trip_id=run.trip_id or made[run.key]) for run in runs])
    for lane in lanes:
        if lane.run.key not in made and lane.trip is not None and lane.version != lane.run.version:
            raise _changed(lane.trip)
        if lane.refusal is not None:
            raise lane.refusal
    _lock_orders(lanes)
    for lane in lanes:
        for order_id in lane.leaving:
            remove_order(actor=actor, trip_id=lane.run.trip_id or 0, order_id=order_id)
    return [_store(actor, lane, due.get(lane.run.key, {}), is_new=lane.run.key in made) for lane in lanes]


def _lock_orders(lanes: Sequence[Lane]) -> None:
    """Lock all orders that move, by id: lanes lock them one by one later, which alone would let two savers wait for each other."""
    ids = {order_id for lane in lanes for order_id in (*lane.leaving, *lane.coming)}
    list(Order.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))


def _changed(trip: Trip) -> Conflict:
    return Conflict(
        format_lazy(_("{name} was changed by somebody else meanwhile. What you arranged is kept: look at it, then save again."), name=trip.name),
        code="trip_changed",
        trip=trip.pk,
    )


def _make_trip(actor: User, run: Run) -> Trip:
    vehicle = Vehicle.objects.visible_to(actor).alive().filter(pk=run.vehicle_id).first()
    if vehicle is None or run.starts_at is None:
        raise InvalidData(fields={"vehicle": [_("Unknown id.")]})
    day, start = run.starts_at.date(), run.starts_at.time()
    return create_trip(
        actor=actor, vehicle=vehicle, name=f"{day:%d/%m} {vehicle.license_plate}", planned_start_date=day, planned_start_time=start
    )


def _store(actor: User, lane: Lane, due: Due, *, is_new: bool) -> Outcome:
    """Bring orders in, sort the open stops, write when they are due, and take a draft on to planned."""
    trip_id = lane.run.trip_id or 0
    is_changed = is_new or lane.is_changed
    for order in lane.coming.values():
        order.refresh_from_db(fields=["status", "is_in_trip", "company"])
        add_order(actor=actor, trip_id=trip_id, order=order)
    if lane.wanted:
        rows = {ref_of(row): row for row in _rows(trip_id) if not row.is_closed}
        wanted = [rows[ref] for ref in (ref_of(row) for row in lane.wanted) if ref in rows]
        reorder_stops(actor=actor, trip_id=trip_id, numbers=[(row.pk, number) for number, row in enumerate(wanted, start=1)])
        if is_changed:
            _store_due_times([(row, due[ref_of(row)]) for row in wanted if ref_of(row) in due])
    if lane.trip is not None and lane.trip.status == DRAFT and (lane.wanted or is_new):
        update_trip(actor=actor, trip_id=trip_id, status=PLANNED)
    return Outcome(lane.run, trip_id, is_changed)


def _rows(trip_id: int) -> list[TripStop]:
    rows = TripStop.objects.filter(trip_id=trip_id).annotate(is_held=held_rows()).select_related("stop", "trip")
    return list(rows.order_by("sequence"))


def _store_due_times(times: Sequence[tuple[TripStop, dt.datetime]]) -> None:
    """Write when stops are due; alarms were about the due times of before."""
    changed = []
    for row, at in times:
        due = at.time(), itinerary.day_to_name(row.trip.planned_start, at)
        if due != (row.planned_arrival_time, row.planned_arrival_date):
            row.planned_arrival_time, row.planned_arrival_date = due
            row.updated_at, row.late_min, row.late_told_min = timezone.now(), *ON_TIME.values()
            changed.append(row)
    TripStop.objects.bulk_update(changed, ["planned_arrival_time", "planned_arrival_date", "updated_at", *ON_TIME])


def _groups(lanes: Sequence[Lane]) -> list[list[Lane]]:
    """Put lanes together that exchange orders, directly or by others. An order that two lanes want puts them together, too."""
    groups: list[tuple[set[int | str], list[Lane]]] = []
    for lane in lanes:
        names: set[int | str] = {f"order {ref.id}" for ref in lane.run.refs if ref.kind != OWN}
        names |= {f"order {order_id}" for order_id in lane.leaving} | {lane.run.trip_id or lane.run.key} | lane.sources
        members = [lane]
        rest = []
        for theirs, others in groups:
            if theirs & names:
                names |= theirs
                members = [*others, *members]
            else:
                rest.append((theirs, others))
        groups = [*rest, (names, members)]
    return [members for _names, members in groups]
