"""`python -m bench.planning [--quick]`: how good and how fast plans are, checked by `testing.route_plan_checker`.

Needs no database. Problems are generated with a seed: towns of 20 km, mixed fleets with breaks and skills, and planted orders that
nobody can serve. The floor of the costs is a nearest-neighbour planner of this file; that of single trips is every order of visits;
that of the instances in `bench/textbook.py` and `testing/pickup_delivery_instances.py` is the best value that is known.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bench import figures
from bench.textbook import INSTANCES, Instance
from testing.pickup_delivery_instances import BEST
from testing.pickup_delivery_instances import instance as pickups_and_deliveries
from testing.route_plan_checker import faults
from trips.planning import engine
from trips.planning.problem import Break, Half, PlanOrder, PlanVehicle, Problem, Route, Solution, Visit
from trips.planning.schedule import is_feasible, schedule

HOUR = 3600
FEW = 25  # customers of an instance that is searched to the end
LIMITS = {50: 2, 100: 5, 200: 10, 500: 15}
STORED_WITHIN = {50: 3, 100: 6, 200: 13, 500: 20}


def town(orders: int, seed: int, *, impossible: int = 0, vehicles: int | None = None, time_limit: float = 10.0) -> Problem:
    """Return a day: a quarter of the vehicles cold, every other one with a break; some orders have windows, some need cold."""
    chance = random.Random(seed)
    points = [(chance.uniform(0, 20), chance.uniform(0, 20)) for _ in range(2 * orders + 1)]
    metres = tuple(tuple(int(math.dist(start, goal) * 1300) for goal in points) for start in points)
    seconds = tuple(tuple(way * 9 // 100 for way in row) for row in metres)

    def order(number: int) -> PlanOrder:
        opens = chance.randrange(8, 15) * HOUR
        windows = ((opens, opens + chance.choice([1, 2, 4]) * HOUR),) if chance.random() < 0.7 else ()
        skills = frozenset({"cold"}) if chance.random() < 0.2 else frozenset()
        return PlanOrder(
            number, Half(2 * number - 1, (), 300), Half(2 * number, windows, 300), chance.randrange(10, 400), chance.randrange(10, 900), skills
        )

    def vehicle(number: int) -> PlanVehicle:
        rest = Break(12 * HOUR, 13 * HOUR, 1800) if number % 2 else None
        skills = frozenset({"cold"}) if number % 4 == 0 or number % 4 == 1 else frozenset()
        return PlanVehicle(number, 0, 0, (7 * HOUR, 18 * HOUR), rest, 1500 + 500 * (number % 3), 9000, skills)

    made = [order(number) for number in range(1, orders + 1)]
    for number in range(impossible):
        made[number] = replace(made[number], skills=frozenset({"crane"}))
    fleet = tuple(vehicle(number) for number in range(1, (vehicles or max(4, orders // 6)) + 1))
    return Problem(tuple(made), fleet, seconds, metres, time_limit=time_limit)


def nearest_neighbour(problem: Problem) -> Solution:
    """Plan as a hurried dispatcher does: each vehicle takes the nearest order that it can still serve, one after the other."""
    left = {order.id for order in problem.orders}
    routes = []
    for vehicle in problem.vehicles:
        visits: tuple[Visit, ...] = ()
        here = vehicle.start
        while True:
            near = sorted(left, key=lambda number: problem.seconds[here][problem.order[number].pickup.place])
            for number in near:
                tried = Route(vehicle.id, (*visits, Visit("pickup", number), Visit("delivery", number)))
                if _with_break(problem, tried) is not None:
                    visits, here = tried.visits, problem.order[number].delivery.place
                    left.discard(number)
                    break
            else:
                break
        if visits:
            routes.append(_with_break(problem, Route(vehicle.id, visits)))
    return Solution(tuple(routes), tuple(left))


def _with_break(problem: Problem, route: Route) -> Route | None:
    if problem.vehicle[route.vehicle].rest is None:
        return route if is_feasible(problem, route) else None
    places = range(len(route.visits), -1, -1)
    tried = (Route(route.vehicle, (*route.visits[:at], Visit("break"), *route.visits[at:])) for at in places)
    return next((candidate for candidate in tried if is_feasible(problem, candidate)), None)


def driving(problem: Problem, solution: Solution) -> int:
    """Return the seconds on the road of all routes."""
    return sum(schedule(problem, route).seconds for route in solution.routes)


def best_of_all(problem: Problem) -> int:
    """Return the least seconds on the road of one vehicle that serves all orders, over every order of visits.

    Held and Karp's method, a delivery after its pickup: the best way to each place for each set of visits that were made.
    """
    vehicle, seconds, count = problem.vehicles[0], problem.seconds, len(problem.orders)
    places = [place for order in problem.orders for place in (order.pickup.place, order.delivery.place)]  # pickups are even
    ways = {(1 << visit, visit): seconds[vehicle.start][places[visit]] for visit in range(0, 2 * count, 2)}
    for _ in range(2 * count - 1):
        longer: dict[tuple[int, int], int] = {}
        for (made, last), took in ways.items():
            for visit in range(2 * count):
                if made >> visit & 1 or (visit % 2 and not made >> (visit - 1) & 1):
                    continue
                key, way = (made | 1 << visit, visit), took + seconds[places[last]][places[visit]]
                if way < longer.get(key, way + 1):
                    longer[key] = way
        ways = longer
    return min(took + (0 if vehicle.end is None else seconds[places[last]][vehicle.end]) for (_made, last), took in ways.items())


def measure_textbook(instances: Sequence[Instance]) -> None:
    """Print by how much plans are longer than the best that is known."""
    for instance in instances:
        problem = instance.problem(time_limit=10)
        found = engine.solve_routable(problem)
        assert not found.unassigned and not faults(problem.as_json(), found.as_json())
        metres = sum(schedule(problem, route).metres for route in found.routes)
        most = 1.01 if len(instance.customers) <= FEW else 1.1
        _report(f"distance of {instance.name} / best known ({instance.best})", metres / instance.best, at_most=most)


def measure_pickups() -> None:
    """Print by how much plans of 50 pickups and deliveries are longer than PyVRP's of a minute, and how many use no more vehicles."""
    ratios, no_more = [], 0
    for (kind, seed), (metres, vehicles) in BEST.items():
        problem = pickups_and_deliveries(kind, seed, time_limit=10)
        found = engine.solve_routable(problem)
        assert not found.unassigned and not faults(problem.as_json(), found.as_json())
        ratios.append(sum(schedule(problem, route).metres for route in found.routes) / metres)
        no_more += len(found.routes) <= vehicles
        print(f"{kind} {seed}: {ratios[-1]:.3f}, {len(found.routes)} vehicles (there {vehicles}), {found.engine}", flush=True)
    _report("distance of pickups and deliveries / PyVRP in 60 s, the worst", max(ratios), at_most=1.03)
    _report("of these with no more vehicles", no_more / len(BEST), at_least=0.65)


