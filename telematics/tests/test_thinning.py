"""Fewer points, the same line."""

from math import sin

import pytest

from telematics.line_simplification import thin


def test_short_lines_stay_whole() -> None:
    assert thin([], 10) == []
    assert thin([(1.0, 1.0)], 10) == [0]
    assert thin([(float(i), 0.0) for i in range(10)], 10) == list(range(10))


def test_corners_stay_and_what_lies_on_a_line_goes() -> None:
    along = [(36.0, 3.0 + i / 100) for i in range(50)]
    up = [(36.0 + i / 100, 3.49) for i in range(1, 50)]
    assert thin(along + up, 3) == [0, 49, 98]


def test_exactly_the_limit_with_both_ends_in_order() -> None:
    points = [(36 + sin(i / 30) / 10, 3 + i / 10000) for i in range(5000)]
    kept = thin(points, 1000)
    assert (len(kept), kept[0], kept[-1]) == (1000, 0, 4999)
    assert kept == sorted(set(kept))


def test_the_180th_meridian_is_no_corner() -> None:
    here = [(10 + sin(i / 3) / 10, i / 10) for i in range(200)]
    across = [(lat, (lng + 170 + 180) % 360 - 180) for lat, lng in here]
    assert thin(across, 20) == thin(here, 20)


def test_all_points_alike() -> None:
    assert len(thin([(36.0, 3.0)] * 3000, 1000)) == 1000


def test_a_line_needs_two_points() -> None:
    with pytest.raises(ValueError, match="two points"):
        thin([(0.0, 0.0)] * 3, 1)
