"""The zone of people's clocks: the DISPLAY_TIME_ZONE setting. The API speaks UTC."""

import datetime as dt
from bisect import bisect_left
from zoneinfo import ZoneInfo

from django.conf import settings


def display_zone() -> ZoneInfo:
    """Return the zone in which pages show times, and in which planned clock times are meant."""
    return ZoneInfo(settings.DISPLAY_TIME_ZONE)


def instant_of(shown: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """Return the moment, in UTC, at which the clocks of a zone show a time that is given without one.

    A time that is skipped when the clocks go forward is the moment at which it is skipped; of one that comes twice it is the
    first. Raises: OverflowError at the ends of the calendar.
    """
    first, second = (shown.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC) for fold in (0, 1))
    if first <= second:
        return first
    # The clocks change between the two, which are as far apart as the change is long.
    before = second.astimezone(zone).utcoffset()
    seconds = range(int((first - second).total_seconds()))
    passed = bisect_left(seconds, True, key=lambda n: (second + dt.timedelta(seconds=n)).astimezone(zone).utcoffset() != before)
    return second + dt.timedelta(seconds=passed)


def format_utc(value: dt.datetime | None) -> str | None:
    """Return an instant as `YYYY-MM-DDTHH:MM:SSZ`, whole seconds, UTC."""
    if value is None:
        return None
    return value.astimezone(dt.UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
