"""`python -m trips.planning.solver`: a problem as JSON on stdin, the best routes found as JSON on stdout.

Runs as a child of its own, at low priority and on one thread, so that neither its memory nor its licence comes into a
serving process. Source of the method: VROOM (https://github.com/VROOM-Project/vroom) by its Python package pyvroom, whose
routes PyVRP makes better in what is left of the time where it knows all that is asked (`pyvrp_search.py`).
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from trips.planning import pyvrp_search
from trips.planning.costs import cost, rates_of
from trips.planning.insertion import improved, rebuilt
from trips.planning.problem import HORIZON, Engine, Half, PlanOrder, PlanVehicle, Problem, Route, Solution, Visit
from trips.planning.schedule import is_feasible

# Longer than any shift: where there is no way, no route goes.
NO_WAY = 2 * HORIZON
NICENESS = 10
# Visits up to which a route is looked through once more, in milliseconds.
SHORT_ROUTE = 17
IMPROVING_SECONDS = 1.0  # after the limit, where the search took all of it
# Orders up to which each exploration level ends well within its limit; loose problems search more per step.
LEVELS, LOOSE_LEVELS = ((200, 5), (500, 3)), ((60, 5), (120, 3), (200, 1))
# Where PyVRP searches on: VROOM ends within a second up to so many orders; more of them it only makes a beginning of.
THOROUGH_UP_TO = 60
VROOMS_SHARE = 0.4


def solve(problem: Problem) -> Solution:
    """Return the best routes found within the problem's limit; orders that VROOM drops wrongly are tried once more alone.

    A vehicle whose shift is over before it could start has no route, and what is on board of it no place: VROOM takes no such shift.
    """
    vehicles = tuple(row for row in problem.vehicles if row.shift[0] < row.shift[1])
    late = {row.id for row in problem.vehicles} - {row.id for row in vehicles}
    orders = tuple(order for order in problem.orders if order.pickup is not None or order.vehicle not in late)
    found = _solve_working(replace(problem, vehicles=vehicles, orders=orders)) if vehicles and orders else Solution((), ())
    served = set().union(*(route.orders for route in found.routes))
    return replace(found, unassigned=tuple(order.id for order in problem.orders if order.id not in served))


def _solve_working(problem: Problem) -> Solution:
    ends = time.monotonic() + problem.time_limit + IMPROVING_SECONDS
    solution = _searched_on(problem) if pyvrp_search.can_search(problem) else _rescue(problem, _solve(problem, problem.vehicles))
    again = rebuilt if len(problem.vehicles) == 1 else improved
    routes = (again(problem, route, ends) if len(route.visits) <= SHORT_ROUTE else route for route in solution.routes)
    return Solution(tuple(routes), solution.unassigned, solution.engine)


def _searched_on(problem: Problem) -> Solution:
    """Return the better of VROOM's routes and those that PyVRP makes of them; by the same measure, and none that breaks a promise."""
    ends = time.monotonic() + problem.time_limit
    first = _solve(replace(problem, time_limit=VROOMS_SHARE * problem.time_limit), problem.vehicles)
    try:
        second = pyvrp_search.search(problem, first, max(ends - time.monotonic(), 0.1))
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):
        return first  # a plan that is there is not lost to what only makes it shorter
    keeps = all(is_feasible(problem, route) for route in second.routes) and set(second.unassigned) <= set(first.unassigned)
    is_better = len(second.unassigned) < len(first.unassigned) or cost(problem, second) < cost(problem, first)
    return replace(second, engine=Engine.PYVRP) if keeps and is_better else first


def exploration_level(problem: Problem) -> int:
    """Return how thoroughly to search: 5 (most) to 0, by the number of orders and by how free they are in time."""
    count = len(problem.orders)
    if count > THOROUGH_UP_TO and pyvrp_search.can_search(problem):
        return 0
    windows = sum(bool(half and half.windows) for order in problem.orders for half in (order.pickup, order.delivery))
    levels = LOOSE_LEVELS if windows < count else LEVELS
    return next((level for most, level in levels if count <= most), 0)


