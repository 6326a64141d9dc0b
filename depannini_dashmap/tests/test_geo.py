"""Distances, boxes and bearings on the globe."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depannini_dashmap.lib.geo import box_around, haversine_km, initial_bearing

latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 180)


@pytest.mark.parametrize(
    ("start", "end", "km"),
    [((36.7538, 3.0588), (48.8566, 2.3522), 1347), ((0, 179.5), (0, -179.5), 111.2), ((90, 0), (90, 120), 0)],
)
def test_known_distances(start, end, km):
    assert haversine_km(*start, *end) == pytest.approx(km, rel=0.005, abs=0.01)


@given(latitudes, longitudes, latitudes, longitudes)
def test_distance_is_symmetric_and_bounded(lat1, lng1, lat2, lng2):
    there = haversine_km(lat1, lng1, lat2, lng2)
    assert 0 <= there <= 20016
    assert there == pytest.approx(haversine_km(lat2, lng2, lat1, lng1), abs=1e-6)


@given(latitudes, longitudes, st.floats(0.1, 200), st.floats(0, 360))
def test_the_box_holds_the_circle(lat, lng, radius_km, direction):
    from math import asin, atan2, cos, degrees, radians, sin

    angle, turn = radius_km * 0.999 / 6371.0088, radians(direction)
    lat2 = asin(sin(radians(lat)) * cos(angle) + cos(radians(lat)) * sin(angle) * cos(turn))
    lng2 = radians(lng) + atan2(sin(turn) * sin(angle) * cos(radians(lat)), cos(angle) - sin(radians(lat)) * sin(lat2))
    south, west, north, east = box_around(lat, lng, radius_km)
    assert south - 1e-9 <= degrees(lat2) <= north + 1e-9
    assert (east - west >= 360) or west - 1e-6 <= degrees(lng2) <= east + 1e-6


@pytest.mark.parametrize(("goal", "heading"), [((1, 0), 0), ((0, 1), 90), ((-1, 0), 180), ((0, -1), 270)])
def test_bearings(goal, heading):
    assert initial_bearing(0, 0, *goal) == pytest.approx(heading)
