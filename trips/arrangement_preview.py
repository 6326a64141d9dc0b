"""What trips would be if they visited other stops, or theirs in another order: read, checked, put on the clock; nothing is stored."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from depannini_dashmap.lib.errors import Conflict, DomainError, InvalidData, NotFound
from fleet.models import Vehicle
from orders.lifecycle import JOURNEY_STEPS
from orders.models import Order
from trips import sequencing
from trips.lifecycle import OPEN
from trips.models import Trip, TripOrder, TripStop
from trips.open_stops_problem import Evaluation, OpenStops
from trips.sequencing import DELIVERY, PICKUP
from trips.steps.trips import closed_error

OWN = "stop"


class StopRef(NamedTuple):
    """A stop of an arrangement: the `pickup` or `delivery` of the order `id`, or the trip stop `id` that is of no order (`stop`)."""

    kind: str
    id: int


@dataclass(frozen=True, slots=True)
class Run:
    """What a trip is to visit from now on, in order; without `trip_id` a new trip of the vehicle, which begins at `starts_at`.

    `key` is the caller's name for it. `version` is that of the trip when the caller looked at it; times are wall-clock.
    """

    key: str
    vehicle_id: int
    refs: tuple[StopRef, ...]
    trip_id: int | None = None
    version: str = ""
    starts_at: dt.datetime | None = None


@dataclass
class Lane:
    """A run with its rows: `rows` are the trip's as they are, `wanted` the open ones as they would be; new ones have ids below zero."""

    run: Run
    trip: Trip | None
    rows: list[TripStop] = field(default_factory=list)
    wanted: list[TripStop] = field(default_factory=list)
    coming: dict[int, Order] = field(default_factory=dict)
    leaving: list[int] = field(default_factory=list)
    refusal: DomainError | None = None
    sources: set[int] = field(default_factory=set)

    @property
    def version(self) -> str:
        """What the trip visits at present, as a word that changes with it."""
        return version_of((row.pk for row in self.rows), self.trip)

    @property
    def is_changed(self) -> bool:
        """Whether the run differs from the trip."""
        return [row.pk for row in self.wanted] != [row.pk for row in self.rows if not row.is_closed]


def version_of(stop_ids: Iterable[int], trip: Trip | None) -> str:
    """Return a word that changes with the stops of a trip, their order, its vehicle and its start; not with what was done."""
    start = trip and (trip.vehicle_id, trip.planned_start_date.isoformat(), trip.planned_start_time.isoformat())
    return hashlib.sha256(repr((list(stop_ids), start)).encode()).hexdigest()[:16]


def held_rows() -> Exists:
    """Annotate trip stops: whether the trip holds their order now; others are history and stand for themselves."""
    return Exists(TripOrder.objects.live().filter(trip_id=OuterRef("trip_id"), order_id=OuterRef("order_id")))


def ref_of(row: TripStop) -> StopRef:
    """Return how an arrangement names a stop that was read with `held_rows` as `is_held`."""
    if row.order_id is None or not row.is_held:  # type: ignore[attr-defined]
        return StopRef(OWN, row.pk)
    return StopRef(row.stop.stop_type, row.order_id)


def read_lanes(*, actor: User, runs: Sequence[Run]) -> list[Lane]:
    """Read runs in a fixed number of queries; what the rules refuse of one is its `refusal`."""
    trip_ids = {run.trip_id for run in runs if run.trip_id}
    order_ids = {ref.id for run in runs for ref in run.refs if ref.kind != OWN}
    trips = {row.pk: row for row in Trip.objects.visible_to(actor).filter(pk__in=trip_ids).select_related("vehicle__latest_position", "company")}
    wanted = {run.vehicle_id for run in runs if run.trip_id is None}
    vehicles = {row.pk: row for row in Vehicle.objects.visible_to(actor).alive().filter(pk__in=wanted).select_related("company")}
    rows = list(
        TripStop.objects.visible_to(actor)
        .annotate(is_held=held_rows())
        .filter(Q(trip_id__in=trip_ids) | Q(order_id__in=order_ids, is_held=True, trip__status__in=OPEN))
        .select_related("stop", "trip__vehicle", "order__pickup_stop", "order__delivery_stop")
        .order_by("trip_id", "sequence")
    )
    orders = {row.order.pk: row.order for row in rows if row.order is not None}
    missing = order_ids - orders.keys()
    orders |= {row.pk: row for row in Order.objects.visible_to(actor).with_stops().filter(pk__in=missing)}
    lanes = []
    for run in runs:
        trip = trips.get(run.trip_id) if run.trip_id else _new_trip(run, vehicles.get(run.vehicle_id))
        lane = Lane(run, trip, [row for row in rows if row.trip_id == run.trip_id] if run.trip_id else [])
        try:
            _fill(lane, orders, [row for row in rows if row.trip_id != run.trip_id])
        except DomainError as error:
            lane.refusal = error
        lanes.append(lane)
    return lanes


def evaluate_lane(lane: Lane) -> tuple[Evaluation, dict[StopRef, int]]:
    """Put a lane's open stops on the clock; also, by stop, the place of its call in the schedule."""
    assert lane.trip is not None
    work = OpenStops(lane.trip, lane.wanted, visited=lane.rows)
    found = work.evaluation([row.pk for row in lane.wanted])
    refs = {row.pk: ref_of(row) for row in lane.wanted}
    return found, {refs[pk]: place for place, pk in enumerate(found.ids) if pk is not None}


