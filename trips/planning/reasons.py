"""Why a plan leaves an order out, and why it gave one to this vehicle; each code is explained in docs/planning.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from trips.planning.insertion import Insertion, alone, cheapest, empty, without
from trips.planning.problem import HORIZON, Half, PlanOrder, PlanVehicle, Problem, Route, Solution
from trips.planning.schedule import schedule

# Routes in which an exchange is looked for, the shortest first: each costs some milliseconds.
MOST_EXCHANGE_ROUTES = 12


class Reason(StrEnum):
    """Codes of the reasons, the most certain first."""

    UNROUTABLE_PIN = "unroutable_pin"
    NO_VEHICLE_WITH_SKILLS = "no_vehicle_with_skills"
    EXCEEDS_EVERY_CAPACITY = "exceeds_every_capacity"
    OUTSIDE_EVERY_SHIFT = "outside_every_shift"
    WINDOWS_CANNOT_BOTH_BE_MET = "windows_cannot_both_be_met"
    CANNOT_BE_SERVED_EVEN_ALONE = "cannot_be_served_even_alone"
    FLEET_FULL = "fleet_full"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An order that no trip serves, the code of the reason and the numbers that show it."""

    order: int
    code: Reason
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """What an order costs in its vehicle, and in the next best one (`other` None: no other vehicle can serve it).

    Costs are the seconds of driving that the order adds to a route.
    """

    order: int
    vehicle: int
    seconds: int
    other: int | None = None
    other_seconds: int | None = None


def why_left_out(problem: Problem, solution: Solution, order_id: int) -> LeftOut:
    """Return the reason for which an order is in no route."""
    order = problem.order[order_id]
    halves = [half for half in (order.pickup, order.delivery) if half is not None]
    if any(half.place is None for half in halves):
        ends = [name for name, half in (("pickup", order.pickup), ("delivery", order.delivery)) if half and half.place is None]
        return LeftOut(order_id, Reason.UNROUTABLE_PIN, {"stops": ends})
    skilled = [row for row in problem.vehicles if order.skills <= row.skills and order.vehicle in (None, row.id)]
    if not skilled:
        have = max((len(order.skills & row.skills) for row in problem.vehicles), default=0)
        return LeftOut(order_id, Reason.NO_VEHICLE_WITH_SKILLS, {"needed": sorted(order.skills), "most_in_one_vehicle": have})
    able = [row for row in skilled if _fits(row, order)]
    if not able:
        return LeftOut(order_id, Reason.EXCEEDS_EVERY_CAPACITY, _sizes(order, skilled))
    if not any(_meets(half, row.shift) for row in able for half in halves if half is not None) or not any(
        all(_meets(half, row.shift) for half in halves) for row in able
    ):
        return LeftOut(order_id, Reason.OUTSIDE_EVERY_SHIFT, _hours(able, halves))
    if (late := _windows_apart(problem, order)) > 0:
        return LeftOut(order_id, Reason.WINDOWS_CANNOT_BOTH_BE_MET, {"late_seconds": late})
    return _alone_or_full(problem, solution, order, able)


def why_this_vehicle(problem: Problem, solution: Solution, order_id: int) -> Choice | None:
    """Return what an order costs where it is and in the next best vehicle; None for an order in no route."""
    route = next((row for row in solution.routes if order_id in row.orders), None)
    if route is None:
        return None
    seconds = schedule(problem, route).seconds - schedule(problem, without(route, order_id)).seconds
    others = [found for row in _other_routes(problem, solution, route.vehicle) if (found := cheapest(problem, row, order_id))]
    best = min(others, key=lambda found: found.seconds, default=None)
    if best is None:
        return Choice(order_id, route.vehicle, seconds)
    return Choice(order_id, route.vehicle, seconds, best.route.vehicle, best.seconds)


def _alone_or_full(problem: Problem, solution: Solution, order: PlanOrder, able: list[PlanVehicle]) -> LeftOut:
    best = [(alone(problem, row.id, order.id), row) for row in able]
    best.sort(key=lambda pair: (len(pair[0].violations), sum(one.by for one in pair[0].violations)))
    if not best[0][0].is_feasible:
        nearest, vehicle = best[0]
        broken = nearest.violations[0]
        numbers = {"vehicle": vehicle.id, "breaks": broken.code, "by": broken.by}
        return LeftOut(order.id, Reason.CANNOT_BE_SERVED_EVEN_ALONE, numbers)
    return LeftOut(order.id, Reason.FLEET_FULL, _exchange(problem, solution, order, {row.id for row in able}))


def _exchange(problem: Problem, solution: Solution, order: PlanOrder, able: set[int]) -> dict[str, Any]:
    """Return which one order would have to leave for this one, and how much driving the exchange adds."""
    routes = sorted((row for row in solution.routes if row.vehicle in able), key=lambda row: len(row.visits))
    best: tuple[int, int, Insertion] | None = None
    for route in routes[:MOST_EXCHANGE_ROUTES]:
        before = schedule(problem, route).seconds
        for leaving in sorted(route.orders):
            shorter = without(route, leaving)
            found = cheapest(problem, shorter, order.id, most_tries=60)
            if found is None:
                continue
            added = schedule(problem, shorter).seconds + found.seconds - before
            if best is None or added < best[0]:
                best = (added, leaving, found)
    if best is None:
        return {"instead_of": None}
    added, leaving, found = best
    return {"instead_of": leaving, "vehicle": found.route.vehicle, "added_seconds": added}


def _other_routes(problem: Problem, solution: Solution, vehicle_id: int) -> list[Route]:
    used = {row.vehicle for row in solution.routes}
    spare = [empty(problem, row.id) for row in problem.vehicles if row.id not in used]
    return [row for row in solution.routes if row.vehicle != vehicle_id] + spare


def _fits(vehicle: PlanVehicle, order: PlanOrder) -> bool:
    return order.kilograms <= _most(vehicle.kilograms) and order.litres <= _most(vehicle.litres)


def _most(limit: int | None) -> float:
    return float("inf") if limit is None else limit


def _sizes(order: PlanOrder, vehicles: list[PlanVehicle]) -> dict[str, Any]:
    return {
        "kilograms": order.kilograms,
        "litres": order.litres,
        "most_kilograms": max((row.kilograms for row in vehicles if row.kilograms is not None), default=None),
        "most_litres": max((row.litres for row in vehicles if row.litres is not None), default=None),
    }


def _meets(half: Half, shift: tuple[int, int]) -> bool:
    windows = half.windows or ((0, HORIZON),)
    return any(opens <= shift[1] and closes >= shift[0] for opens, closes in windows)


def _hours(vehicles: list[PlanVehicle], halves: list[Half]) -> dict[str, Any]:
    return {
        "first_shift": min(row.shift[0] for row in vehicles),
        "last_shift": max(row.shift[1] for row in vehicles),
        "windows": [list(window) for half in halves for window in half.windows],
    }


def _windows_apart(problem: Problem, order: PlanOrder) -> int:
    """Return by how many seconds the delivery's last window closes before the earliest arrival from the pickup."""
    if order.pickup is None or order.pickup.place is None or order.delivery.place is None or not order.delivery.windows:
        return 0
    way = problem.seconds[order.pickup.place][order.delivery.place]
    if way is None:
        return 0
    opens = min((window[0] for window in order.pickup.windows), default=0)
    return opens + order.pickup.service + way - max(closes for _, closes in order.delivery.windows)
