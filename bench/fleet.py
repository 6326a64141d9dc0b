"""A fleet for a bench, and its positions as a device, a server and COPY would hand them over."""

from __future__ import annotations

import datetime as dt
import io
import sys
from typing import Any

VEHICLES = 1000
START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)


def make_fleet() -> tuple[Any, list[int]]:
    """Make a dispatcher with 1,000 vehicles; returns the user and the vehicles' ids."""
    from accounts.models import Company, Membership, User
    from fleet.models import Vehicle

    company = Company.objects.create(name="Bench")
    user = User.objects.create_user("bench", "bench@example.com", None, user_type="dispatcher", current_company=company)
    Membership.objects.create(user=user, company=company, role="member")
    vans = [
        Vehicle(company=company, license_plate=f"B-{n}", make="Ford", model="Transit", year=2023, capacity="2.5")
        for n in range(VEHICLES)
    ]
    Vehicle.objects.bulk_create(vans)
    return user, sorted(Vehicle.objects.values_list("pk", flat=True))


def bearer(user: Any) -> str:
    """Return the value of an `Authorization` header."""
    from accounts.tokens import issue_pair

    return f"Bearer {issue_pair(user)['access']}"


class Clock:
    """Returns instants that no earlier row has."""

    def __init__(self) -> None:
        self.ticks = 0

    def next(self) -> dt.datetime:
        """Return the next unused instant."""
        self.ticks += 1
        return START + dt.timedelta(milliseconds=10 * self.ticks)


def body(vehicle_id: int, at: dt.datetime) -> dict[str, Any]:
    """Return the document's create request."""
    return {
        "vehicle_id": vehicle_id,
        "latitude": "36.7589123",
        "longitude": "3.0851456",
        "speed": "65.50",
        "heading": "180.00",
        "altitude": "150.25",
        "timestamp": at.isoformat(),
        "odometer": "25847.50",
        "fuel_level": "75.30",
        "engine_status": "on",
    }


def values(vehicle_id: int, at: dt.datetime) -> tuple:
    """Return the same as stored values, in the order of telematics.ingest.HISTORY."""
    return (vehicle_id, at, 36.7589123, 3.0851456, 65.5, 180.0, 150.25, 25847.5, 75.3, "on", False, at)


def post(path: str, raw: bytes, token: str) -> dict[str, Any]:
    """Return what a server hands to WSGI for a POST."""
    return {
        "REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "", "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "127.0.0.1",
        "HTTP_AUTHORIZATION": token, "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(raw)),
        "wsgi.input": io.BytesIO(raw), "wsgi.errors": sys.stderr, "wsgi.url_scheme": "http", "wsgi.version": (1, 0),
        "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip
