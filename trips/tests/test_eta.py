"""When a vehicle may be where: straight legs, made longer, at one speed; service; steps of five minutes."""

from datetime import UTC, datetime, timedelta

import pytest

from depannini_dashmap.lib.roads.routing import Leg
from trips.eta import Pace, arrivals, due_times, rounded_up

# A degree of latitude is 111.195 km: a little less than half an hour at the pace below.
PACE = Pace(road_factor=2, mean_speed_kmh=445, service=timedelta(minutes=20))
SOUTH, NORTH = (36.0, 3.0), (37.0, 3.0)
HALF_AN_HOUR = Leg(1799, 11_000, "straight_line")


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
    told = arrivals(
        now=at(now), at=at(fix_at), legs=[HALF_AN_HOUR], service=PACE.service, served_since=served_since and at(served_since)
    )
    assert told[0].at == at(expected)


def test_arrivals_follow_each_other_with_service_between_and_grow_less_certain():
    legs = [HALF_AN_HOUR, None, HALF_AN_HOUR]
    first, nowhere, last = arrivals(now=at("08:00"), at=at("08:00"), legs=legs, service=PACE.service, served_since=None)
    assert nowhere is None
    assert (first.earliest, first.at, first.latest, first.source) == (at("08:25"), at("08:30"), at("08:50"), "straight_line")
    assert (last.earliest, last.at, last.latest) == (at("09:30"), at("09:40"), at("10:20"))


def test_arrivals_by_road_are_given_to_the_minute():
    told = arrivals(now=at("08:00"), at=at("08:00"), legs=[Leg(1790, 9000, "road")], service=PACE.service, served_since=None)[0]
    assert (told.at, told.earliest, told.latest, told.source) == (at("08:30"), at("08:27"), at("08:41"), "road")


def test_one_estimated_leg_makes_what_follows_an_estimate():
    legs = [Leg(600, 9000, "road"), HALF_AN_HOUR, Leg(600, 9000, "road")]
    told = arrivals(now=at("08:00"), at=at("08:00"), legs=legs, service=timedelta(), served_since=None)
    assert [one.source for one in told] == ["road", "straight_line", "straight_line"]


def test_beyond_a_leg_without_a_way_nobody_knows():
    legs = [Leg(600, 9000, "road"), Leg(None, None, "road"), Leg(600, 9000, "road")]
    told = arrivals(now=at("08:00"), at=at("08:00"), legs=legs, service=timedelta(), served_since=None)
    assert [one and one.at for one in told] == [at("08:10"), None, None]


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
