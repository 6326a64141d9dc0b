"""When a vehicle may be where: straight legs, made longer, at one speed; service; steps of five minutes."""

from datetime import UTC, datetime, timedelta

import pytest

from trips.eta import Pace, due_times, expected_arrival, rounded_up

# A degree of latitude is 111.195 km: a little less than half an hour at the pace below.
PACE = Pace(road_factor=2, mean_speed_kmh=445, service=timedelta(minutes=20))
SOUTH, NORTH = (36.0, 3.0), (37.0, 3.0)


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-05-04T{clock}").replace(tzinfo=UTC)


def test_the_drive_is_the_straight_line_made_longer():
    assert PACE.travel(SOUTH, NORTH).total_seconds() == pytest.approx(1800, abs=1)
    assert PACE.travel(SOUTH, SOUTH) == timedelta()


@pytest.mark.parametrize(
    ("now", "fix_at", "served_since", "expected"),
    [
        ("08:00", "07:58", None, "08:30"),
        ("08:00", "08:00:30", None, "08:35"),
        ("08:00", "07:50", "07:45", "08:35"),
        ("08:00", "07:50", "06:00", "08:20"),
        ("09:01", "07:50", None, "09:05"),
    ],
)
def test_an_arrival_counts_from_the_fix_and_after_the_service(now, fix_at, served_since, expected):
    told = expected_arrival(
        PACE, now=at(now), at=at(fix_at), place=SOUTH, goal=NORTH, served_since=served_since and at(served_since)
    )
    assert told == at(expected)


def test_due_times_add_legs_and_service_and_skip_what_has_no_place():
    stops = [SOUTH, None, NORTH, NORTH]
    assert due_times(PACE, begins=at("08:00"), stops=stops) == [at("08:00"), None, at("09:10"), at("09:30")]
    from_depot = due_times(PACE, begins=at("08:00"), stops=stops, origin=NORTH)
    assert from_depot == [at("08:30"), None, at("09:40"), at("10:00")]
    assert due_times(PACE, begins=at("08:00"), stops=[]) == []


def test_moments_are_rounded_up_to_five_minutes():
    assert rounded_up(at("23:56")) == datetime(2026, 5, 5, tzinfo=UTC)
    assert rounded_up(at("08:05")) == at("08:05")
    assert rounded_up(at("08:05:00.000001")) == at("08:10")
