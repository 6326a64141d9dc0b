"""Instances of pickup and delivery with windows, made with a seed in the manner of Li and Lim (2001).

As theirs each has about a hundred places, clustered (lc), anywhere (lr) or both (lrc), and two horizons: short with small vehicles
(1), long with big ones (2). Theirs pair the customers of each route of a known plan; so do these, of a greedy one.
"""

from __future__ import annotations

import math
import random
from typing import Any

from trips.planning.problem import Half, Objective, PlanOrder, PlanVehicle, Problem

TASKS = 100
SERVICE = 10
# Distance and vehicles of what PyVRP 0.14.1 found in 60 s of processor time, started by itself, looking for the least distance.
BEST = {
    ("lc1", 1): (14872, 13), ("lc1", 2): (17952, 14), ("lc2", 1): (7335, 3), ("lc2", 2): (5345, 3),
    ("lr1", 1): (15196, 13), ("lr1", 2): (13405, 12), ("lr2", 1): (9822, 3), ("lr2", 2): (9776, 3),
    ("lrc1", 1): (19049, 15), ("lrc1", 2): (22407, 17), ("lrc2", 1): (11910, 4), ("lrc2", 2): (12202, 4),
}  # fmt: skip
Point = tuple[int, int]


def instance(kind: str, seed: int, *, objective: Objective = Objective.DISTANCE, time_limit: float = 10.0) -> Problem:
    """Return an instance of a kind with 50 orders; a unit of distance is ten seconds and ten metres."""
    chance = random.Random(f"{kind} {seed}")
    is_short = kind.endswith("1")
    closes, capacity = (240, 200) if is_short else (1000, 700)
    points = [(40, 50) if "c" in kind else (35, 35), *_places(chance, kind[:-1])]
    width = chance.choice((10, 30, 60)) if is_short else chance.choice((60, 120, 240))
    orders: list[PlanOrder] = []
    for route in _routes(chance, points, closes, 10 if is_short else 34):
        windows = _windows(chance, points, route, closes, width)
        for first, second in _pairs(chance, route):
            halves = (Half(place, (windows[place],), SERVICE * 10) for place in (first, second))
            orders.append(PlanOrder(len(orders) + 1, *halves, kilograms=chance.randrange(5, 40)))
    ways = tuple(tuple(round(math.dist(start, goal) * 10) for goal in points) for start in points)
    fleet = tuple(PlanVehicle(number, 0, 0, (0, closes * 10), kilograms=capacity) for number in range(1, 26))
    return Problem(tuple(orders), fleet, ways, ways, objective, time_limit)


def _places(chance: random.Random, kind: str) -> list[Point]:
    clustered = {"lc": TASKS, "lr": 0, "lrc": TASKS // 2}[kind]
    centres = [(chance.randrange(5, 90), chance.randrange(5, 90)) for _ in range(8)]
    near = [tuple(round(chance.gauss(value, 4)) for value in centres[number % len(centres)]) for number in range(clustered)]
    side = 70 if kind == "lr" else 95
    return [*near, *((chance.randrange(side), chance.randrange(side)) for _ in range(TASKS - clustered))]  # type: ignore[list-item]


def _routes(chance: random.Random, points: list[Point], closes: int, most: int) -> list[list[int]]:
    """Return routes of an even number of places, each from a place to one of the three nearest, home in time."""
    left, made = set(range(1, len(points))), []
    while left:
        here, clock, route = 0, 0.0, list[int]()
        while left and len(route) < most:
            near = sorted(left, key=lambda place: math.dist(points[here], points[place]))[:3]
            goal = chance.choice(near)
            arrives = clock + math.dist(points[here], points[goal])
            if arrives + SERVICE + math.dist(points[goal], points[0]) > closes - 10:
                break
            here, clock = goal, arrives + SERVICE
            route.append(goal)
            left.discard(goal)
        if len(route) % 2:
            left.add(route.pop())
            if len(left) == 1:
                return made + ([route] if route else [])
        if not route:
            return made
        made.append(route)
    return made


def _windows(chance: random.Random, points: list[Point], route: list[int], closes: int, width: int) -> dict[int, Any]:
    """Return windows around the arrivals of a route, which may all be met; one in four is the whole day."""
    here, clock, made = 0, 0.0, {}
    for place in route:
        clock += math.dist(points[here], points[place])
        opens = max(0, math.floor(clock - chance.uniform(0, width)))
        ends = min(closes, max(math.ceil(clock) + 1, opens + width))
        made[place] = (opens * 10, ends * 10) if chance.random() < 0.75 else (0, closes * 10)
        here, clock = place, clock + SERVICE
    return made


def _pairs(chance: random.Random, route: list[int]) -> list[tuple[int, int]]:
    """Pair the places of a route at random, the earlier one as the pickup."""
    order = list(range(len(route)))
    chance.shuffle(order)
    return [tuple(route[at] for at in sorted(pair)) for pair in zip(order[::2], order[1::2], strict=True)]  # type: ignore[misc]
