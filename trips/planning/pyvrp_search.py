"""Search on from known routes with PyVRP, for plans without breaks; in the solver's process alone.

Source of the method: PyVRP (https://github.com/PyVRP/PyVRP), an iterated local search. It takes pairs of pickup and delivery,
but neither breaks nor several windows of a stop nor a limit of stops; what needs those stays with VROOM.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from trips.planning.costs import UNITS, rates_of
from trips.planning.problem import HORIZON, Half, PlanVehicle, Problem, Route, Solution, Visit

# Longer and dearer than any route: where there is no way, no route goes.
NO_WAY = 1 << 40
# What an order is worth that VROOM left out: more than any detour.
PRIZE = 1 << 42
UNLIMITED = 1 << 40
# Steps without a better plan after which nobody searches on, for each order: few orders are done in a moment.
PATIENCE = 100


def can_search(problem: Problem) -> bool:
    """Return whether PyVRP knows all that the problem asks."""
    halves = [half for order in problem.orders for half in (order.pickup, order.delivery) if half is not None]
    return (
        len(problem.vehicles) > 1
        and find_spec("pyvrp") is not None
        # It takes no problem with a delivery that is over before its pickup opens; VROOM leaves such an order out.
        and all(order.pickup is not None and _times(order.delivery)[1] >= _times(order.pickup)[0] for order in problem.orders)
        and all(len(half.windows) <= 1 for half in halves)
        and all(row.rest is None and row.most_stops is None for row in problem.vehicles)
    )


def search(problem: Problem, known: Solution, seconds: float) -> Solution:
    """Return the best routes that PyVRP finds from the known ones on; orders that those serve stay served."""
    import pyvrp
    from pyvrp.stop import MaxRuntime, MultipleCriteria, NoImprovement

    model = _Model(pyvrp, problem, served={number for route in known.routes for number in route.orders})
    ends = MultipleCriteria([MaxRuntime(seconds), NoImprovement(PATIENCE * len(problem.orders))])
    found = pyvrp.solve(model.data, ends, seed=1, collect_stats=False, initial_solution=model.solution(known))
    return model.routes(found.best) if found.is_feasible() else known


class _Model:
    """A problem as PyVRP takes it: equal vehicles are one type, each end of an order is a place of its own."""

    def __init__(self, pyvrp: Any, problem: Problem, served: set[int]) -> None:
        self.pyvrp, self.problem = pyvrp, problem
        alike: dict[PlanVehicle, list[int]] = defaultdict(list)
        for row in problem.vehicles:
            alike[replace(row, id=0)].append(row.id)
        self.alike = alike
        self.type_of = {number: place for place, numbers in enumerate(alike.values()) for number in numbers}
        # The ends of all orders, then where vehicles start and end; None is a place of no distance from all others.
        ends = sorted({place for row in alike for place in (row.start, row.end)}, key=lambda place: -1 if place is None else place)
        halves = [half for order in problem.orders for half in (order.pickup, order.delivery) if half is not None]
        self.places = [*(half.place for half in halves), *ends]
        self.depots = {place: number for number, place in enumerate(ends)}
        profiles = {(rates_of(problem.objective, row), row.skills & self._asked()): None for row in alike}
        self.profiles = {profile: number for number, profile in enumerate(profiles)}
        seconds = self._matrix(lambda way, _metres: way)
        self.data = pyvrp.ProblemData(
            [pyvrp.Location(0, 0) for _ in self.places],
            [],
            [pyvrp.Depot(len(halves) + number) for number in range(len(ends))],
            [self._vehicles(row, len(numbers)) for row, numbers in alike.items()],
            [self._closed(self._matrix(rates.leg), skills) for rates, skills in profiles],
            [self._closed(seconds, skills) for _rates, skills in profiles],
            shipments=[self._shipment(number, order.id in served) for number, order in enumerate(problem.orders)],
        )

    def solution(self, known: Solution) -> Any:
        """Return known routes as PyVRP takes them."""
        kinds, number = self.pyvrp.ActivityType, {order.id: place for place, order in enumerate(self.problem.orders)}
        made = []
        for route in known.routes:
            visits = [
                self.pyvrp.Activity(kinds.PICKUP if visit.kind == "pickup" else kinds.DELIVERY, number[visit.order])
                for visit in route.visits
                if visit.order is not None
            ]
            made.append(self.pyvrp.Route(self.data, visits, self.type_of[route.vehicle]))
        return self.pyvrp.Solution(self.data, made)

    def routes(self, found: Any) -> Solution:
        """Return what PyVRP found; the vehicles of a type are used in the order of their ids."""
        free = [iter(numbers) for numbers in self.alike.values()]
        routes = []
        for row in found.routes():
            visits = tuple(
                Visit("pickup" if step.is_pickup() else "delivery", self.problem.orders[step.idx].id) for step in row if step.is_shipment()
            )
            routes.append(Route(next(free[row.vehicle_type()]), visits))
        served = {number for route in routes for number in route.orders}
        return Solution(tuple(routes), tuple(order.id for order in self.problem.orders if order.id not in served))

    def _asked(self) -> frozenset[str]:
        return frozenset().union(*(order.skills for order in self.problem.orders))

    def _vehicles(self, row: PlanVehicle, count: int) -> Any:
        rates = rates_of(self.problem.objective, row)
        return self.pyvrp.VehicleType(
            count,
            [_limit(row.kilograms), _limit(row.litres)],
            self.depots[row.start],
            self.depots[row.end],
            fixed_cost=rates.fixed * UNITS,
            tw_early=row.shift[0],
            tw_late=row.shift[1],
            profile=self.profiles[rates, row.skills & self._asked()],
        )

    def _shipment(self, number: int, is_served: bool) -> Any:
        order = self.problem.orders[number]
        assert order.pickup is not None
        first, second = (_times(half) for half in (order.pickup, order.delivery))
        return self.pyvrp.Shipment(
            2 * number, 2 * number + 1, *first, *second, [order.kilograms, order.litres], 0 if is_served else PRIZE * (1 + order.priority), is_served
        )

    def _matrix(self, price: Any) -> Any:
        import numpy

        made = numpy.zeros((len(self.places), len(self.places)), dtype=numpy.int64)
        for number, start in enumerate(self.places):
            for other, goal in enumerate(self.places):
                if start is None or goal is None or start == goal:
                    continue
                way, metres = self.problem.seconds[start][goal], self.problem.metres[start][goal]
                made[number, other] = NO_WAY if way is None or metres is None else price(way, metres)
        return made

    def _closed(self, matrix: Any, skills: frozenset[str]) -> Any:
        """Close the ways to orders that need what these vehicles have not."""
        made = matrix.copy()
        for number, order in enumerate(self.problem.orders):
            if not order.skills <= skills:
                made[:, 2 * number] = NO_WAY
                made[2 * number, 2 * number] = 0
        return made


def _times(half: Half) -> tuple[int, int, int]:
    opens, closes = half.windows[0] if half.windows else (0, HORIZON)
    return opens, closes, half.service


def _limit(amount: int | None) -> int:
    return UNLIMITED if amount is None else amount
