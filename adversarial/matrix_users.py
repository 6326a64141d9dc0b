"""The nine users of the authorization matrix, what their companies own, and the bodies that they send."""

import io
import os
from typing import Any

from PIL import Image

from testing.samples import created_id, fleet_of, position_body
from testing.users import PASSWORD, Caller, fresh_phone, numbers

AT = {"lat": 50.0, "lng": 50.0}  # where the first client needs help and the first assistant is
AWAY = {"lat": -50.0, "lng": -50.0}
STOP = {"name": "Depot", "address": "1 Rue Didouche"}
Values = dict[str, Any]


class MatrixUsers:
    """The nine actors, and what the two companies own."""

    def __init__(self, environment: Any, users: Any) -> None:
        self.environment, self.users = environment, users
        self.a, self.b, self.roadside = users.dispatcher(), users.dispatcher(), users.roadside()
        self.email = f"matrix{os.getpid()}@example.com"
        self.client, self.assistant = users.client(email=self.email), users.assistant(**AT)
        self.actors = {
            "anon": Caller(environment), "client": self.client, "other_client": users.client(), "assistant": self.assistant,
            "other_assistant": users.assistant(**AWAY), "dispatcher_a": self.a, "dispatcher_b": self.b,
            "roadside": self.roadside, "staff": users.staff(),
        }  # fmt: skip
        self.own = {name: self._company(self.actors[name]) for name in ("dispatcher_a", "dispatcher_b", "roadside")}
        self.of_a = self.own["dispatcher_a"]
        self.newcomer = users.dispatcher()

    def _company(self, dispatcher: Caller) -> Values:
        ids = fleet_of(dispatcher)
        assert dispatcher.post(f"/api/trips/{ids['trip']}/add-order/", {"order": ids["order"]}).status_code == 201
        ids["stops"] = [row["id"] for row in dispatcher.get(f"/api/trip-stops/?trip={ids['trip']}").json()["results"]]
        ids["position"] = created_id(dispatcher.post("/api/positions/", position_body(ids["vehicle"])))
        device = dispatcher.post("/api/devices/", {"vehicle_id": ids["vehicle"]}).json()
        self.environment.secrets.add(device["key"])
        return {**ids, "stop": ids["stops"][0], "device": device["id"], "key": device["key"]}

    def values(self, name: str) -> Values:
        """Return the ids of company A, and under `own_…` those that an actor may name in a body."""
        own = self.own.get(name, self.of_a)
        known = {"phone": self.client.known["phone"], "email": self.email, "lasting": self.client.known["refresh"]}
        return {**self.of_a, **known, "username": self.a.known["username"], **{f"own_{key}": own[key] for key in own}}

    def session(self, name: str) -> Caller:
        """Sign an actor in once more."""
        actor = self.actors[name]
        if name == "anon":
            return actor
        if phone := actor.known.get("phone"):
            answer = self.users.anyone.post(
                "/api/auth/login/phone/", {"phone_number": phone, "password": PASSWORD}
            ).json()
            return Caller(self.environment, header=f"Bearer {answer['access']}", refresh=answer["refresh"])
        login = {"username": actor.known["username"], "password": PASSWORD}
        answer = self.users.anyone.post("/api/auth/login/", login).json()
        return Caller(self.environment, header=f"Token {answer['token']}")

    def double(self, name: str) -> Caller:
        """Make somebody of the same role, who may be spent."""
        if "assistant" in name:
            return self.users.assistant(**AWAY)
        if name in ("anon", "staff"):
            return self.actors["anon"] if name == "anon" else self.users.staff()
        if name == "roadside":
            return self.users.roadside()
        return self.users.client() if "client" in name else self.users.dispatcher()


def vehicle_body(values: Values) -> Values:
    return {
        "company": values["own_company"],
        "license_plate": f"M{next(numbers)}",
        "make": "Ford",
        "model": "Transit",
        "year": 2023,
        "capacity": "2.50",
        "driver_email": "driver@example.com",
    }


def trip_body(values: Values) -> Values:
    return {
        "vehicle": values["own_vehicle"],
        "name": "Morning",
        "planned_start_date": "2026-01-20",
        "planned_start_time": "08:00",
    }


def call_body(values: Values) -> Values:
    """Return a call that nobody has made yet."""
    return {"pickup": AWAY, "client": {"phone_number": fresh_phone(), "name": "Nabil"}}


def photo_file() -> Values:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(out, "PNG")
    return {"photo": ("x.png", out.getvalue(), "image/png")}
