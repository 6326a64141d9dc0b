"""Orders, vehicles, trips and requests for help, made over the API as a user makes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from testing.users import Caller, Users, numbers

ALGIERS = {"lat": 36.7538, "lng": 3.0588}


def created_id(answer: Any) -> int:
    """Return the id in the answer to a creation."""
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def order_body(**fields: Any) -> dict:
    """Return an order that a trip can take."""
    return {
        "customer_name": "John Smith", "goods_description": "Fresh produce",
        "pickup_stop": {"name": "Rungis", "address": "1 Rue de la Tour", "latitude": "48.759000", "longitude": "2.352000"},
        "delivery_stop": {"name": "Vincennes", "address": "93 Avenue de Paris", "latitude": "48.847000", "longitude": "2.428000"},
        **fields,
    }  # fmt: skip


def fleet_of(dispatcher: Caller) -> dict[str, Any]:
    """Make a vehicle, an order and a trip for a dispatcher; returns their ids."""
    vehicle = new_vehicle(dispatcher)
    order = created_id(dispatcher.post("/api/orders/", order_body()))
    return {"vehicle": vehicle, "order": order, "trip": new_trip(dispatcher, vehicle), "company": dispatcher.known["company"]}


def new_vehicle(dispatcher: Caller, **fields: Any) -> int:
    """Make a vehicle and return its id."""
    body = {
        "license_plate": f"P{next(numbers)}", "make": "Ford", "model": "Transit", "year": 2023, "capacity": "2.50",
        "driver_email": "driver@example.com", "driver_name": "Ali", **fields,
    }  # fmt: skip
    return created_id(dispatcher.post("/api/vehicles/", body))


def new_trip(dispatcher: Caller, vehicle: int, **fields: Any) -> int:
    """Make a trip of a vehicle and return its id."""
    body = {"vehicle": vehicle, "name": "Morning", "planned_start_date": "2026-01-20", "planned_start_time": "08:00", **fields}
    return created_id(dispatcher.post("/api/trips/", body))


def ask_for_help(client: Caller, **fields: Any) -> int:
    """Ask for a tow in Algiers and return the request's id."""
    answer = client.post("/api/assistance/request/", {"pickup": ALGIERS, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()["assistance"]["id"]


def position_body(vehicle: int) -> dict[str, Any]:
    """Return a position at an instant that no other one has, so that none is a repeat."""
    at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=next(numbers))
    return {"vehicle_id": vehicle, "latitude": 1, "longitude": 1, "speed": 1, "heading": 1, "timestamp": at.isoformat()}


def invite(company: int, owner: Caller, person: Caller, **body: Any) -> int:
    """Have a company ask for a dispatcher; returns the invitation's id."""
    answer = owner.post(f"/api/companies/{company}/members/", {"username": person.known["username"], **body})
    assert answer.status_code == 202, answer.text
    return answer.json()["invitation"]["id"]


def accepted_request(users: Users, lat: float = 36.7538, lng: float = 3.0588) -> tuple[Caller, Caller, int]:
    """Return a new client, a new assistant at the same place, and the id of the request between them."""
    client, assistant = users.client(), users.assistant(lat=lat, lng=lng)
    number = ask_for_help(client, pickup={"lat": lat, "lng": lng})
    assert assistant.patch(f"/api/assistance/accept/{number}/").status_code == 200
    return client, assistant, number
