"""A trip as a line and as a span of time."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from depannini_dashmap.lib.time_zone import instant_of
from trips.itinerary import (
    day_to_name,
    due_at,
    due_instant,
    feature_collection,
    is_late,
    planned_duration_minutes,
    total_distance_km,
)
from trips.planning.day_clock import DayClock

ALGIERS, PARIS = (36.7538, 3.0588), (48.8566, 2.3522)


def test_the_distance_is_the_sum_of_the_legs():
    assert total_distance_km([]) == 0
    assert total_distance_km([ALGIERS]) == 0
    assert total_distance_km([ALGIERS, PARIS]) == pytest.approx(1347, abs=5)
    assert total_distance_km([ALGIERS, PARIS, ALGIERS]) == pytest.approx(
        2 * total_distance_km([ALGIERS, PARIS]), abs=0.01
    )


DAY, ALGIERS_ZONE, PARIS_ZONE = date(2026, 11, 25), ZoneInfo("Africa/Algiers"), ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("start", "clock", "due"),
    [
        (time(8), time(8), (25, 8, 0)),
        (time(8), time(7, 50), (25, 7, 50)),  # before the start: the same morning, not the next one
        (time(8), time(2), (25, 2, 0)),
        (time(8), time(1, 59), (26, 1, 59)),
        (time(22), time(1), (26, 1, 0)),
        (time(22), time(16), (25, 16, 0)),
        (time(22), time(15, 59), (26, 15, 59)),
        (time(2), time(23), (24, 23, 0)),  # a start at night: an hour before midnight is three hours before it
        (time(2), time(19, 59), (25, 19, 59)),
    ],
)
def test_a_stop_is_due_in_the_day_that_begins_six_hours_before_the_start(start, clock, due):
    assert due_at(datetime.combine(DAY, start), clock) == datetime(2026, 11, *due)


@pytest.mark.parametrize(
    ("start", "due", "day"),
    [(time(8), (25, 9), None), (time(22), (26, 2), None), (time(22), (25, 11), 25), (time(22), (26, 16), 26), (time(8), (26, 1), None), (time(8), (26, 2), 26)],
)
def test_a_day_is_named_where_the_clock_alone_does_not_tell_it(start, due, day):
    begins, due = datetime.combine(DAY, start), datetime(2026, 11, *due)
    named = day_to_name(begins, due)
    assert named == (day and date(2026, 11, day)) and due_at(begins, due.time(), named) == due


def test_a_named_day_decides():
    start = datetime.combine(DAY, time(8))
    assert due_at(start, time(9), date(2026, 11, 27)) == datetime(2026, 11, 27, 9)
    assert planned_duration_minutes(start, [(time(9), date(2026, 11, 27))]) == 49 * 60


@pytest.mark.parametrize(
    ("start", "arrivals", "minutes"),
    [
        (time(8), [], None),
        (time(8), [None, None], None),
        (time(8), [time(8)], 0),
        (time(8), [time(7, 50)], 0),
        (time(8), [time(9), None, time(14, 30)], 390),
        (time(8), [time(14, 30), time(9)], 390),
        (time(22), [time(23), time(1)], 180),
        (time(22), [time(1), time(23), time(1)], 180),
    ],
)
def test_the_planned_duration_goes_to_the_last_due_time(start, arrivals, minutes):
    assert planned_duration_minutes(datetime.combine(DAY, start), [(clock, None) for clock in arrivals]) == minutes


@pytest.mark.parametrize(
    ("night", "minutes"),
    [(date(2026, 3, 28), 7 * 60), (date(2026, 10, 24), 9 * 60), (date(2026, 11, 25), 8 * 60)],
)
def test_nights_on_which_the_clocks_change_are_as_long_as_they_are(night, minutes):
    start = datetime.combine(night, time(22))
    assert planned_duration_minutes(start, [(time(6), None)], PARIS_ZONE) == minutes


@pytest.mark.parametrize(
    ("clocks", "late"),
    [
        (["07:50", "10:00", "12:00"], 3),
        (["11:00", "10:30", "12:00", "13:00"], 4),
        (["16:59", "17:00", "17:01", None], 1),
        (["01:00", "03:00"], 1),
    ],
)
def test_one_odd_time_moves_no_other(clocks, late):
    start, now = datetime.combine(DAY, time(8)), datetime(2026, 11, 25, 17, tzinfo=ALGIERS_ZONE)
    due = [(time.fromisoformat(clock) if clock else None, None) for clock in clocks]
    assert sum(is_late(start, one, now, ALGIERS_ZONE) for one in due) == late


def test_lateness_is_reckoned_in_real_time_when_the_clocks_change():
    # 06:00 in Paris is 05:00 UTC in winter and 04:00 UTC in summer.
    spring = (datetime(2026, 3, 28, 22), (time(6), None))
    assert not is_late(*spring, datetime(2026, 3, 29, 4, 0, tzinfo=UTC), PARIS_ZONE)
    assert is_late(*spring, datetime(2026, 3, 29, 4, 1, tzinfo=UTC), PARIS_ZONE)
    autumn = (datetime(2026, 10, 24, 22), (time(6), None))
    assert not is_late(*autumn, datetime(2026, 10, 25, 5, 0, tzinfo=UTC), PARIS_ZONE)
    assert is_late(*autumn, datetime(2026, 10, 25, 5, 1, tzinfo=UTC), PARIS_ZONE)


@pytest.mark.parametrize("clock", [time(2), time(2, 30), time(2, 59), time(3)])
def test_a_clock_time_that_is_skipped_is_the_moment_at_which_it_is(clock):
    start = datetime(2027, 3, 27, 22)
    assert due_instant(start, clock, None, PARIS_ZONE) == datetime(2027, 3, 28, 1, 0, tzinfo=UTC)
    assert planned_duration_minutes(start, [(clock, None)], PARIS_ZONE) == 4 * 60
    assert DayClock(date(2027, 3, 28), PARIS_ZONE).passed(clock.hour * 3600 + clock.minute * 60) == 2 * 3600


@pytest.mark.parametrize(
    ("zone", "shown", "instant"),
    [
        ("Africa/Cairo", datetime(2026, 4, 24, 0, 0), datetime(2026, 4, 23, 22, 0, tzinfo=UTC)),  # the day begins at 01:00
        ("Africa/Cairo", datetime(2026, 4, 24, 0, 45), datetime(2026, 4, 23, 22, 0, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 10, 4, 2, 20), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),  # half an hour is skipped
        ("Europe/Paris", datetime(2026, 10, 25, 2, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # comes twice: the first
        ("Africa/Algiers", datetime(2026, 3, 29, 2, 30), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
    ],
)
def test_what_the_clock_shows_is_one_moment(zone, shown, instant):
    assert instant_of(shown, ZoneInfo(zone)) == instant


def test_a_line_across_the_180th_meridian_is_cut_there():
    places = [(-17.0, 179.0), (-17.5, -179.0), (-18.0, 178.0)]
    stops = [{"id": n, "latitude": lat, "longitude": lng} for n, (lat, lng) in enumerate(places)]
    assert feature_collection({"id": 9}, stops)["features"][-1]["geometry"] == {
        "type": "MultiLineString",
        "coordinates": [
            [[179.0, -17.0], [180.0, -17.25]],
            [[-180.0, -17.25], [-179.0, -17.5], [-180.0, -17.666667]],
            [[180.0, -17.666667], [178.0, -18.0]],
        ],
    }


def test_the_drawing_has_points_and_one_line():
    stops = [
        {"id": 1, "latitude": "1.5", "longitude": "2.5", "name": "a"},
        {"id": 2, "latitude": None, "longitude": None, "name": "b"},
        {"id": 3, "latitude": "3.5", "longitude": "4.5", "name": "c"},
    ]
    drawing = feature_collection({"id": 9}, stops)
    assert [feature["geometry"] and feature["geometry"]["type"] for feature in drawing["features"]] == [
        "Point",
        None,
        "Point",
        "LineString",
    ]
    assert drawing["features"][-1]["geometry"]["coordinates"] == [[2.5, 1.5], [4.5, 3.5]]
    assert len(feature_collection({"id": 9}, stops[:2])["features"]) == 2
