import math
import random

import pytest

from assistance.cells import EVERY_COLUMN, FIRST_COLUMN, LAST_COLUMN, LAST_ROW, Box, box_around, column_of, row_of
from depannini_dashmap.lib.geo import haversine_km


def test_cells_of_edges() -> None:
    assert (row_of(0.0), column_of(0.0)) == (0, 0)
    assert (row_of(-0.001), column_of(-0.001)) == (-1, -1)
    assert row_of(90.0) == row_of(89.999) == LAST_ROW
    assert row_of(-90.0) == -9000
    assert column_of(180.0) == column_of(-180.0) == FIRST_COLUMN
    assert column_of(179.999) == LAST_COLUMN


def test_a_box_on_the_180th_meridian_has_two_ranges() -> None:
    box = box_around(0.0, 179.99, 5.0)
    assert len(box.columns) == 2
    assert box.holds(0.0, 179.99)
    assert box.holds(0.0, -179.99)
    assert not box.holds(0.0, 0.0)


@pytest.mark.parametrize("lat", [89.99, -89.99, 90.0, -90.0])
def test_a_box_around_a_pole_goes_all_round(lat: float) -> None:
    assert box_around(lat, 12.0, 5.0).columns == EVERY_COLUMN


def test_the_whole_earth_is_one_box() -> None:
    assert box_around(36.0, 3.0, 20100.0) == Box(-9000, LAST_ROW, EVERY_COLUMN)


def test_every_point_within_the_radius_is_in_the_box() -> None:
    dice = random.Random(7)
    for _ in range(3000):
        lat, lng = dice.uniform(-90, 90), dice.uniform(-180, 180)
        radius = dice.choice([0.5, 2.0, 10.0, 50.0, 500.0])
        box = box_around(lat, lng, radius)
        there = _moved(lat, lng, dice.uniform(0, radius * 0.999999), dice.uniform(0, 2 * math.pi))
        assert haversine_km(lat, lng, *there) <= radius
        assert box.holds(*there), (lat, lng, radius, there)


def _moved(lat: float, lng: float, km: float, bearing: float) -> tuple[float, float]:
    angle, phi = km / 6371.0088, math.radians(lat)
    new_phi = math.asin(
        max(-1.0, min(1.0, math.sin(phi) * math.cos(angle) + math.cos(phi) * math.sin(angle) * math.cos(bearing)))
    )
    turn = math.atan2(
        math.sin(bearing) * math.sin(angle) * math.cos(phi), math.cos(angle) - math.sin(phi) * math.sin(new_phi)
    )
    return math.degrees(new_phi), (lng + math.degrees(turn) + 540) % 360 - 180
