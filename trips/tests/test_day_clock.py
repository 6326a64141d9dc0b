"""Clock times of a day as seconds that have passed: nights in which clocks change, and the ends of the calendar."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from trips.planning.day_clock import DayClock, clock_of

HOUR = 3600
FORTH, BACK = DayClock(dt.date(2027, 3, 28), ZoneInfo("Europe/Paris")), DayClock(dt.date(2026, 10, 25), ZoneInfo("Europe/Paris"))


@pytest.mark.parametrize(
    ("clock", "shown", "passed"),
    [
        (FORTH, 1.5, 1.5),
        (FORTH, 2, 2),
        (FORTH, 2.5, 2),  # skipped: when it is skipped
        (FORTH, 3, 2),
        (FORTH, 30, 29),
        (BACK, 2.5, 2.5),  # comes twice: the first
        (BACK, 3, 4),
        (BACK, 30, 31),
        (DayClock(dt.date(2026, 10, 24), ZoneInfo("Europe/Paris")), 27, 28),
    ],
)
def test_clock_times_as_seconds(clock, shown, passed):
    assert clock.passed(int(shown * HOUR)) == passed * HOUR
    if shown != 2.5:
        assert clock.wall(int(passed * HOUR)) == dt.datetime.combine(clock.day, dt.time()) + dt.timedelta(hours=3 if shown == 2 else shown)


@pytest.mark.parametrize("day", [dt.date.min, dt.date.max])
def test_both_ends_of_the_calendar_have_a_clock(day, settings):
    settings.DISPLAY_TIME_ZONE = "Europe/Paris"
    assert (clock_of(day).passed(30 * HOUR), clock_of(day).wall(HOUR).hour) == (30 * HOUR, 1)
