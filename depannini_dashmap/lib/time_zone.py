"""The zone of people's clocks: the DISPLAY_TIME_ZONE setting. The API speaks UTC."""

import datetime as dt
from zoneinfo import ZoneInfo

from django.conf import settings


def display_zone() -> ZoneInfo:
    """Return the zone in which pages show times, and in which planned clock times are meant."""
    return ZoneInfo(settings.DISPLAY_TIME_ZONE)


def format_utc(value: dt.datetime | None) -> str | None:
    """Return an instant as `YYYY-MM-DDTHH:MM:SSZ`, whole seconds, UTC."""
    if value is None:
        return None
    return value.astimezone(dt.UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
