"""What the tests of trips begin with: a vehicle, orders and a trip, made over REST."""

from __future__ import annotations

from itertools import count
from typing import Any

from rest_framework.test import APIClient

_numbers = count(1)
RUNGIS = {"name": "Rungis", "address": "1 Rue de la Tour, 94150 Rungis", "latitude": "48.759", "longitude": "2.352"}
VINCENNES = {"name": "Vincennes", "address": "93 Avenue de Paris", "latitude": "48.847", "longitude": "2.428"}


def made(response: Any) -> dict[str, Any]:
    """Return the body of a 201."""
    assert response.status_code == 201, response.content
    return response.json()


def make_vehicle(client: APIClient, **fields: Any) -> int:
    """Add a vehicle and return its id."""
    body = {
        "license_plate": f"T-{next(_numbers)}",
        "make": "Ford",
        "model": "Transit",
        "year": 2023,
        "capacity": "2.50",
        "driver_email": "driver@example.com",
        "driver_name": "Ali",
    }
    return made(client.post("/api/vehicles/", {**body, **fields}))["id"]


def make_order(client: APIClient, **fields: Any) -> dict[str, Any]:
    """Take an order with both stops and return it."""
    body = {
        "customer_name": "John Smith",
        "goods_description": "Fresh produce",
        "pickup_stop": RUNGIS,
        "delivery_stop": VINCENNES,
    }
    return made(client.post("/api/orders/", {**body, **fields}))


def make_trip(client: APIClient, vehicle: int | None = None, **fields: Any) -> int:
    """Plan a trip and return its id."""
    body = {"name": "Morning Route", "planned_start_date": "2024-01-20", "planned_start_time": "08:00"}
    body["vehicle"] = vehicle or make_vehicle(client)
    return made(client.post("/api/trips/", {**body, **fields}))["id"]


def loaded_trip(client: APIClient, orders: int = 1, **fields: Any) -> tuple[int, list[dict[str, Any]]]:
    """Plan a trip that carries orders; return its id and the orders."""
    trip, taken = make_trip(client, **fields), []
    for _ in range(orders):
        order = make_order(client)
        made(client.post(f"/api/trips/{trip}/add-order/", {"order": order["id"]}))
        taken.append(order)
    return trip, taken


def stops_of(client: APIClient, trip: int) -> list[dict[str, Any]]:
    """Return the stops of a trip as its document shows them."""
    return client.get(f"/api/trips/{trip}/").json()["trip_stops"]


def order_status(client: APIClient, order: dict[str, Any]) -> str:
    """Return the present status of an order."""
    return client.get(f"/api/orders/{order['id']}/").json()["status"]


def add_place(client: APIClient, trip: int, name: str = "Depot", **fields: Any) -> dict[str, Any]:
    """Add a stop that belongs to no order; return the trip stop."""
    return made(client.post("/api/trip-stops/", {"trip": trip, "stop": {"name": name, "address": "1 Rue A"}, **fields}))
