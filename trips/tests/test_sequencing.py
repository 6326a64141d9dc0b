"""The order of stops as plain values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trips.sequencing import (
    DELIVERY,
    PICKUP,
    ReorderError,
    backward_orders,
    incomplete_orders,
    insertion_index,
    moved,
    renumbering,
    reordered,
)


@pytest.mark.parametrize(
    ("count", "sequence", "index"), [(0, None, 0), (3, None, 3), (3, 1, 0), (3, 2, 1), (3, 4, 3), (3, 99, 3), (3, 0, 0)]
)
def test_where_a_stop_comes_in(count, sequence, index):
    assert insertion_index(count, sequence) == index


def test_a_partial_list_sorts_the_named_among_their_places():
    assert reordered([10, 11, 12, 13], [(13, -5), (11, 7)]) == [10, 13, 12, 11]
    assert reordered([10, 11], []) == [10, 11]


@pytest.mark.parametrize(
    "numbers", [[(10, 1), (10, 2)], [(10, 1), (11, 1)], [(99, 1)], [(10, 1), (11, 2), (12, 3), (13, 4), (14, 5)]]
)
def test_what_a_reorder_refuses(numbers):
    with pytest.raises(ReorderError):
        reordered([10, 11, 12, 13], numbers)


@given(st.lists(st.integers(), unique=True), st.data())
def test_a_reorder_keeps_every_stop_and_every_place_not_named(current, data):
    named = data.draw(st.lists(st.sampled_from(current), unique=True)) if current else []
    numbers = data.draw(st.lists(st.integers(), min_size=len(named), max_size=len(named), unique=True))
    result = reordered(current, list(zip(named, numbers, strict=True)))
    assert sorted(result) == sorted(current)
    assert all(now == was for now, was in zip(result, current, strict=True) if was not in named)
    by_number = [pk for _, pk in sorted(zip(numbers, named, strict=True))]
    assert [pk for pk in result if pk in named] == by_number


def test_moving_one_stop():
    assert moved([1, 2, 3], 3, 1) == [3, 1, 2]
    assert moved([1, 2, 3], 1, 2) == [2, 1, 3]
    assert moved([1, 2, 3], 1, 99) == [2, 3, 1]


def test_journeys_that_run_backward_or_lack_a_half():
    halves = [(7, DELIVERY), (7, PICKUP), (8, PICKUP), (9, DELIVERY), (8, PICKUP)]
    assert backward_orders(halves) == [7]
    assert incomplete_orders(halves) == [8, 9]
    assert backward_orders(reversed(halves)) == []


def test_only_what_differs_is_renumbered():
    assert renumbering([5, 6, 7], {5: 1, 6: 3, 7: 2}) == {6: 2, 7: 3}
