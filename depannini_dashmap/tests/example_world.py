"""A situation for each operation of the schema in which its example can be sent: who sends it, and what there is.

Rows are made over REST and by services, as an example names them: its ids are exchanged for those of the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tokens import issue_pair
from assistance import services as roadside
from fleet.models import Vehicle

PLACES = {
    "pickup_stop": {"name": "Port of Algiers", "address": "Rue d'Angkor, Alger", "latitude": "36.766", "longitude": "3.066"},
    "delivery_stop": {"name": "Pharmacie Centrale", "address": "27 Rue Didouche Mourad, Alger", "latitude": "36.7622", "longitude": "3.0507"},
}
ORDER = {"customer_name": "Leila Hamdi", "goods_description": "Vaccines, 12 boxes", **PLACES}
PICKUP, DROPOFF = (36.7525, 3.0420), (36.7169, 3.1856)


class World:
    """The people of the fixtures, and what an operation needs."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.api: Callable[..., APIClient] = request.getfixturevalue("api")
        self.run_tasks: Callable[[], int] = request.getfixturevalue("run_tasks")
        self.codes: Callable[[str], list[str]] = request.getfixturevalue("codes")
        names = ("dispatcher", "colleague", "dispatcher_b", "client_user", "assistant_user", "other_assistant", "staff_user")
        self.people = {name: request.getfixturevalue(name) for name in names}
        self.company = self.people["dispatcher"].current_company_id
        User.objects.update(email_verified=True, phone_verified=True)
        self.fleet = self.api(self.people["dispatcher"])

    def __getattr__(self, name: str) -> Any:
        return self.people[name]

    def _made(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.fleet.post(path, body)
        assert answer.status_code in (201, 202), answer.content
        return answer.json()

    def vehicle(self) -> int:
        """Add a vehicle."""
        plate = f"0{Vehicle.objects.count() + 4521}-116-16"
        body = {"license_plate": plate, "make": "Renault", "model": "Master", "year": 2023, "capacity": 2.5}
        driver = {"driver_name": "Ali Brahimi", "driver_email": "ali@example.com", "driver_phone": "+213555222333"}
        return self._made("/api/vehicles/", body | driver)["id"]

    def order(self) -> int:
        """Take an order."""
        return self._made("/api/orders/", ORDER)["id"]

    def priced_order(self) -> int:
        """Take an order with a price."""
        return self._made("/api/orders/", ORDER | {"price": "1500"})["id"]

    def payment(self) -> int:
        """Pay a part of an order."""
        return self._made("/api/payments/", {"order": self.priced_order(), "amount": "500", "method": "cash"})["id"]

    def cash(self) -> int:
        """Have the assistant take the price of a job in cash."""
        body = {"assistance": self.job("completed"), "method": "cash", "taken_by": self.assistant_user.pk}
        return self.api(self.staff_user).post("/api/payments/", body).json()["id"]

    def hand_in(self) -> int:
        """Have the assistant hand that cash in."""
        self.cash()
        return self.api(self.staff_user).post("/api/payments/cash/", {"assistant": self.assistant_user.pk, "amount": "1500"}).json()["id"]

    def linked_order(self) -> int:
        """Take an order and make its customer's link."""
        order = self.order()
        self._made(f"/api/orders/{order}/link/", {})
        return order

    def linked_trip(self) -> int:
        """Plan a trip and make its driver's link."""
        trip = self.trip()["id"]
        self._made(f"/api/trips/{trip}/driver-link/", {})
        return trip

    def trip(self) -> dict[str, Any]:
        """Plan a trip with an order and a further stop; return it, its order's id and those of its stops."""
        body = {"vehicle": self.vehicle(), "name": "Morning round", "planned_start_date": "2026-12-01", "planned_start_time": "08:00"}
        trip, order = self._made("/api/trips/", body)["id"], self.order()
        self._made(f"/api/trips/{trip}/add-order/", {"order": order, "pickup_time": "09:00", "delivery_time": "10:30"})
        self._made("/api/trip-stops/", {"trip": trip, "stop": {"name": "Depot", "address": "5 Rue du Port, Alger"}})
        stops = [row["id"] for row in self.fleet.get(f"/api/trips/{trip}/").json()["trip_stops"]]
        return {"id": trip, "order": order, "stops": stops}

    def plan(self, then: str = "") -> dict[str, Any]:
        """Ask for a plan of one order and one vehicle, solve it, and `then` apply it, say."""
        body = {"orders": [self.order()], "vehicles": [self.vehicle()], "date": "2026-12-01", "time_limit": 2}
        plan = self.fleet.post("/api/trips/plans/", body).json()
        self.run_tasks()
        if then:
            self.fleet.post(f"/api/trips/plans/{plan['id']}/{then}/")
        return plan

    def position(self) -> dict[str, int]:
        """Record a position; return its id and its vehicle's."""
        vehicle = self.vehicle()
        place = {"latitude": 36.7538, "longitude": 3.0588, "speed": 46.5, "heading": 180, "timestamp": "2026-11-28T09:14:00Z"}
        return {"id": self._made("/api/positions/", {"vehicle_id": vehicle, **place})["id"], "vehicle": vehicle}

    def device(self, **fields: Any) -> dict[str, Any]:
        """Connect a tracker; return its row with the key."""
        return self._made("/api/devices/", {"vehicle_id": self.vehicle(), "name": "Phone of Ali", "app": "traccar_client", **fields})

    def forwarder(self) -> dict[str, Any]:
        """Connect a forwarding server; return its row with the secret."""
        return self._made("/api/forwarders/", {"name": "Traccar at the depot"})

    def invitation(self) -> int:
        """Invite a dispatcher of another company."""
        return self._made(f"/api/companies/{self.company}/members/", {"username": "omar"})["invitation"]["id"]

    def job(self, status: str, kind: str = "towing") -> int:
        """Open a request and bring it to a state."""
        assistant = self.assistant_user
        if kind == "repair":
            assistant.assistant_profile.service_type = "repair"
            assistant.assistant_profile.save()
        self.on_duty()
        wish = {"pickup": PICKUP, "assistance_type": kind, "vehicle_type": "light", "description": "Flat battery, parked at the kerb"}
        made = roadside.request_assistance(actor=self.client_user, **wish, **({"dropoff": DROPOFF} if kind == "towing" else {}))
        number = made.job.pk
        steps = ["requested", "accepted", "ongoing", "completed"]
        for step in steps[1 : steps.index(status) + 1]:
            if step == "accepted":
                roadside.accept(actor=assistant, assistance_id=number)
            else:
                roadside.update_status(actor=assistant, assistance_id=number, status=step)
        return number

    def on_duty(self) -> Any:
        """Put the assistant on duty near the client."""
        roadside.set_duty(actor=self.assistant_user, is_active=True)
        roadside.report_location(actor=self.assistant_user, lat=36.7538, lng=3.0588)
        return self.assistant_user

    def priced_repair(self) -> int:
        """Bring a repair to where its client is asked about the price."""
        number = self.job("accepted", "repair")
        assert self.api(self.assistant_user).patch(f"/api/assistance/update/price/{number}/", {"price": 4500}).status_code == 200
        return number

    def scheduled(self) -> int:
        """Enter a request that is not due yet."""
        body = {
            "client": {"phone_number": "+213555777888", "name": "Sofiane Kaci"}, "assistance_type": "towing",
            "pickup": {"lat": 36.7525, "lng": 3.042}, "scheduled_for": (timezone.now() + timezone.timedelta(hours=20)).isoformat(),
        }  # fmt: skip
        answer = self.api(self.staff_user).post("/api/assistance/request/", body)
        assert answer.status_code == 201, answer.content
        return answer.json()["scheduled"]["id"]

    def code(self, path: str, body: dict[str, Any], user: Any = None) -> str:
        """Ask for a code and return it."""
        assert self.api(user).post(path, body).status_code == 200
        [code] = self.codes(next(iter(body.values()), "amina@example.com"))
        return code

    def refresh(self) -> str:
        """Return a refresh token of the client."""
        return issue_pair(self.client_user)["refresh"]
