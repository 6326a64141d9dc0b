"""Checks a plan without any of the planner's own code: from the problem's and the solution's JSON alone.

It says every fault as a sentence; an empty list is a plan that can be driven.
"""

from __future__ import annotations

from typing import Any

NO_WINDOW = [[0, 10**9]]


def faults(problem: dict[str, Any], solution: dict[str, Any]) -> list[str]:
    """Return what is wrong with a solution: of each route, and of who is served how often."""
    orders = {row["id"]: row for row in problem["orders"]}
    vehicles = {row["id"]: row for row in problem["vehicles"]}
    found, served = [], []
    used = [route["vehicle"] for route in solution["routes"]]
    found += [f"vehicle {number} has two routes" for number in set(used) if used.count(number) > 1]
    for route in solution["routes"]:
        found += [f"vehicle {route['vehicle']}: {fault}" for fault in _route_faults(problem, orders, vehicles[route["vehicle"]], route["visits"])]
        served += sorted({visit["order"] for visit in route["visits"] if visit["order"] is not None})
    found += [f"order {number} is served twice" for number in set(served) if served.count(number) > 1]
    found += [f"order {number} is served and left out" for number in set(served) & set(solution["unassigned"])]
    missing = set(orders) - set(served) - set(solution["unassigned"])
    return found + [f"order {number} is neither served nor left out" for number in sorted(missing)]


def _route_faults(problem: dict[str, Any], orders: dict[int, Any], vehicle: dict[str, Any], visits: list[dict[str, Any]]) -> list[str]:
    found, place, clock = [], vehicle["start"], vehicle["shift"][0]
    load = [0, 0]
    picked: set[int] = set()
    done: set[int] = set()
    rest = None
    has_rested = False
    for visit in visits:
        if visit["order"] is None:
            rest = vehicle["rest"]
            continue
        order = orders[visit["order"]]
        half = order[visit["kind"]]
        if not set(order["skills"]) <= set(vehicle["skills"]):
            found.append(f"order {order['id']} needs {order['skills']}")
        clock, fault, rested = _drive(problem, place, half["place"], clock, rest)
        has_rested, rest = has_rested or rested, None if rested else rest
        found += fault
        place = half["place"]
        windows = sorted(half["windows"]) or NO_WINDOW
        opening = next((window for window in windows if clock <= window[1]), None)
        if opening is None:
            found.append(f"{visit['kind']} of order {order['id']} at {clock} is after {windows[-1][1]}")
        else:
            clock = max(clock, opening[0])
        clock += half["service"]
        sign = 1 if visit["kind"] == "pickup" else -1
        load = [load[0] + sign * order["kilograms"], load[1] + sign * order["litres"]]
        if visit["kind"] == "pickup":
            picked.add(order["id"])
        else:
            if order["pickup"] is not None and order["id"] not in picked:
                found.append(f"order {order['id']} is delivered before it is picked up")
            done.add(order["id"])
        for amount, limit, unit in ((load[0], vehicle["kilograms"], "kg"), (load[1], vehicle["litres"], "l")):
            if limit is not None and amount > limit:
                found.append(f"{amount} {unit} on board, {limit} allowed")
    clock, fault, rested = _drive(problem, place, vehicle["end"], clock, rest)
    found += fault
    found += [f"order {number} is never delivered" for number in picked - done]
    if clock > vehicle["shift"][1]:
        found.append(f"back at {clock}, after the shift")
    stops = sum(visit["order"] is not None for visit in visits)
    if vehicle["most_stops"] is not None and stops > vehicle["most_stops"]:
        found.append(f"{stops} stops")
    if vehicle["rest"] and stops and not (has_rested or rested) and clock > vehicle["rest"]["closes"]:
        found.append("works past its break without taking it")
    return found


def _drive(problem: dict[str, Any], start: int | None, goal: int | None, clock: int, rest: dict[str, int] | None) -> tuple[int, list[str], bool]:
    """Drive a leg, with a pause on it where one is due; return when it ends, faults, and whether the pause was taken."""
    seconds = 0
    if start is not None and goal is not None and start != goal:
        way = problem["seconds"][start][goal]
        if way is None:
            return clock, [f"no way from {start} to {goal}"], rest is not None
        seconds = way
    if rest is None:
        return clock + seconds, [], False
    begins = max(clock, min(rest["opens"], clock + seconds))
    begins = max(begins, rest["opens"])
    late = [f"break at {begins}, after {rest['closes']}"] if begins > rest["closes"] else []
    before = min(begins - clock, seconds)
    return begins + rest["seconds"] + (seconds - before), late, True
