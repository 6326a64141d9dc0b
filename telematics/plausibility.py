"""Could the vehicle have driven there? Plain values only; a jump is kept and flagged, never refused."""

import datetime as dt
from typing import NamedTuple

from depannini_dashmap.lib.geo import haversine_km

TOP_SPEED_KMH = 300.0
GPS_NOISE_KM = 1.0


class Fix(NamedTuple):
    """A place at an instant."""

    timestamp: dt.datetime
    latitude: float
    longitude: float


def is_reachable(before: Fix, after: Fix) -> bool:
    """Return whether a road vehicle could be at both fixes, allowing for noise of the receiver."""
    hours = abs((after.timestamp - before.timestamp).total_seconds()) / 3600
    reach = TOP_SPEED_KMH * hours + GPS_NOISE_KM
    # A degree of latitude is 111.2 km, so most fixes need no trigonometry.
    if 112 * (abs(after.latitude - before.latitude) + abs(after.longitude - before.longitude)) <= reach:
        return True
    return haversine_km(before.latitude, before.longitude, after.latitude, after.longitude) <= reach


class Track:
    """The fixes of one vehicle in the order of time, each judged by the ones before.

    A fix is implausible when it can be reached neither from the one before nor from the last plausible one: a single
    jump is flagged and the return from it is not, and a vehicle that was really moved is believed at its second fix.
    """

    __slots__ = ("previous", "trusted")

    def __init__(self, previous: Fix | None = None, trusted: Fix | None = None) -> None:
        self.previous = previous
        self.trusted = trusted or previous

    def judge(self, fix: Fix) -> bool:
        """Return whether `fix` is implausible, and remember it."""
        believable = (
            self.previous is None
            or is_reachable(self.previous, fix)
            or (self.trusted is not self.previous and self.trusted is not None and is_reachable(self.trusted, fix))
        )
        self.previous = fix
        if believable:
            self.trusted = fix
        return not believable
