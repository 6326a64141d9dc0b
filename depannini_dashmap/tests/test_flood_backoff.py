"""How long a flooder is turned away. Over TCP, see assistance/test_floods."""

from collections.abc import Iterator
from typing import Any

import pytest

from depannini_dashmap.lib.realtime import flood_backoff
from depannini_dashmap.lib.realtime.flood_backoff import FIRST, FORGOTTEN_AFTER, LONGEST, MOST

HIS, OTHERS = ("Bearer", "his"), ("Bearer", "another's")


@pytest.fixture
def clock(monkeypatch: Any) -> Iterator[list[float]]:
    """Set the time by hand, and forget who was punished."""
    now = [1000.0]
    monkeypatch.setattr("depannini_dashmap.lib.realtime.flood_backoff.time.monotonic", lambda: now[0])
    monkeypatch.setattr(flood_backoff, "_running", {})
    yield now


def served(clock: list[float], credentials: tuple[str, str] = HIS) -> float:
    """Wait for the end of a back-off and return its length."""
    began = clock[0]
    while flood_backoff.is_held(credentials):
        clock[0] += 0.5
    return clock[0] - began


def test_each_one_is_twice_as_long_up_to_a_minute(clock: list[float]) -> None:
    lengths = []
    for _ in range(8):
        flood_backoff.impose(HIS)
        lengths.append(served(clock))
    assert lengths == [FIRST, 2, 4, 8, 16, 32, LONGEST, LONGEST]


def test_it_is_forgotten_after_a_while(clock: list[float]) -> None:
    for _ in range(3):
        flood_backoff.impose(HIS)
    served(clock)
    clock[0] += FORGOTTEN_AFTER
    flood_backoff.impose(HIS)
    assert served(clock) == FIRST


def test_it_goes_with_the_token_however_it_is_sent(clock: list[float]) -> None:
    flood_backoff.impose(HIS)
    assert flood_backoff.is_held((None, "his"))
    assert not flood_backoff.is_held(OTHERS)


def test_who_brings_no_token_has_none(clock: list[float]) -> None:
    flood_backoff.impose(None)
    assert not flood_backoff.is_held(None)


def test_the_oldest_make_room(clock: list[float]) -> None:
    flood_backoff.impose(HIS)
    flood_backoff.impose(OTHERS)
    flood_backoff.impose(HIS)
    for number in range(MOST - 1):
        flood_backoff.impose((None, str(number)))
    assert flood_backoff.is_held(HIS)
    assert not flood_backoff.is_held(OTHERS)
