"""When a route's vehicle is where, what it carries, and which promise the route breaks; plain values in and out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from trips.planning.problem import HORIZON, Break, Half, PlanOrder, PlanVehicle, Problem, Route, Visit, Window

ANYTIME: tuple[Window, ...] = ((0, HORIZON),)


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that a route breaks: `code` is one of docs/planning.md; numbers are seconds, kilograms, litres or stops."""

    code: str
    order: int | None = None
    by: int = 0


@dataclass(slots=True)
class Call:
    """A visit with its times in seconds, what is on board afterwards, and the leg that led to it."""

    visit: Visit
    arrival: int
    wait: int
    service: int
    leg_seconds: int
    leg_metres: int
    kilograms: int = 0
    litres: int = 0

    @property
    def departure(self) -> int:
        """When the vehicle leaves again."""
        return self.arrival + self.wait + self.service


@dataclass(slots=True)
class Schedule:
    """A route on the clock. `starts` and `ends` are when the vehicle leaves its start and is back at its end."""

    starts: int
    ends: int
    calls: list[Call]
    seconds: int = 0
    metres: int = 0
    violations: list[Violation] = field(default_factory=list)

    @property
    def is_feasible(self) -> bool:
        """Whether the route keeps every promise."""
        return not self.violations


def schedule(problem: Problem, route: Route) -> Schedule:
    """Put a route on the clock: it begins as late as it can without ending later, and waits as little."""
    clock = _Clock(problem, route)
    earliest = clock.run(clock.vehicle.shift[0])
    if not earliest.is_feasible or not earliest.calls:
        return earliest
    low, high = earliest.starts, earliest.ends
    best = earliest
    while low < high:  # the latest start is found by halving: later starts never end earlier
        middle = (low + high + 1) // 2
        tried = clock.run(middle)
        if tried.is_feasible and tried.ends <= earliest.ends:
            best, low = tried, middle
        else:
            high = middle - 1
    return best


def is_feasible(problem: Problem, route: Route) -> bool:
    """Return whether a route keeps every promise."""
    clock = _Clock(problem, route)
    return not clock.standing and clock.run(clock.vehicle.shift[0], to_first_fault=True).is_feasible


def driven(problem: Problem, route: Route) -> tuple[int, int]:
    """Return the seconds and metres on the road of a route, whenever it starts; where there is no way, nothing is counted."""
    vehicle, seconds, metres = problem.vehicle[route.vehicle], 0, 0
    places = [vehicle.start]
    for visit in route.visits:
        if visit.order is not None:
            order = problem.order[visit.order]
            half = order.pickup if visit.kind == "pickup" and order.pickup is not None else order.delivery
            places.append(half.place)
    for here, there in pairwise([*places, vehicle.end]):
        if here is not None and there is not None and here != there:
            seconds += problem.seconds[here][there] or 0
            metres += problem.metres[here][there] or 0
    return seconds, metres


