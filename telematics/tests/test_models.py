"""Constraints of the data."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from telematics.models import LatestPosition

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.mark.parametrize(
    "half",
    [
        {"doubted_at": NOW},
        {"doubted_at": NOW, "doubted_latitude": 36.75},
        {"doubted_latitude": 36.75, "doubted_longitude": 3.05},
        {"doubted_longitude": 3.05},
    ],
)
def test_the_last_believable_fix_is_whole_or_absent(van: Any, half: dict[str, Any]) -> None:
    LatestPosition.objects.create(
        vehicle=van, position_id=1, latitude=36, longitude=3, speed=0, heading=0, timestamp=NOW, created_at=NOW
    )
    rows = LatestPosition.objects.filter(vehicle=van)
    assert rows.update(doubted_at=NOW, doubted_latitude=36.75, doubted_longitude=3.05) == 1
    assert rows.update(doubted_at=None, doubted_latitude=None, doubted_longitude=None) == 1
    with pytest.raises(IntegrityError, match="latest_doubted_whole"), transaction.atomic():
        rows.update(**half)
