"""Plans as plain values: the clock of a route, what it breaks, reasons, and the solver in its own process."""

import math
import os
import random
import tempfile
from dataclasses import replace

import pytest

from testing.pickup_delivery_instances import instance
from testing.route_plan_checker import faults
from trips.planning import engine, pyvrp_search, solver
from trips.planning.costs import cost
from trips.planning.insertion import cheapest, empty, improved, rebuilt
from trips.planning.problem import Break, Half, Objective, PlanOrder, PlanVehicle, Problem, Route, Solution, Visit
from trips.planning.reasons import Reason, why_left_out, why_this_vehicle
from trips.planning.schedule import schedule
from trips.planning.solver import exploration_level

HOUR = 3600
# Depot, pickup, delivery on a line: 10 minutes and 5 km between neighbours.
LINE = tuple(tuple(abs(a - b) * 600 for b in range(4)) for a in range(4))
KM = tuple(tuple(abs(a - b) * 5000 for b in range(4)) for a in range(4))
VAN = PlanVehicle(1, start=0, end=0, shift=(8 * HOUR, 17 * HOUR), kilograms=1000, litres=9000, skills=frozenset({"cold"}))
BOX = PlanOrder(7, Half(1, service=300), Half(2, service=300), kilograms=400, litres=500)
THERE = Route(1, (Visit("pickup", 7), Visit("delivery", 7)))


def problem(*orders, vehicles=(VAN,), **more):
    return Problem(orders, vehicles, LINE, KM, **more)


def codes(found):
    return [(row.code, row.by) for row in found.violations]


def test_a_route_on_the_clock():
    found = schedule(problem(BOX), THERE)
    assert found.is_feasible
    assert (found.starts, found.ends) == (8 * HOUR, 8 * HOUR + 600 + 300 + 600 + 300 + 1200)
    assert [(call.arrival - 8 * HOUR, call.departure - 8 * HOUR, call.kilograms, call.litres) for call in found.calls] == [
        (600, 900, 400, 500),
        (1500, 1800, 0, 0),
    ]
    assert (found.seconds, found.metres) == (2400, 20_000)


def test_it_begins_as_late_as_it_can_instead_of_waiting():
    late = replace(BOX, pickup=Half(1, ((10 * HOUR, 11 * HOUR),), 300))
    found = schedule(problem(late), THERE)
    assert (found.starts, found.calls[0].arrival, found.calls[0].wait) == (10 * HOUR - 600, 10 * HOUR, 0)


def test_the_next_window_is_taken_when_the_first_is_over():
    two = replace(BOX, pickup=Half(1, ((6 * HOUR, 7 * HOUR), (9 * HOUR, 10 * HOUR)), 300))
    assert schedule(problem(two), THERE).calls[0].arrival == 9 * HOUR


@pytest.mark.parametrize(
    ("order", "vehicle", "route", "expected"),
    [
        ({"delivery": Half(2, ((6 * HOUR, 8 * HOUR),), 300)}, {}, THERE, [("window_missed", 1500)]),
        ({"kilograms": 1250}, {}, THERE, [("too_heavy", 250)]),
        ({"litres": 9500}, {}, THERE, [("too_big", 500)]),
        ({"skills": frozenset({"crane"})}, {}, THERE, [("skill_missing", 0)]),
        ({}, {"shift": (8 * HOUR, 8 * HOUR + 2000)}, THERE, [("shift_exceeded", 1000)]),
        ({}, {"most_stops": 1}, THERE, [("too_many_stops", 1)]),
        ({}, {}, Route(1, tuple(reversed(THERE.visits))), [("delivery_before_pickup", 0), ("too_heavy", 0)][:1]),
        ({}, {}, Route(1, THERE.visits[:1]), [("half_an_order", 0)]),
        ({"vehicle": 2}, {}, THERE, [("other_vehicle_has_goods", 0)]),
    ],
)
def test_each_broken_promise_has_its_name_and_number(order, vehicle, route, expected):
    assert codes(schedule(problem(replace(BOX, **order), vehicles=(replace(VAN, **vehicle),)), route)) == expected


