"""Coming and leaving: noisy tracks of parked, passing and driving vehicles."""

import datetime as dt
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telematics.visits import Seen, Visit, follow

START = dt.datetime(2026, 11, 28, 8, tzinfo=dt.UTC)


def run(*fixes: tuple) -> Visit:
    visit = None
    for second, *rest in fixes:
        visit = follow(visit, Seen(START + dt.timedelta(seconds=second), *rest))
    assert visit is not None
    return visit


def seconds(instant: dt.datetime | None) -> float | None:
    return None if instant is None else (instant - START).total_seconds()


def shown(visit: Visit) -> tuple:
    return seconds(visit.entered_at), visit.is_sure, seconds(visit.left_at)


@pytest.mark.parametrize(
    ("fixes", "expected"),
    [
        # entering: one accurate fix, or two
        ([(0, 100, 10)], (0, False, None)),
        ([(0, 100)], (None, False, None)),
        ([(0, 100), (30, 120)], (0, False, None)),
        ([(0, 100, 400), (30, 120, 400)], (0, False, None)),
        ([(0, 100), (30, 900), (60, 100)], (None, False, None)),
        # staying
        ([(0, 100, 10), (119, 90, 10)], (0, False, None)),
        ([(0, 100, 10), (120, 90, 10)], (0, True, None)),
        # leaving: two fixes beyond the margin, or one and a minute
        ([(0, 10, 5), (200, 10, 5), (230, 500, 5)], (0, True, None)),
        ([(0, 10, 5), (200, 10, 5), (230, 500, 5), (240, 800, 5)], (0, True, 230)),
        ([(0, 10, 5), (200, 10, 5), (230, 500, 5), (295, 190, 5)], (0, True, 230)),
        ([(0, 10, 5), (200, 10, 5), (230, 500, 5), (250, 100, 5)], (0, True, None)),
        # a wide circle that touches the stop is no departure
        ([(0, 10, 5), (200, 10, 5), (230, 500, 400), (240, 500, 400), (400, 500, 400)], (0, True, None)),
        ([(0, 10, 5), (200, 190, 5), (260, 199, 5)], (0, False, None)),
        # passing by is a suggestion that the visit itself replaces
        ([(0, 100, 10), (20, 600, 10), (30, 900, 10)], (0, False, 20)),
        ([(0, 100, 10), (20, 600, 10), (30, 900, 10), (600, 50, 10), (800, 40, 10)], (600, True, None)),
        # an ended visit stays ended
        ([(0, 10, 5), (200, 10, 5), (230, 500, 5), (240, 800, 5), (900, 10, 5), (1200, 10, 5)], (0, True, 230)),
        # late fixes change nothing
        ([(0, 10, 5), (200, 10, 5), (230, 500, 5), (240, 800, 5), (210, 10, 5), (100, 900, 5)], (0, True, 230)),
    ],
)
def test_rules(fixes: list[tuple], expected: tuple) -> None:
    assert shown(run(*fixes)) == expected


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([5.0, 20.0, 60.0]), st.sampled_from([1, 10, 30]))
def test_a_parked_vehicle_never_leaves_and_arrives_once(seed: int, noise_m: float, every: int) -> None:
    chance = random.Random(seed)
    visit, entered = None, set()
    for step in range(240):
        # Rayleigh: both axes are normal. Receivers report the radius of 68 %, so 1.5 of it on each side is common.
        distance = abs(complex(chance.gauss(0, noise_m), chance.gauss(0, noise_m)))
        visit = follow(visit, Seen(START + dt.timedelta(seconds=step * every), min(distance, 190.0), noise_m))
        entered.add(visit.entered_at)
    assert visit is not None and visit.left_at is None
    assert len(entered - {None}) == 1
    assert visit.is_sure or every * 240 < 120


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.integers(130, 3000), st.sampled_from([5, 10, 20]))
def test_a_drive_with_one_halt_is_one_visit_of_about_its_length(seed: int, halt: int, every: int) -> None:
    chance = random.Random(seed)
    visit = None
    for second in range(0, 240 + halt + 240, every):
        if second < 240:
            true = (240 - second) * 10.0
        elif second < 240 + halt:
            true = 0.0
        else:
            true = (second - 240 - halt) * 10.0
        visit = follow(visit, Seen(START + dt.timedelta(seconds=second), abs(true + chance.gauss(0, 8)), 12.0))
    assert visit is not None and visit.is_sure
    entered, left = seconds(visit.entered_at), seconds(visit.left_at)
    assert entered is not None and left is not None
    assert abs(entered - 240) <= 20 + every
    assert 0 <= left - (240 + halt) <= 25 + 2 * every


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5000), st.floats(0, 2000), st.none() | st.floats(0, 2000)), min_size=1, max_size=60))
def test_instants_are_in_order_for_any_fixes(fixes: list[tuple]) -> None:
    visit = run(*fixes)
    order = [one for one in (visit.first_at, visit.entered_at, visit.left_at) if one is not None]
    assert order == sorted(order)
    assert visit.entered_at is not None or not (visit.is_sure or visit.left_at)
    # Sent again, whole or in part, nothing changes.
    again = visit
    for second, *rest in fixes:
        again = follow(again, Seen(START + dt.timedelta(seconds=second), *rest))
    assert again == visit
