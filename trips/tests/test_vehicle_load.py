"""The greatest weight on board."""

from decimal import Decimal

import pytest

from trips.vehicle_load import heaviest_load_kg

HEAVY, LIGHT = Decimal(800), Decimal("90.5")


@pytest.mark.parametrize(
    ("stops", "heaviest"),
    [
        ([], 0),
        ([("pickup", None), ("delivery", None)], 0),
        ([("pickup", HEAVY), ("delivery", HEAVY), ("pickup", LIGHT), ("delivery", LIGHT)], HEAVY),
        ([("pickup", HEAVY), ("pickup", LIGHT), ("delivery", HEAVY), ("delivery", LIGHT)], HEAVY + LIGHT),
    ],
)
def test_what_is_unloaded_weighs_no_more(stops, heaviest):
    assert heaviest_load_kg(stops) == heaviest
