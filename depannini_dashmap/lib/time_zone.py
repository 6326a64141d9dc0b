"""The zone of people's clocks: the DISPLAY_TIME_ZONE setting. The API speaks UTC."""

from zoneinfo import ZoneInfo

from django.conf import settings


def display_zone() -> ZoneInfo:
    """Return the zone in which pages show times, and in which planned clock times are meant."""
    return ZoneInfo(settings.DISPLAY_TIME_ZONE)
