"""Jumps are found, and only jumps."""

import datetime as dt

from telematics.plausibility import Fix, Track, is_reachable

START = dt.datetime(2024, 1, 15, 14, 30, tzinfo=dt.UTC)


def at(seconds: float, latitude: float, longitude: float = 3.0) -> Fix:
    return Fix(START + dt.timedelta(seconds=seconds), latitude, longitude)


def test_driving_is_reachable_in_both_directions_of_time() -> None:
    assert is_reachable(at(0, 36.0), at(60, 36.02))
    assert is_reachable(at(60, 36.02), at(0, 36.0))


def test_H06_three_thousand_km_in_a_second_is_not() -> None:
    assert not is_reachable(at(0, 36.0), at(1, 63.0))


def test_noise_of_a_standing_receiver_is_no_jump() -> None:
    assert is_reachable(at(0, 36.0), at(0.1, 36.001))


def test_the_180th_meridian_is_no_jump() -> None:
    assert is_reachable(at(0, 10.0, 179.999), at(10, 10.0, -179.999))


def test_a_single_jump_is_flagged_and_the_return_is_not() -> None:
    track = Track()
    assert [track.judge(fix) for fix in (at(0, 36.0), at(10, 60.0), at(20, 36.001))] == [False, True, False]


def test_a_vehicle_that_was_moved_is_believed_at_its_second_fix() -> None:
    track = Track()
    assert [track.judge(fix) for fix in (at(0, 36.0), at(10, 60.0), at(20, 60.001))] == [False, True, False]


def test_a_track_goes_on_from_what_is_known() -> None:
    track = Track(previous=at(10, 60.0), trusted=at(0, 36.0))
    assert not track.judge(at(20, 36.001))