def due_times(found: Evaluation, places: dict[StopRef, int]) -> dict[StopRef, dt.datetime]:
    """Return when each stop begins, rounded up to the minute; nothing where some way is not known."""
    if any(row.code == "no_way" for row in found.schedule.violations):
        return {}
    calls = [found.schedule.calls[place] for place in places.values()]
    begins = (found.clock.wall(-(-(call.arrival + call.wait) // 60) * 60) for call in calls)
    return dict(zip(places, begins, strict=True))


# --- Rules -----------------------------------------------------------------------------------------------------------------
def _new_trip(run: Run, vehicle: Vehicle | None) -> Trip | None:
    if vehicle is None or run.starts_at is None:
        return None
    start = run.starts_at
    return Trip(vehicle=vehicle, company=vehicle.company, planned_start_date=start.date(), planned_start_time=start.time())


def _fill(lane: Lane, orders: dict[int, Order], elsewhere: list[TripStop]) -> None:
    """Find the rows that a run wants. Raises: what the rules refuse."""
    if lane.trip is None:
        raise NotFound(_("Trip") if lane.run.trip_id else _("Vehicle"))
    if lane.trip.is_closed:
        raise closed_error(lane.trip)
    present = {ref_of(row): row for row in lane.rows}
    numbers = count(-1, -1)
    if len(set(lane.run.refs)) < len(lane.run.refs):
        raise InvalidData(_("A stop is named twice."))
    for ref in lane.run.refs:
        row = present.get(ref)
        if row is not None and row.is_closed:
            continue  # done meanwhile: it stays where it is
        lane.wanted.append(row or _coming_row(lane, ref, orders, next(numbers)))
    named = set(lane.run.refs)
    lane.wanted += [row for ref, row in present.items() if ref.kind == OWN and ref not in named and not row.is_closed]
    left = {ref.id for ref, row in present.items() if ref.kind != OWN and not row.is_closed and not _is_named(ref.id, named)}
    lane.leaving = sorted(left)
    _require_whole(lane)
    _require_free(lane, elsewhere)
    _require_sequence(lane)


def _is_named(order_id: int, named: set[StopRef]) -> bool:
    return StopRef(PICKUP, order_id) in named or StopRef(DELIVERY, order_id) in named


def _coming_row(lane: Lane, ref: StopRef, orders: dict[int, Order], number: int) -> TripStop:
    order = orders.get(ref.id) if ref.kind in (PICKUP, DELIVERY) else None
    if order is None or lane.trip is None:
        raise InvalidData(_("A stop is no longer there."))
    if order.company_id != lane.trip.company_id:
        raise InvalidData(format_lazy(_("Order {number} belongs to another company."), number=order.order_number))
    if not order.is_carriable:
        raise InvalidData(format_lazy(_("Order {number} needs both a pickup and a delivery stop"), number=order.order_number))
    lane.coming[order.pk] = order
    row = TripStop(pk=number, order=order, stop=order.pickup_stop if ref.kind == PICKUP else order.delivery_stop)
    row.is_held = True  # type: ignore[attr-defined]
    return row


def _require_whole(lane: Lane) -> None:
    """Let orders pass that come in with both stops, or keep all their open ones."""
    asked = set(lane.run.refs)
    for row in lane.rows:
        ref = ref_of(row)
        if ref.kind != OWN and not row.is_closed and ref not in asked and ref.id not in lane.leaving:
            raise InvalidData(format_lazy(_("Order {number} needs both a pickup and a delivery stop"), number=_number(row)))
    for order in lane.coming.values():
        if not {StopRef(PICKUP, order.pk), StopRef(DELIVERY, order.pk)} <= asked:
            raise InvalidData(format_lazy(_("Order {number} needs both a pickup and a delivery stop"), number=order.order_number))


def _require_free(lane: Lane, elsewhere: list[TripStop]) -> None:
    """Let orders pass whose goods are on no vehicle yet, and that no closed journey holds."""
    moving = [row for row in lane.rows if row.order_id in lane.leaving and ref_of(row).kind != OWN]
    moving += [row for row in elsewhere if row.order_id in lane.coming]
    for row in moving:
        if row.is_completed or (row.has_arrived and not row.failed):
            plate = row.trip.vehicle.license_plate
            raise Conflict(format_lazy(_("The goods of {number} stay with {plate}: it has been there."), number=_number(row), plate=plate), code="goods_on_board")
    lane.sources = {row.trip_id for row in elsewhere if row.order_id in lane.coming}
    held = {row.order_id for row in elsewhere}
    for order in lane.coming.values():
        if order.pk not in held and not order.is_available_for_trip:
            reason = _("Order {number} is already in a trip") if order.is_in_trip else _("Order {number} is {status}")
            raise Conflict(format_lazy(reason, number=order.order_number, status=JOURNEY_STEPS.word(order.status)), code="order_not_available")


def _require_sequence(lane: Lane) -> None:
    """Let an order of stops pass that picks up before it delivers, and begins where the vehicle stands."""
    refs = [ref_of(row) for row in lane.wanted]
    backward = sequencing.backward_orders((ref.id, ref.kind) for ref in refs if ref.kind != OWN)
    if backward:
        number = next(_number(row) for row in lane.wanted if row.order_id == backward[0])
        raise InvalidData(format_lazy(_("The delivery of order {number} cannot come before its pickup."), number=number), code="delivery_before_pickup")
    here = [row.has_arrived for row in lane.wanted]
    if here != sorted(here, reverse=True):
        name = next(row.stop.name for row, is_here in zip(lane.wanted, here, strict=True) if is_here)
        raise Conflict(format_lazy(_("The vehicle is at {name} already: nothing comes before it."), name=name), code="vehicle_at_stop")


def _number(row: TripStop) -> str:
    return row.order.order_number if row.order else ""