@pytest.mark.parametrize(
    ("opens", "closes", "begins", "ends_later"),
    [
        (7 * HOUR, 9 * HOUR, 8 * HOUR + 900, 1800),  # open already: before the leg
        (8 * HOUR + 1200, 9 * HOUR, 8 * HOUR + 1200, 1800),  # opens on the way: in mid-leg
        (8 * HOUR + 2400, 9 * HOUR, 8 * HOUR + 2400, 1800),  # opens after the leg: begins later, so that nobody waits for it
    ],
)
def test_a_break_is_taken_on_the_way(opens, closes, begins, ends_later):
    rested = replace(VAN, rest=Break(opens, closes, 1800))
    route = Route(1, (THERE.visits[0], Visit("break"), THERE.visits[1]))
    found = schedule(problem(BOX, vehicles=(rested,)), route)
    plain = schedule(problem(BOX), THERE)
    assert found.is_feasible
    assert (found.calls[1].arrival, found.ends - found.starts - (plain.ends - plain.starts)) == (begins, ends_later)


def test_a_break_that_begins_too_late_is_named():
    rested = replace(VAN, rest=Break(7 * HOUR, 8 * HOUR, 1800))
    route = Route(1, (*THERE.visits, Visit("break")))
    assert codes(schedule(problem(BOX, vehicles=(rested,)), route)) == [("break_too_late", 1800)]


def test_goods_on_board_are_delivered_by_their_vehicle_alone():
    loaded = replace(BOX, pickup=None, vehicle=1)
    found = schedule(problem(loaded), Route(1, (Visit("delivery", 7),)))
    assert (found.is_feasible, found.calls[0].kilograms) == (True, 0)


def test_the_cheapest_place_of_an_order():
    near = replace(BOX, id=8)
    found = cheapest(problem(BOX, near), THERE, 8)
    assert found is not None
    assert found.seconds == 0
    assert schedule(problem(BOX, near), found.route).is_feasible
    assert cheapest(problem(BOX, replace(near, kilograms=2000)), THERE, 8) is None


@pytest.mark.parametrize(
    ("order", "code", "numbers"),
    [
        ({"delivery": Half(None)}, Reason.UNROUTABLE_PIN, {"stops": ["delivery"]}),
        ({"skills": frozenset({"crane", "cold"})}, Reason.NO_VEHICLE_WITH_SKILLS, {"needed": ["cold", "crane"], "most_in_one_vehicle": 1}),
        (
            {"kilograms": 2000},
            Reason.EXCEEDS_EVERY_CAPACITY,
            {"kilograms": 2000, "litres": 500, "most_kilograms": 1000, "most_litres": 9000},
        ),
        (
            {"pickup": Half(1, ((4 * HOUR, 5 * HOUR),))},
            Reason.OUTSIDE_EVERY_SHIFT,
            {"first_shift": 8 * HOUR, "last_shift": 17 * HOUR, "windows": [[4 * HOUR, 5 * HOUR]]},
        ),
        (
            {"pickup": Half(1, ((12 * HOUR, 13 * HOUR),), 300), "delivery": Half(2, ((9 * HOUR, 10 * HOUR),))},
            Reason.WINDOWS_CANNOT_BOTH_BE_MET,
            {"late_seconds": 2 * HOUR + 900},
        ),
        (
            {"delivery": Half(2, ((8 * HOUR, 8 * HOUR + 1000),))},
            Reason.CANNOT_BE_SERVED_EVEN_ALONE,
            {"vehicle": 1, "breaks": "window_missed", "by": 500},
        ),
    ],
)
def test_each_order_left_out_has_its_reason(order, code, numbers):
    asked = problem(replace(BOX, **order))
    found = why_left_out(asked, Solution((), (7,)), 7)
    assert (found.code, found.numbers) == (code, numbers)


