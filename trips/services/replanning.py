"""Plan trips again together while some are under way: which of them takes the orders not yet begun, and in which sequence. Nothing is stored here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from depannini_dashmap.lib.errors import InvalidData
from trips.arrangement_preview import Lane, Run, StopRef, read_lanes, ref_of
from trips.open_stops_problem import SOLVE_SECONDS, OpenStops
from trips.planning import engine
from trips.planning.problem import Objective, PlanOrder, PlanVehicle, Problem, Route, Visit
from trips.planning.reading import Places, day_ends, seconds_of
from trips.planning.schedule import schedule
from trips.sequencing import DELIVERY, PICKUP

MOST_ORDERS = 200
MOST_RUNS = 60


@dataclass(frozen=True, slots=True)
class Replanned:
    """What each run is to visit now, by its key, and how many seconds of driving that saves; all as before where nothing is better.

    Below zero where more promises are kept by driving more.
    """

    refs: dict[str, list[StopRef]]
    saved_seconds: int


def replan(*, actor: User, runs: Sequence[Run]) -> Replanned:
    """Suggest which of these trips serves which of their orders: fewest broken promises, then least driving.

    Completed stops stay; goods on board, and those loaded where the vehicle is, stay with it; a running trip begins at
    its latest trusted position. Only trips of one day are compared: those of other days stay as they are.
    Raises: InvalidData (too many), what the rules refuse of a run, PlannerBusy, PlanFailed.
    """
    lanes = read_lanes(actor=actor, runs=runs)
    for lane in lanes:
        if lane.refusal is not None:
            raise lane.refusal
    before = {lane.run.key: [ref_of(row) for row in lane.wanted] for lane in lanes}
    days = [lane.trip.planned_start_date for lane in lanes if lane.trip is not None]
    together = [lane for lane in lanes if lane.trip is not None and lane.trip.planned_start_date == max(days)]
    if len(together) > MOST_RUNS or sum(len(lane.wanted) for lane in together) > 2 * MOST_ORDERS:
        raise InvalidData(_("Too many trips or orders to plan them anew at once."))
    day = _Day(together)
    found = engine.solve_routable(day.problem, longest_wait=engine.WAIT_OF_A_REQUEST)
    after = [day.completed(number, found.routes) for number in range(len(together))]
    broken, seconds = day.cost(day.present)
    if day.cost(after) >= (broken, seconds):
        return Replanned(before, 0)
    refs = {lane.run.key: day.refs(visits) for lane, visits in zip(together, after, strict=True)}
    return Replanned(before | refs, seconds - day.cost(after)[1])


class _Day:
    """Several lanes as one problem; a lane is the vehicle of its number, from 1 on, as one vehicle may have two trips."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.lanes, self.places = lanes, Places()
        self.works = [OpenStops(lane.trip, lane.wanted, self.places, visited=lane.rows) for lane in lanes if lane.trip is not None]
        self.ref_of = {work.visit_of[row.pk]: ref_of(row) for work in self.works for row in work.open_rows}
        self.here = [[work.visit_of[row.pk] for row in work.open_rows if row.has_arrived] for work in self.works]
        self.present = [tuple(work.visit_of[row.pk] for row in work.open_rows) for work in self.works]
        starts = [work.vehicle.shift[0] for work in self.works]
        vehicles = tuple(
            replace(work.vehicle, id=number, rest=None, shift=(starts[number - 1], self._end(number - 1, starts)))
            for number, work in enumerate(self.works, start=1)
        )
        seconds, metres = self.places.ways(within=2.0)
        self.orders = {order.id: self._bound(order, number) for number, work in enumerate(self.works, start=1) for order in work.orders}
        left = tuple(order for order in map(self._left_of, self.orders.values()) if order is not None)
        self.problem = Problem(left, vehicles, seconds, metres, Objective.TIME, SOLVE_SECONDS)
        self.whole = replace(self.problem, orders=tuple(self.orders.values()))
        vehicles = tuple(map(self._within_a_day, vehicles, self.works))
        self.problem, self.whole = (replace(one, vehicles=vehicles) for one in (self.problem, self.whole))

    def completed(self, number: int, routes: Sequence[Route]) -> tuple[Visit, ...]:
        """Return a lane's visits: where it stands, what the solver gave it, then what nobody could be given, in its order."""
        given = next((route.visits for route in routes if route.vehicle == number + 1), ())
        served = {visit.order for route in routes for visit in route.visits}
        first = [*self.here[number], *(visit for visit in given if visit.order is not None)]
        return tuple(dict.fromkeys([*first, *(visit for visit in self.present[number] if visit.order not in served)]))

    def cost(self, visits: Sequence[tuple[Visit, ...]]) -> tuple[int, int]:
        """Return how many promises all lanes break, and their seconds of driving."""
        timed = [schedule(self.whole, Route(number, row)) for number, row in enumerate(visits, start=1)]
        return sum(len(one.violations) for one in timed), sum(one.seconds for one in timed)

    def refs(self, visits: Sequence[Visit]) -> list[StopRef]:
        """Return visits as an arrangement names them."""
        return [self.ref_of[visit] for visit in visits]

    def _bound(self, order: PlanOrder, number: int) -> PlanOrder:
        return order if order.vehicle is None else replace(order, vehicle=number)

    def _left_of(self, order: PlanOrder) -> PlanOrder | None:
        """Return what is left of an order: nothing where its delivery has begun, the delivery alone where its pickup has."""
        holder = {visit: number for number, visits in enumerate(self.here, start=1) for visit in visits}
        if Visit(DELIVERY, order.id) in holder:
            return None
        number = holder.get(Visit(PICKUP, order.id))
        return order if number is None else replace(order, pickup=None, vehicle=number)

    def _within_a_day(self, vehicle: PlanVehicle, work: OpenStops) -> PlanVehicle:
        """Return the vehicle of a lane: without a shift of its own it works no longer than a day, or than it does now."""
        trip = work.trip
        if trip.vehicle.shift_start is not None and trip.vehicle.shift_end is not None:
            return vehicle
        starts = min(vehicle.shift[0], work.clock.passed(seconds_of(trip.planned_start_time)))
        present = schedule(self.whole, Route(vehicle.id, self.present[vehicle.id - 1])).ends
        return replace(vehicle, shift=(vehicle.shift[0], min(vehicle.shift[1], max(present, day_ends(self.orders.values(), starts)))))

    def _end(self, place: int, starts: Sequence[int]) -> int:
        """Return when a lane ends: with its shift, or when the next trip of its vehicle begins."""
        mine = self.works[place]
        later = [start for start, work in zip(starts, self.works, strict=True) if work.vehicle.id == mine.vehicle.id and start > starts[place]]
        return min([mine.vehicle.shift[1], *later])


