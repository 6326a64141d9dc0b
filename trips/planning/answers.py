"""What a plan answers: trips with their times, loads and lines, and a reason for every order left out; plain values."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fleet.models import Vehicle
from orders.models import Order
from trips.planning.problem import Problem, Route, Solution
from trips.planning.reading import Places
from trips.planning.reasons import LeftOut, Reason, why_left_out
from trips.planning.schedule import Schedule, schedule

# How long reasons may be looked for; later orders get `fleet_full` as a reason, without an exchange.
REASON_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a plan as JSON holds it. Times are seconds that have passed since midnight of its day, distances metres."""

    source: str
    engine: str
    trips: list[dict[str, Any]]
    left_out: list[dict[str, Any]]
    totals: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the answer as values that JSON holds."""
        return asdict(self)


def answer_of(problem: Problem, solution: Solution, orders: Sequence[Order], vehicles: Sequence[Vehicle], places: Places) -> Answer:
    """Return what a plan shows of a solution."""
    numbers = {order.pk: order.order_number for order in orders}
    plates = {vehicle.pk: vehicle.license_plate for vehicle in vehicles}
    trips = []
    for route in solution.routes:
        timed = schedule(problem, route)
        trips.append({"vehicle": route.vehicle, "license_plate": plates[route.vehicle], **trip_of(problem, route, timed, numbers, places)})
    left_out = [
        {"order": row.order, "order_number": numbers[row.order], "code": row.code.value, "numbers": _named(row, numbers, plates)}
        for row in _reasons(problem, solution)
    ]
    return Answer(places.source, solution.engine, trips, left_out, _totals(solution, trips))


def trip_of(problem: Problem, route: Route, timed: Schedule, numbers: dict[int, str], places: Places) -> dict[str, Any]:
    """Return one route on the clock: its stops with arrival, wait, service, leg and load, and what it breaks."""
    stops = []
    for call in timed.calls:
        place = _place(problem, call.visit.order, call.visit.kind)
        point = places.points[place] if place is not None else (None, None)
        stops.append(
            {
                "kind": call.visit.kind,
                "order": call.visit.order,
                "order_number": numbers.get(call.visit.order or 0),
                "latitude": point[0],
                "longitude": point[1],
                "arrival": call.arrival,
                "wait": call.wait,
                "service": call.service,
                "leg_seconds": call.leg_seconds,
                "leg_metres": call.leg_metres,
                "kilograms": call.kilograms,
                "litres": call.litres,
            }
        )
    return {
        "starts": timed.starts,
        "ends": timed.ends,
        "seconds": timed.seconds,
        "metres": timed.metres,
        "stops": stops,
        "violations": [asdict(row) for row in timed.violations],
    }


def _place(problem: Problem, order_id: int | None, kind: str) -> int | None:
    if order_id is None:
        return None
    order = problem.order[order_id]
    return order.pickup.place if kind == "pickup" and order.pickup else order.delivery.place


def _reasons(problem: Problem, solution: Solution) -> list[LeftOut]:
    ends, found = time.monotonic() + REASON_SECONDS, []
    for order_id in solution.unassigned:
        if time.monotonic() < ends:
            found.append(why_left_out(problem, solution, order_id))
        else:
            found.append(LeftOut(order_id, Reason.FLEET_FULL, {"instead_of": None}))
    return found


def _named(row: LeftOut, numbers: dict[int, str], plates: dict[int, str]) -> dict[str, Any]:
    """Return a reason's numbers with the names of the order and the vehicle in them."""
    named = dict(row.numbers)
    if named.get("instead_of") is not None:
        named["instead_of_number"] = numbers[named["instead_of"]]
    if "vehicle" in named:
        named["license_plate"] = plates[named["vehicle"]]
    return named


def _totals(solution: Solution, trips: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "served": sum(len(route.orders) for route in solution.routes),
        "left_out": len(solution.unassigned),
        "trips": len(trips),
        "seconds": sum(row["ends"] - row["starts"] for row in trips),
        "driving_seconds": sum(row["seconds"] for row in trips),
        "metres": sum(row["metres"] for row in trips),
    }