def test_a_full_fleet_names_who_would_have_to_go():
    short = replace(VAN, shift=(8 * HOUR, 8 * HOUR + 3000))
    other = replace(BOX, id=8, pickup=Half(1, service=600), delivery=Half(2, service=600))
    asked = problem(BOX, other, vehicles=(replace(short, kilograms=500),))
    found = why_left_out(asked, Solution((THERE,), (8,)), 8)
    assert found.code == Reason.CANNOT_BE_SERVED_EVEN_ALONE or found.numbers["instead_of"] == 7


def test_why_this_vehicle_names_the_second_best():
    far = replace(VAN, id=2, start=3, end=3)
    asked = problem(BOX, vehicles=(VAN, far))
    found = why_this_vehicle(asked, Solution((THERE,)), 7)
    assert found is not None
    assert (found.vehicle, found.seconds, found.other, found.other_seconds) == (1, 2400, 2, 2400)
    assert why_this_vehicle(asked, Solution((), (7,)), 7) is None


@pytest.mark.parametrize(("count", "windows", "level"), [(200, True, 5), (201, True, 3), (501, True, 0), (60, False, 5), (250, False, 0)])
def test_loose_problems_are_searched_less(count, windows, level):
    half = Half(1, ((8 * HOUR, 9 * HOUR),) if windows else ())
    assert exploration_level(problem(*(replace(BOX, id=number, pickup=half) for number in range(count)))) == level