class _Clock:
    """Runs one route from a start time; what does not change between runs is read once."""

    def __init__(self, problem: Problem, route: Route) -> None:
        self.problem, self.route = problem, route
        self.vehicle: PlanVehicle = problem.vehicle[route.vehicle]
        self.orders: dict[int, PlanOrder] = {number: problem.order[number] for number in route.orders}
        stops = sum(visit.order is not None for visit in route.visits)
        self.standing = _standing(self.vehicle, self.orders.values(), stops) + _sequence(route.visits, self.orders)

    def run(self, starts: int, *, to_first_fault: bool = False) -> Schedule:
        """Drive the route from `starts` on, each visit as early as it can be."""
        vehicle, found = self.vehicle, list(self.standing)
        on_board = [order for order in self.orders.values() if order.pickup is None]
        kilograms, litres = sum(row.kilograms for row in on_board), sum(row.litres for row in on_board)
        here, now, calls, pause = vehicle.start, starts, [], None
        driven_seconds = driven_metres = 0
        for visit in self.route.visits:
            if to_first_fault and found:
                break
            if visit.order is None:
                pause = vehicle.rest
                calls.append(Call(visit, now, 0, pause.seconds if pause else 0, 0, 0, kilograms, litres))
                continue
            order = self.orders[visit.order]
            half = order.pickup if visit.kind == "pickup" and order.pickup is not None else order.delivery
            seconds, metres = self._leg(here, half.place, visit.order, found)
            if pause is not None:
                now = self._rest(calls[-1], pause, now, seconds, found) - seconds
                pause = None
            arrival = now + seconds
            begins, late = _opens(half, arrival)
            if late:
                found.append(Violation("window_missed", visit.order, late))
            sign = 1 if visit.kind == "pickup" else -1
            kilograms, litres = kilograms + sign * order.kilograms, litres + sign * order.litres
            calls.append(Call(visit, arrival, begins - arrival, half.service, seconds, metres, kilograms, litres))
            _overload(vehicle, order, kilograms, litres, found)
            here, now = half.place, begins + half.service
            driven_seconds, driven_metres = driven_seconds + seconds, driven_metres + metres
        seconds, metres = self._leg(here, vehicle.end, None, found) if vehicle.end is not None else (0, 0)
        ends = self._rest(calls[-1], pause, now, seconds, found) if pause is not None else now + seconds
        if ends > vehicle.shift[1]:
            found.append(Violation("shift_exceeded", None, ends - vehicle.shift[1]))
        return Schedule(starts, ends, calls, driven_seconds + seconds, driven_metres + metres, found)

    def _leg(self, here: int | None, there: int | None, order: int | None, found: list[Violation]) -> tuple[int, int]:
        if here is None or here == there:
            return 0, 0
        seconds = self.problem.seconds[here][there] if there is not None else None
        metres = self.problem.metres[here][there] if there is not None else None
        if seconds is None or metres is None:
            found.append(Violation("no_way", order))
            return 0, 0
        return seconds, metres

    @staticmethod
    def _rest(call: Call, pause: Break, now: int, seconds: int, found: list[Violation]) -> int:
        """Take the pause on a leg of `seconds` that begins `now`; return when the leg ends."""
        begins = max(now, pause.opens)
        call.arrival = begins
        if begins > pause.closes:
            found.append(Violation("break_too_late", None, begins - pause.closes))
        # Before the pause opens the vehicle drives on; the rest of the leg is driven after it.
        driven = min(begins - now, seconds)
        return begins + pause.seconds + seconds - driven


def _opens(half: Half, arrival: int) -> tuple[int, int]:
    """Return when the visit begins, and how late that is for its last window (0: it is not)."""
    windows = half.windows or ANYTIME
    for opens, closes in sorted(windows):
        if arrival <= closes:
            return max(arrival, opens), 0
    return arrival, arrival - max(closes for _, closes in windows)


def _overload(vehicle: PlanVehicle, order: PlanOrder, kilograms: int, litres: int, found: list[Violation]) -> None:
    if vehicle.kilograms is not None and kilograms > vehicle.kilograms:
        found.append(Violation("too_heavy", order.id, kilograms - vehicle.kilograms))
    if vehicle.litres is not None and litres > vehicle.litres:
        found.append(Violation("too_big", order.id, litres - vehicle.litres))


def _standing(vehicle: PlanVehicle, orders: Iterable[PlanOrder], stops: int) -> list[Violation]:
    """Return the violations of these orders in this vehicle in any sequence and at any time."""
    found = []
    for order in orders:
        if not order.skills <= vehicle.skills:
            found.append(Violation("skill_missing", order.id))
        if order.vehicle not in (None, vehicle.id):
            found.append(Violation("other_vehicle_has_goods", order.id))
    if vehicle.most_stops is not None and stops > vehicle.most_stops:
        found.append(Violation("too_many_stops", None, stops - vehicle.most_stops))
    return found


def _sequence(visits: Sequence[Visit], orders: dict[int, PlanOrder]) -> list[Violation]:
    seen: dict[int, list[str]] = {}
    for visit in visits:
        if visit.order is not None:
            seen.setdefault(visit.order, []).append(visit.kind)
    found = []
    for number, kinds in seen.items():
        wanted = ["delivery"] if orders[number].pickup is None else ["pickup", "delivery"]
        if kinds != wanted:
            found.append(Violation("delivery_before_pickup" if sorted(kinds) == sorted(wanted) else "half_an_order", number))
    return found
