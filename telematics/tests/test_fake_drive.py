"""An invented drive could have been driven."""

import datetime as dt
import itertools
from random import Random

import pytest

from depannini_dashmap.lib.geo import haversine_km, initial_bearing
from telematics.fake_drive import Leg, drive

START = dt.datetime(2024, 1, 15, 14, 30, tzinfo=dt.UTC)
INTERVAL = dt.timedelta(seconds=15)


def drive_from(latitude: float, longitude: float, seed: int, count: int = 200) -> list[Leg]:
    return list(
        drive(
            latitude=latitude,
            longitude=longitude,
            starts_at=START,
            interval=INTERVAL,
            count=count,
            odometer=1000.0,
            fuel_level=80.0,
            random=Random(seed),
        )
    )


@pytest.mark.parametrize("seed", range(5))
def test_speed_heading_distance_and_odometer_agree(seed: int) -> None:
    legs = drive_from(36.75, 3.05, seed)
    for before, after in itertools.pairwise(legs):
        moved = haversine_km(before.latitude, before.longitude, after.latitude, after.longitude)
        assert moved == pytest.approx(after.speed * 15 / 3600, abs=0.001)
        assert after.odometer - before.odometer == pytest.approx(moved, abs=0.012)
        assert after.fuel_level <= before.fuel_level
        if moved > 0.05:
            bearing = initial_bearing(before.latitude, before.longitude, after.latitude, after.longitude)
            assert abs((bearing - after.heading + 180) % 360 - 180) < 0.5
        assert after.timestamp - before.timestamp == INTERVAL


@pytest.mark.parametrize("place", [(90.0, 0.0), (-90.0, 180.0), (0.0, 180.0), (0.0, -180.0), (89.9999, 10.0)])
def test_every_place_is_on_the_globe(place: tuple[float, float]) -> None:
    for leg in drive_from(*place, seed=1):
        assert -90 <= leg.latitude <= 90
        assert -180 <= leg.longitude <= 180
        assert 0 <= leg.speed < 1000
        assert 0 <= leg.heading <= 360


def test_it_starts_at_the_given_place() -> None:
    assert drive_from(36.75, 3.05, seed=3, count=1)[0][:3] == (START, 36.75, 3.05)


def test_even_a_short_one_moves() -> None:
    first, second = drive_from(36.75, 3.05, seed=3, count=2)
    assert (first.latitude, first.longitude) != (second.latitude, second.longitude)