def _solve(problem: Problem, vehicles: tuple[PlanVehicle, ...]) -> Solution:
    import vroom

    skills = {name: number for number, name in enumerate(sorted({name for row in problem.orders for name in row.skills}), 1)}
    only = {row.id: len(skills) + number for number, row in enumerate(vehicles, 1)}
    asked = vroom.Input()
    # VROOM wants a start or an end: a vehicle that has neither starts at a place of no distance from all others.
    anywhere = len(problem.seconds)
    asked.set_durations_matrix("car", [*([*(NO_WAY if way is None else way for way in row), 0] for row in problem.seconds), [0] * (anywhere + 1)])
    asked.set_distances_matrix("car", [*([*(way or 0 for way in row), 0] for row in problem.metres), [0] * (anywhere + 1)])
    for row in vehicles:
        asked.add_vehicle(
            vroom.Vehicle(
                row.id,
                start=anywhere if row.start is None and row.end is None else row.start,
                end=row.end,
                capacity=vroom.Amount([_limit(row.kilograms), _limit(row.litres)]),
                skills={skills[name] for name in row.skills if name in skills} | {only[row.id]},
                time_window=vroom.TimeWindow(*row.shift),
                breaks=[vroom.Break(row.id, [vroom.TimeWindow(row.rest.opens, row.rest.closes)], row.rest.seconds)] if row.rest else [],
                costs=vroom.VehicleCosts(**asdict(rates_of(problem.objective, row))),
                **({} if row.most_stops is None else {"max_tasks": row.most_stops}),
            )
        )
    for number, order in enumerate(problem.orders):
        needed = {skills[name] for name in order.skills}
        amount = vroom.Amount([order.kilograms, order.litres])
        if order.pickup is None:
            bound = {only[order.vehicle]} if order.vehicle in only else set()
            delivery = _half(vroom.Job, vroom, number, order.delivery, delivery=amount, skills=needed | bound, priority=100)
            asked.add_job(delivery)
        else:
            asked.add_shipment(
                _half(vroom.ShipmentStep, vroom, number, order.pickup),
                _half(vroom.ShipmentStep, vroom, number, order.delivery),
                amount=amount,
                skills=needed,
                priority=order.priority,
            )
    limit = timedelta(seconds=problem.time_limit)
    found = asked.solve(exploration_level=exploration_level(problem), nb_threads=1, timeout=limit).to_dict()
    routes = tuple(_route(problem, row) for row in found["routes"])
    served = set().union(*(route.orders for route in routes)) if routes else set()
    return Solution(routes, tuple(order.id for order in problem.orders if order.id not in served))


def _half(kind: Any, vroom: Any, number: int, half: Half, **more: Any) -> Any:
    windows = [vroom.TimeWindow(*window) for window in half.windows]
    return kind(number, half.place, default_service=half.service, time_windows=windows, **more)


def _limit(amount: int | None) -> int:
    return 10**12 if amount is None else amount


def _route(problem: Problem, row: dict[str, Any]) -> Route:
    visits = []
    for step in row["steps"]:
        if step["type"] in {"pickup", "delivery", "job"}:
            order: PlanOrder = problem.orders[step["id"]]
            visits.append(Visit("pickup" if step["type"] == "pickup" else "delivery", order.id))
        elif step["type"] == "break":
            visits.append(Visit("break"))
    return Route(row["vehicle"], tuple(visits))


def _rescue(problem: Problem, solution: Solution) -> Solution:
    """Serve leftovers by unused vehicles whose pause can follow the trip.

    VROOM 1.15 drops an order when the pause of its vehicle opens after the trip could have ended. Such vehicles are tried
    without their pause on a shift that ends with the latest start of the pause, which then comes last; each is checked.
    """
    used = {route.vehicle for route in solution.routes}
    spare = {row.id: row for row in problem.vehicles if row.id not in used and row.rest is not None}
    if not solution.unassigned or not spare:
        return solution
    left = tuple(order for order in problem.orders if order.id in solution.unassigned)
    cut = tuple(
        PlanVehicle(**{**_fields(row), "rest": None, "shift": (row.shift[0], min(row.shift[1], row.rest.closes))})
        for row in spare.values()
        if row.rest is not None and row.shift[0] < row.rest.closes
    )
    if not cut:
        return solution
    alone = Problem(left, cut, problem.seconds, problem.metres, problem.objective, time_limit=1)
    tried = (Route(route.vehicle, (*route.visits, Visit("break"))) for route in _solve(alone, cut).routes)
    more = tuple(route for route in tried if is_feasible(problem, route))
    rescued = set().union(*(route.orders for route in more)) if more else set()
    return Solution((*solution.routes, *more), tuple(order for order in solution.unassigned if order not in rescued))


def _fields(row: PlanVehicle) -> dict[str, Any]:
    return {name: getattr(row, name) for name in PlanVehicle.__dataclass_fields__}


def main() -> None:
    """Read the problem, write the solution."""
    os.nice(NICENESS)
    # VROOM's own words on stdout must not come between: the answer alone goes there.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    problem = Problem.from_json(json.load(sys.stdin))
    json.dump(solve(problem).as_json(), answer)
    answer.flush()


if __name__ == "__main__":
    main()