def town(orders, vehicles, seed=1, **more):
    """A day in a square of 20 km: every other vehicle has a break, some orders need cold."""
    chance = random.Random(seed)
    points = [(chance.uniform(0, 20), chance.uniform(0, 20)) for _ in range(2 * orders + 1)]
    metres = tuple(tuple(int(math.dist(a, b) * 1300) for b in points) for a in points)
    seconds = tuple(tuple(way * 9 // 100 for way in row) for row in metres)

    def order(number):
        opens = chance.randrange(8, 15) * HOUR
        window = ((opens, opens + chance.choice([1, 2, 4]) * HOUR),)
        cold = frozenset({"cold"}) if chance.random() < 0.2 else frozenset()
        return PlanOrder(number, Half(2 * number - 1, (), 300), Half(2 * number, window, 300), chance.randrange(10, 400), 10, cold)

    def vehicle(number):
        rest = Break(12 * HOUR, 13 * HOUR, 1800) if number % 2 else None
        return replace(VAN, id=number, shift=(7 * HOUR, 18 * HOUR), rest=rest, skills=VAN.skills if number % 3 else frozenset())

    return Problem(
        tuple(order(number) for number in range(1, orders + 1)),
        tuple(vehicle(number) for number in range(1, vehicles + 1)),
        seconds, metres, **{"time_limit": 2, **more},
    )  # fmt: skip


@pytest.mark.slow
def test_the_solver_answers_feasible_routes_from_its_own_process():
    asked = town(30, 6)
    found = engine.solve(asked)
    assert faults(asked.as_json(), found.as_json()) == []
    assert all(schedule(asked, route).is_feasible for route in found.routes)
    served = [number for route in found.routes for number in route.orders]
    assert sorted([*served, *found.unassigned]) == [order.id for order in asked.orders]
    assert len(served) == 30
    assert Solution.from_json(found.as_json()) == found
    assert Problem.from_json(asked.as_json()) == asked
    fewest = engine.solve(replace(asked, objective=Objective.VEHICLES))
    assert len(fewest.routes) <= len(found.routes)


@pytest.mark.slow
def test_a_break_after_the_trip_could_end_costs_no_order():
    rested = replace(VAN, rest=Break(12 * HOUR, 13 * HOUR, 1800), shift=(8 * HOUR, 17 * HOUR))
    early = replace(BOX, pickup=Half(1, ((8 * HOUR, 9 * HOUR),), 300), delivery=Half(2, ((8 * HOUR, 9 * HOUR),), 300))
    asked = problem(early, vehicles=(rested,))
    found = engine.solve(asked)
    assert found.unassigned == ()
    assert schedule(asked, found.routes[0]).is_feasible


def test_a_cancelled_plan_ends_its_process():
    with pytest.raises(engine.PlanStopped):
        engine.solve(town(5, 2), is_cancelled=lambda: True)


def test_a_request_does_not_wait_long_for_another_plan(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where the host's lock lies, which another test may hold
    with engine._only_one(lambda: False, 0), pytest.raises(engine.PlannerBusy):
        engine.solve(town(5, 2), longest_wait=0)


def test_a_process_that_is_killed_is_a_failure_with_a_sentence(monkeypatch):
    killed = []

    def kill(child, *_):
        os.kill(child.pid, 9)
        killed.append(child.wait())

    monkeypatch.setattr(engine, "_wait", kill)
    with pytest.raises(engine.PlanFailed, match="signal 9"):
        engine.solve(town(5, 2))
    assert killed == [-9]


def test_an_empty_route_holds_its_pause():
    assert empty(problem(vehicles=(replace(VAN, rest=Break(0, 1, 1)),)), 1).visits == (Visit("break"),)


@pytest.mark.parametrize(
    ("order", "vehicle", "visits", "fault"),
    [
        ({}, {}, THERE.visits, None),
        ({"kilograms": 1250}, {}, THERE.visits, "1250 kg on board"),
        ({"skills": frozenset({"crane"})}, {}, THERE.visits, "needs"),
        ({"delivery": Half(2, ((6 * HOUR, 8 * HOUR),))}, {}, THERE.visits, "is after"),
        ({}, {"shift": (8 * HOUR, 8 * HOUR + 2000)}, THERE.visits, "after the shift"),
        ({}, {"most_stops": 1}, THERE.visits, "2 stops"),
        ({}, {}, THERE.visits[::-1], "before it is picked up"),
        ({}, {}, THERE.visits[:1], "never delivered"),
        ({}, {"rest": Break(7 * HOUR, 8 * HOUR, 600)}, THERE.visits, "without taking it"),
        ({}, {"rest": Break(7 * HOUR, 8 * HOUR, 600)}, (*THERE.visits, Visit("break")), "break at"),
    ],
)
def test_the_checker_of_the_benches_finds_what_the_clock_finds(order, vehicle, visits, fault):
    asked = problem(replace(BOX, **order), vehicles=(replace(VAN, **vehicle),))
    route = Route(1, visits)
    found = faults(asked.as_json(), Solution((route,)).as_json())
    assert [fault in one for one in found[:1]] == ([True] if fault else [])
    if fault != "without taking it":  # whether a route has a pause at all is the solver's business
        assert schedule(asked, route).is_feasible == (not found)


# --- PyVRP, which searches on from VROOM's routes ---
def test_it_searches_on_where_it_knows_all_that_is_asked(monkeypatch):
    monkeypatch.setattr(pyvrp_search, "find_spec", lambda _name: "there")
    fleet = (VAN, replace(VAN, id=2))
    assert pyvrp_search.can_search(problem(BOX, vehicles=fleet))
    assert not pyvrp_search.can_search(problem(BOX))  # one trip is VROOM's and its improvement's
    for vehicle in ({"rest": Break(0, 1, 1)}, {"most_stops": 4}):
        assert not pyvrp_search.can_search(problem(BOX, vehicles=(VAN, replace(VAN, id=2, **vehicle))))
    for order in ({"pickup": None, "vehicle": 1}, {"delivery": Half(2, ((0, 1), (5, 9)))}):
        assert not pyvrp_search.can_search(problem(replace(BOX, **order), vehicles=fleet))


@pytest.mark.parametrize("objective", list(Objective))
def test_what_it_finds_keeps_all_promises_and_costs_no_more(objective):
    pytest.importorskip("pyvrp")
    made = replace(instance("lr1", 9, objective=objective, time_limit=1), orders=instance("lr1", 9).orders[:12])
    orders = (
        replace(made.orders[0], skills=frozenset({"cold"})),
        replace(made.orders[1], skills=frozenset({"crane"})),  # nobody has one
        *made.orders[2:],
    )
    open_ended = {3: {"start": None}, 4: {"end": None}}
    fleet = tuple(
        replace(row, skills=frozenset({"cold"} if row.id == 2 else ()), cost_fixed=50, cost_per_km=row.id, **open_ended.get(row.id, {}))
        for row in made.vehicles[:6]
    )
    asked = replace(made, orders=orders, vehicles=fleet)
    first = solver._solve(asked, fleet)
    found = pyvrp_search.search(asked, first, 0.5)
    assert faults(asked.as_json(), found.as_json()) == []
    assert found.unassigned == (2,)
    assert cost(asked, found) <= cost(asked, first)
    assert {route.vehicle for route in found.routes if 1 in route.orders} == {2}


def test_the_answer_says_whose_routes_it_has():
    pytest.importorskip("pyvrp")
    asked = instance("lr1", 1, time_limit=2)
    found = engine.solve(asked)
    assert (found.engine, faults(asked.as_json(), found.as_json())) == ("pyvrp", [])
    assert engine.solve(problem(BOX)).engine == "vroom"


def test_a_route_is_improved_by_the_objective():
    """Least metres are least metres, also where the shorter way takes longer."""
    metres = ((0, 1, 9), (1, 0, 1), (9, 1, 0))
    seconds = ((0, 9, 1), (9, 0, 9), (1, 9, 0))
    orders = tuple(PlanOrder(number, None, Half(number), vehicle=1) for number in (1, 2))
    van = PlanVehicle(1, start=0)
    for objective, first in ((Objective.DISTANCE, 1), (Objective.TIME, 2)):
        route = Route(1, (Visit("delivery", 3 - first), Visit("delivery", first)))
        found = improved(Problem(orders, (van,), seconds, metres, objective), route)
        assert [visit.order for visit in found.visits] == [first, 3 - first]


def test_an_order_to_deliver_before_it_can_be_picked_up_is_left_out_and_the_others_are_planned():
    late = replace(BOX, id=8, pickup=Half(1, ((14 * HOUR, 15 * HOUR),), 300), delivery=Half(2, ((9 * HOUR, 10 * HOUR),), 300))
    found = solver.solve(problem(BOX, late, vehicles=(VAN, replace(VAN, id=2)), time_limit=0.3))
    assert found.unassigned == (8,) and [set(route.orders) for route in found.routes] == [{7}]


def test_a_vehicle_whose_shift_is_over_before_the_plan_begins_drives_no_route_and_the_others_do():
    over = replace(VAN, id=2, shift=(20 * HOUR, 16 * HOUR))
    on_board = PlanOrder(9, None, Half(2, service=300), vehicle=2)
    found = solver.solve(problem(BOX, on_board, vehicles=(VAN, over), time_limit=0.3))
    assert found.unassigned == (9,) and [(route.vehicle, set(route.orders)) for route in found.routes] == [(1, {7})]
    assert solver.solve(problem(BOX, vehicles=(over,), time_limit=0.3)).unassigned == (7,)


def test_a_plan_is_not_lost_to_the_search_that_makes_it_shorter(monkeypatch):
    def fail(*_):
        raise ValueError("no")

    monkeypatch.setattr(pyvrp_search, "search", fail)
    found = solver.solve(problem(BOX, vehicles=(VAN, replace(VAN, id=2)), time_limit=0.3))
    assert found.unassigned == () and len(found.routes) == 1


def test_a_route_is_made_shorter_no_longer_than_it_may_take():
    asked = town(8, 1)
    numbers = [order.id for order in asked.orders]
    route = Route(asked.vehicles[0].id, tuple(Visit(kind, number) for kind in ("pickup", "delivery") for number in numbers))
    assert rebuilt(asked, route, ends=0) == route
    assert improved(asked, route, ends=0) == route