def _report(what: str, value: float, **goal: Any) -> None:
    print(f"{what}: {value:.3f} {goal}", flush=True)
    figures.report(what, [value], **goal)


def measure(sizes: list[int], towns: int, singles: int) -> None:
    """Print the figures."""
    checked = broken = planted = planted_left = 0
    for size in sizes:
        problem = town(size, seed=size, impossible=3, time_limit=LIMITS[size])
        started = time.perf_counter()
        found = engine.solve_routable(problem)
        took = time.perf_counter() - started
        checked, broken = checked + 1, broken + bool(faults(problem.as_json(), found.as_json()))
        planted, planted_left = planted + 3, planted_left + len({1, 2, 3} & set(found.unassigned))
        _report(f"plan of {size} orders until it is there", took, at_most=STORED_WITHIN[size], unit="s")
        if size in (100, 200):
            floor = nearest_neighbour(problem)
            left = f"{len(found.unassigned)} left out, there {len(floor.unassigned)}"
            _report(f"driving for {size} orders / nearest neighbour ({left})", driving(problem, found) / driving(problem, floor), at_most=0.66)
            _report(f"more left out of {size} than there", max(len(found.unassigned) - len(floor.unassigned), 0), at_most=0)
    for seed in range(towns):
        problem = town(40, seed=1000 + seed, impossible=2, time_limit=1)
        found = engine.solve_routable(problem)
        checked, broken = checked + 1, broken + bool(faults(problem.as_json(), found.as_json()))
        planted, planted_left = planted + 2, planted_left + len({1, 2} & set(found.unassigned))
    _report("plans that the checker passes", 1 - broken / checked, at_least=1)
    _report("planted impossible orders that are left out", planted_left / planted, at_least=1)
    near = 0
    for seed in range(singles):
        problem = town(5 + seed % 4, seed=2000 + seed, vehicles=1, time_limit=1)
        free = tuple(replace(order, skills=frozenset(), kilograms=0, litres=0, delivery=replace(order.delivery, windows=())) for order in problem.orders)
        problem = replace(problem, orders=free, vehicles=(replace(problem.vehicles[0], rest=None),))
        near += driving(problem, engine.solve_routable(problem)) <= best_of_all(problem) * 1.005
    _report("single trips of 5 to 8 orders within 0.5 % of the optimum", near / singles, at_least=0.95)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        measure([50], towns=2, singles=3)
        measure_textbook([row for row in INSTANCES if len(row.customers) <= FEW])
    else:
        measure([50, 100, 200, 500], towns=20, singles=20)
        measure_textbook(INSTANCES)
        measure_pickups()
