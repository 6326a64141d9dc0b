"""Small instances of vehicle routing from the literature, as problems of the planner, each with the best value that is known.

P-n16-k8 (Augerat et al. 1995) and E-n22-k4 (Christofides and Eilon 1969) are about capacity, with whole distances; R101 with its
first 25 customers (Solomon 1987) about windows, with distances cut to one decimal. The last one is made here with a seed, after
R101; PyVRP 0.14.1 found its value in three minutes, and those of the others, which are proven, in four seconds each.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from trips.planning.problem import Half, Objective, PlanOrder, PlanVehicle, Problem

Customer = tuple[int, int, int, tuple[int, int] | None]  # x, y, demand, window
_P16 = "37,52,19 49,49,30 52,64,16 31,62,23 52,33,11 42,41,31 52,41,15 57,58,28 62,42,8 42,57,8 27,68,7 43,67,14 58,48,6 58,27,19 37,69,11"
_E22 = (
    "151,264,1100 159,261,700 130,254,800 128,252,1400 163,247,2100 146,246,400 161,242,800 142,239,100 163,236,500 148,232,600 128,231,1200 "
    "156,217,1300 129,214,1300 146,208,300 164,208,900 141,206,2100 147,193,1000 164,193,900 129,189,2500 155,185,1800 139,182,700"
)
_R101 = (
    "41,49,10,161 35,17,7,50 55,45,13,116 55,20,19,149 15,30,26,34 25,30,3,99 20,50,5,81 10,43,9,95 55,60,16,97 30,60,16,124 20,65,12,67 50,35,19,63 "
    "30,25,23,159 15,10,20,32 30,5,8,61 10,20,19,75 5,30,2,157 20,40,12,87 15,60,17,76 45,65,9,126 45,20,11,62 45,10,18,97 55,5,29,68 65,35,3,153 65,20,6,172"
)


@dataclass(frozen=True, slots=True)
class Instance:
    """Customers around a depot, served by equal vehicles. `best` is the least distance known, in tenths where `in_tenths`."""

    name: str
    best: int
    depot: tuple[int, int]
    customers: tuple[Customer, ...]
    vehicles: int
    capacity: int
    closes: int = 100_000
    service: int = 0
    in_tenths: bool = False

    def problem(self, time_limit: float) -> Problem:
        """Return it as the planner takes it: each order is loaded at the depot. A unit of distance is a metre and a second."""
        points = [self.depot, *((x, y) for x, y, _demand, _window in self.customers)]
        scale = 10 if self.in_tenths else 1
        ways = tuple(tuple(self._way(start, goal) for goal in points) for start in points)
        orders = tuple(
            PlanOrder(number, Half(0), Half(number, (_scaled(window, scale),) if window else (), self.service * scale), kilograms=demand)
            for number, (_x, _y, demand, window) in enumerate(self.customers, start=1)
        )
        fleet = tuple(PlanVehicle(number, 0, 0, (0, self.closes * scale), kilograms=self.capacity) for number in range(1, self.vehicles + 1))
        return Problem(orders, fleet, ways, ways, Objective.DISTANCE, time_limit)

    def _way(self, start: tuple[int, int], goal: tuple[int, int]) -> int:
        return int(math.dist(start, goal) * 10) if self.in_tenths else round(math.dist(start, goal))


def _scaled(window: tuple[int, int], scale: int) -> tuple[int, int]:
    return window[0] * scale, window[1] * scale


def _read(text: str) -> tuple[Customer, ...]:
    """Read customers `x,y,demand` or `x,y,demand,opens`; R101's windows are ten units long."""
    rows = [tuple(map(int, row.split(","))) for row in text.split()]
    return tuple((row[0], row[1], row[2], (row[3], row[3] + 10) if len(row) > 3 else None) for row in rows)


def _like_r101(count: int, seed: int) -> tuple[Customer, ...]:
    """Return customers anywhere in a square of 70, with windows of 30 that can be reached from the depot and left in time."""
    chance, made = random.Random(seed), []
    for _ in range(count):
        x, y = chance.randrange(70), chance.randrange(70)
        way = math.ceil(math.dist((35, 35), (x, y)))
        opens = chance.randrange(way, 230 - way - 10 - 30)
        made.append((x, y, chance.randrange(1, 40), (opens, opens + 30)))
    return tuple(made)


INSTANCES = (
    Instance("P-n16-k8", 450, (30, 40), _read(_P16), vehicles=8, capacity=35),
    Instance("E-n22-k4", 375, (145, 215), _read(_E22), vehicles=4, capacity=6000),
    Instance("R101.25", 6171, (35, 35), _read(_R101), vehicles=25, capacity=200, closes=230, service=10, in_tenths=True),
    Instance("100 customers after R101", 12922, (35, 35), _like_r101(100, seed=101), vehicles=40, capacity=200, closes=230, service=10, in_tenths=True),
)
