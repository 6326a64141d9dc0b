"""A made-up drive whose speed, heading and distance agree; plain values only."""

import datetime as dt
from collections.abc import Iterator
from math import asin, atan2, cos, degrees, radians, sin
from random import Random
from typing import NamedTuple

from depannini_dashmap.lib.geo import EARTH_RADIUS_KM

TOP_KMH = 90.0
HARDEST_TURN = 35.0
FUEL_PERCENT_PER_KM = 0.12


class Leg(NamedTuple):
    """Where a vehicle is at one instant. Units: degrees, km/h, m, km, percent."""

    timestamp: dt.datetime
    latitude: float
    longitude: float
    speed: float
    heading: float
    altitude: float
    odometer: float
    fuel_level: float
    engine_status: str


def drive(
    *,
    latitude: float,
    longitude: float,
    starts_at: dt.datetime,
    interval: dt.timedelta,
    count: int,
    odometer: float,
    fuel_level: float,
    random: Random,
) -> Iterator[Leg]:
    """Drive on from a place: `count` fixes, `interval` apart, the first at the start.

    Each fix lies where its speed and heading lead from the one before.
    """
    heading, altitude, speed = random.uniform(0, 360), random.uniform(20, 400), random.uniform(20, 50)
    hours = interval.total_seconds() / 3600
    for step in range(count):
        if step:
            speed = _next_speed(speed, is_last=step == count - 1, random=random)
            heading = (heading + random.gauss(0, HARDEST_TURN / 3)) % 360
            distance = speed * hours
            latitude, longitude = _ahead(latitude, longitude, heading, distance)
            odometer += distance
            fuel_level = max(0.0, fuel_level - distance * FUEL_PERCENT_PER_KM)
            altitude = min(2000.0, max(0.0, altitude + random.gauss(0, 1) * min(distance * 20, 15)))
        yield Leg(
            starts_at + step * interval,
            round(latitude, 7),
            round(longitude, 7),
            round(speed, 2),
            round(heading, 2),
            round(altitude, 2),
            round(odometer, 2),
            round(fuel_level, 2),
            "on" if speed > 0 else "idle",
        )


def _next_speed(speed: float, *, is_last: bool, random: Random) -> float:
    if is_last:
        return max(5.0, min(speed, 20.0))
    if random.random() < 0.06:
        return 0.0
    wanted = random.uniform(30, TOP_KMH)
    return min(TOP_KMH, max(5.0, speed + (wanted - speed) * 0.5))


def _ahead(latitude: float, longitude: float, heading: float, distance_km: float) -> tuple[float, float]:
    """Return the point at a distance along a heading, on the sphere."""
    arc, course, lat = distance_km / EARTH_RADIUS_KM, radians(heading), radians(latitude)
    sine = sin(lat) * cos(arc) + cos(lat) * sin(arc) * cos(course)
    turn = atan2(sin(course) * sin(arc) * cos(lat), cos(arc) - sin(lat) * sine)
    return degrees(asin(max(-1.0, min(1.0, sine)))), (longitude + degrees(turn) + 540) % 360 - 180
