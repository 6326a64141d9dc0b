"""The cheapest place for an order in a route, and what it costs there; plain values in and out."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from trips.planning.costs import route_cost
from trips.planning.problem import Problem, Route, Visit
from trips.planning.schedule import Schedule, is_feasible, schedule

# What a leg costs where there is no way: more than any route.
NO_WAY = 10**9


@dataclass(frozen=True, slots=True)
class Insertion:
    """A route with one order more, and how many seconds on the road that adds."""

    route: Route
    seconds: int


def cheapest(problem: Problem, route: Route, order_id: int, most_tries: int = 1000) -> Insertion | None:
    """Return the feasible insertion of an order that adds the least driving, None where none of `most_tries` keeps all promises."""
    order = problem.order[order_id]
    places = _places(problem, route)
    rows = [(_added(problem, places, pair, order_id), pair) for pair in pairs(len(route.visits), has_pickup=order.pickup is not None)]
    rows.sort(key=lambda row: row[0])
    for seconds, pair in rows[:most_tries]:
        if seconds >= NO_WAY:
            return None
        candidate = inserted(route, order_id, pair)
        if is_feasible(problem, candidate):
            return Insertion(candidate, seconds)
    return None


def improved(problem: Problem, route: Route, ends: float = math.inf) -> Route:
    """Return the route with its visits moved one by one, and its orders one by one, as long as that is cheaper by the plan's objective.

    It stops at `ends`, a moment of `time.monotonic()`.

    VROOM moves whole orders alone, which leaves one trip in ten of four orders more than 0.5 % above the optimum.
    """
    best = route_cost(problem, route)
    while time.monotonic() < ends:
        timed = ((route_cost(problem, candidate), candidate) for candidate in _neighbours(route))
        cheaper = sorted((row for row in timed if row[0] < best), key=lambda row: row[0])
        found = next((row for row in cheaper if is_feasible(problem, row[1])), None)
        if found is None:
            return route
        best, route = found
    return route


def rebuilt(problem: Problem, route: Route, ends: float = math.inf, tries: int = 10) -> Route:
    """Return the best of the route and of some built again, order by order in other sequences, each improved. For one trip.

    No more are begun after `ends`, a moment of `time.monotonic()`.
    """
    chance = random.Random(route.vehicle)  # noqa: S311 - the same plan again for the same question
    pauses = tuple(visit for visit in route.visits if visit.order is None)
    best = improved(problem, route, ends)
    for _ in range(tries):
        if time.monotonic() >= ends:
            break
        order_ids = sorted(route.orders)
        chance.shuffle(order_ids)
        made = Route(route.vehicle, pauses)
        for order_id in order_ids:
            found = cheapest(problem, made, order_id, most_tries=50)
            if found is None:
                break
            made = found.route
        else:
            best = min(best, improved(problem, made, ends), key=lambda one: route_cost(problem, one))
    return best


def _neighbours(route: Route) -> Iterator[Route]:
    visits = route.visits
    for taken in range(len(visits)):
        rest = (*visits[:taken], *visits[taken + 1 :])
        for at in range(len(visits)):
            if at != taken:
                yield Route(route.vehicle, (*rest[:at], visits[taken], *rest[at:]))
    for order_id in route.orders:
        shorter = without(route, order_id)
        has_pickup = len(visits) - len(shorter.visits) == 2
        for pair in pairs(len(shorter.visits), has_pickup=has_pickup):
            yield inserted(shorter, order_id, pair)
    for first in range(len(visits)):
        for last in range(first + 2, len(visits) + 1):
            yield Route(route.vehicle, (*visits[:first], *reversed(visits[first:last]), *visits[last:]))


def pairs(length: int, *, has_pickup: bool) -> Iterator[tuple[int | None, int]]:
    """Yield where the pickup (None: on board already) and the delivery can stand among `length` visits."""
    for second in range(length + 1):
        if not has_pickup:
            yield None, second
            continue
        for first in range(second + 1):
            yield first, second


def inserted(route: Route, order_id: int, pair: tuple[int | None, int]) -> Route:
    """Return the route with an order's visits before the visits of these numbers."""
    first, second = pair
    visits = [*route.visits[:second], Visit("delivery", order_id), *route.visits[second:]]
    if first is not None:
        visits.insert(first, Visit("pickup", order_id))
    return Route(route.vehicle, tuple(visits))


def without(route: Route, order_id: int) -> Route:
    """Return the route without an order."""
    return Route(route.vehicle, tuple(visit for visit in route.visits if visit.order != order_id))


def empty(problem: Problem, vehicle_id: int) -> Route:
    """Return the route of a vehicle that serves nothing yet; its pause, if any, stands in it."""
    return Route(vehicle_id, (Visit("break"),) if problem.vehicle[vehicle_id].rest else ())


def alone(problem: Problem, vehicle_id: int, order_id: int) -> Schedule:
    """Return the schedule of a vehicle that serves this order alone, the one that breaks the fewest promises by the least."""
    route = empty(problem, vehicle_id)
    has_pickup = problem.order[order_id].pickup is not None
    tried = [schedule(problem, inserted(route, order_id, pair)) for pair in pairs(len(route.visits), has_pickup=has_pickup)]
    return min(tried, key=lambda row: (len(row.violations), sum(one.by for one in row.violations), row.seconds))


def _places(problem: Problem, route: Route) -> list[int | None]:
    """Return where the vehicle is before, at and after each visit; at a pause it stays where it was."""
    vehicle = problem.vehicle[route.vehicle]
    places: list[int | None] = [vehicle.start]
    for visit in route.visits:
        if visit.order is None:
            places.append(places[-1])
            continue
        order = problem.order[visit.order]
        places.append(order.pickup.place if visit.kind == "pickup" and order.pickup else order.delivery.place)
    return [*places, vehicle.end]


def _added(problem: Problem, places: list[int | None], pair: tuple[int | None, int], order_id: int) -> int:
    order = problem.order[order_id]
    first, second = pair
    goal = order.delivery.place
    before, after = places[second], places[second + 1]
    if first is None or order.pickup is None:
        return _leg(problem, before, goal) + _leg(problem, goal, after) - _leg(problem, before, after)
    start = order.pickup.place
    if first == second:
        return (
            _leg(problem, before, start) + _leg(problem, start, goal) + _leg(problem, goal, after) - _leg(problem, before, after)
        )
    old = places[first], places[first + 1]
    pickup = _leg(problem, old[0], start) + _leg(problem, start, old[1]) - _leg(problem, *old)
    return pickup + _leg(problem, before, goal) + _leg(problem, goal, after) - _leg(problem, before, after)


def _leg(problem: Problem, here: int | None, there: int | None) -> int:
    if here is None or there is None or here == there:
        return 0
    seconds = problem.seconds[here][there]
    return NO_WAY if seconds is None else seconds
