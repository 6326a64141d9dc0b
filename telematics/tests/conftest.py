"""Vehicles of two companies and the document's position."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from fleet.models import Vehicle


def make_vehicle(company: Any, plate: str = "ABC-123", **fields: Any) -> Vehicle:
    """Save a van of a company."""
    return Vehicle.objects.create(
        company=company, license_plate=plate, make="Ford", model="Transit", year=2023, capacity="2.50", **fields
    )


@pytest.fixture
def van(company_a: Any) -> Vehicle:
    """A van of the first company."""
    return make_vehicle(company_a)


@pytest.fixture
def other_van(company_a: Any) -> Vehicle:
    """Another van of the first company."""
    return make_vehicle(company_a, "DEF-456")


@pytest.fixture
def van_b(company_b: Any) -> Vehicle:
    """A van of the second company."""
    return make_vehicle(company_b, "XYZ-789")


@pytest.fixture
def deleted_van(company_a: Any) -> Vehicle:
    """A van that has left the first company's fleet."""
    return make_vehicle(company_a, "OLD-000", deleted_at=timezone.now())


@pytest.fixture
def fix() -> Callable[..., dict]:
    """Make the body of the document's create request, with changes; `without=` leaves keys out."""

    def make(vehicle: Any, *, without: tuple[str, ...] = (), **changes: Any) -> dict:
        body = {
            "vehicle_id": vehicle.pk if isinstance(vehicle, Vehicle) else vehicle,
            "latitude": "40.7589123",
            "longitude": "-73.9851456",
            "speed": "65.50",
            "heading": "180.00",
            "altitude": "150.25",
            "timestamp": "2024-01-15T14:30:00Z",
            "odometer": "25847.50",
            "fuel_level": "75.30",
            "engine_status": "on",
            **changes,
        }
        return {key: value for key, value in body.items() if key not in without}

    return make
