"""A trip as a line and as a span of time."""

from datetime import time

import pytest

from trips.route import feature_collection, planned_duration_minutes, total_distance_km

ALGIERS, PARIS = (36.7538, 3.0588), (48.8566, 2.3522)


def test_the_distance_is_the_sum_of_the_legs():
    assert total_distance_km([]) == 0
    assert total_distance_km([ALGIERS]) == 0
    assert total_distance_km([ALGIERS, PARIS]) == pytest.approx(1347, abs=5)
    assert total_distance_km([ALGIERS, PARIS, ALGIERS]) == pytest.approx(
        2 * total_distance_km([ALGIERS, PARIS]), abs=0.01
    )


@pytest.mark.parametrize(
    ("start", "arrivals", "minutes"),
    [
        (time(8), [], None),
        (time(8), [None, None], None),
        (time(8), [time(8)], 0),
        (time(8), [time(9), None, time(14, 30)], 390),
        (time(22), [time(23), time(1)], 180),
        (time(22), [time(1), time(23), time(1)], 24 * 60 + 180),
    ],
)
def test_the_planned_duration_crosses_midnight(start, arrivals, minutes):
    assert planned_duration_minutes(start, arrivals) == minutes


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
