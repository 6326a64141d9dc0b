"""Arithmetic on the globe: degrees in, kilometres out."""

from math import asin, atan2, cos, degrees, radians, sin, sqrt

from django.utils.translation import gettext_lazy as _

EARTH_RADIUS_KM = 6371.0088
HALF_LOCATION = _("Give latitude and longitude together, or neither.")


def haversine_km(lat1: float, lng1: float, lat2: float, lng2: float) -> float:
    """Return the great-circle distance in km between two points in degrees.

    Source: R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984); mean radius of IUGG.
    """
    half_lat = radians(lat2 - lat1) / 2
    half_lng = radians(lng2 - lng1) / 2
    chord = sin(half_lat) ** 2 + cos(radians(lat1)) * cos(radians(lat2)) * sin(half_lng) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord)))


def box_around(lat: float, lng: float, radius_km: float) -> tuple[float, float, float, float]:
    """Return (south, west, north, east) in degrees of a box that holds the circle.

    West may be below -180 or east above 180 where the box crosses the 180th meridian; near a pole, and for circles
    that reach one, it spans all longitudes.
    """
    span = degrees(radius_km / EARTH_RADIUS_KM)
    south, north = max(-90.0, lat - span), min(90.0, lat + span)
    if south == -90.0 or north == 90.0:
        return south, -180.0, north, 180.0
    ratio = sin(radians(span)) / cos(radians(lat))
    if ratio >= 1:
        return south, -180.0, north, 180.0
    wide = degrees(asin(ratio))
    return south, lng - wide, north, lng + wide


def initial_bearing(lat1: float, lng1: float, lat2: float, lng2: float) -> float:
    """Return the heading in degrees [0, 360) at which the great circle leaves the first point."""
    turn = radians(lng2 - lng1)
    y = sin(turn) * cos(radians(lat2))
    x = cos(radians(lat1)) * sin(radians(lat2)) - sin(radians(lat1)) * cos(radians(lat2)) * cos(turn)
    return degrees(atan2(y, x)) % 360
