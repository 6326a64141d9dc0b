"""Who plays in the hostile cases: people of every role who call the stage's servers, and what they call for."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import httpx
from websockets.sync.client import connect

from adversarial.stage import Stage

PASSWORD = "correct-horse-battery"
ALGIERS = {"lat": 36.7538, "lng": 3.0588}


class Actor:
    """Somebody with credentials who calls the servers in turn."""

    def __init__(self, stage: Stage, *, header: str = "", user_id: int = 0, **known: Any) -> None:
        self.stage, self.header, self.id = stage, header, user_id
        self.known = known
        self._turn = 0
        self.http = httpx.Client(timeout=30)
        stage.held.append(self.http)
        stage.secrets |= {secret for secret in (self.token, known.get("refresh")) if secret}

    @property
    def token(self) -> str:
        """The bare token."""
        return self.header.partition(" ")[2]

    def call(self, method: str, path: str, body: Any = None, *, server: int | None = None, **options: Any) -> httpx.Response:
        """Send one request; servers take turns unless `server` says which."""
        self._turn += 1
        url = self.stage.urls[self._turn % len(self.stage.urls) if server is None else server] + path
        headers = {**({"Authorization": self.header} if self.header else {}), **options.pop("headers", {})}
        if body is not None:
            options.setdefault("json", body)
        response = self.http.request(method, url, headers=headers, **options)
        assert response.status_code != 500, f"{method} {path}: {response.text}"
        if response.status_code >= 400 and path.startswith("/api/"):
            assert_envelope(response)
            assert not self.token or self.token not in response.text
        return response

    def get(self, path: str, **options: Any) -> httpx.Response:
        """GET."""
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """POST."""
        return self.call("POST", path, {} if body is None and "content" not in options else body, **options)

    def put(self, path: str, body: Any, **options: Any) -> httpx.Response:
        """PUT."""
        return self.call("PUT", path, body, **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """PATCH."""
        return self.call("PATCH", path, {} if body is None else body, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        """DELETE."""
        return self.call("DELETE", path, **options)

    @contextmanager
    def socket(self, path: str, *, server: int = 0, headers: dict | None = None, **options: Any) -> Any:
        """Hold a socket open with the actor's credentials in its header."""
        own = {"Authorization": self.header} if self.header and headers is None else (headers or {})
        url = self.stage.urls[server].replace("http", "ws") + path
        with connect(url, additional_headers=own, open_timeout=10, close_timeout=2, max_size=2**21, **options) as held:
            yield Frames(held)


class Frames:
    """A socket seen as a row of JSON events."""

    def __init__(self, held: Any) -> None:
        self.held = held
        self.seen: list[dict] = []

    def send(self, event: Any) -> None:
        """Send an event, or text as it is."""
        self.held.send(event if isinstance(event, str | bytes) else json.dumps(event))

    def next(self, seconds: float = 5) -> dict:
        """Return the next event."""
        event = json.loads(self.held.recv(timeout=seconds), parse_constant=lambda name: 1 / 0)
        self.seen.append(event)
        return event

    def until(self, kind: str, seconds: float = 5, **keys: Any) -> dict:
        """Return the next event of a type whose keys have the given values."""
        deadline = time.monotonic() + seconds
        while True:
            event = self.next(max(0.01, deadline - time.monotonic()))
            if event.get("type") == kind and all(event.get(key) == value for key, value in keys.items()):
                return event

    def closed(self, seconds: float = 5) -> int:
        """Read on until the server closes and return its code."""
        from websockets.exceptions import ConnectionClosed

        deadline = time.monotonic() + seconds
        try:
            while True:
                self.next(max(0.01, deadline - time.monotonic()))
        except ConnectionClosed as end:
            assert end.rcvd is not None, "the connection broke without a close frame"
            return end.rcvd.code


def assert_envelope(response: httpx.Response) -> dict:
    """Hold a refusal to the contract's form: no traceback, SQL or path in it."""
    body = response.json()
    assert isinstance(body.get("error"), str) and body["error"], response.text
    assert re.fullmatch(r"[a-z0-9_]+", body.get("code", "")), response.text
    assert body.get("request_id"), response.text
    assert not re.search(r"Traceback|SELECT |INSERT |UPDATE |/home/|site-packages|psycopg|\.py\b", response.text)
    return body


def at_once(jobs: list[Callable[[], Any]]) -> list[Any]:
    """Run the jobs in so many threads that start together."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


_numbers = iter(range(1, 10**6))


def fresh_phone() -> str:
    """Return a phone that nobody has."""
    return f"+21366{os.getpid() % 1000:03d}{next(_numbers):04d}"


class Cast:
    """Makes actors through the public registration."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.anyone = Actor(stage)

    def client(self, **fields: Any) -> Actor:
        """Register a motorist."""
        phone = fresh_phone()
        body = {"phone_number": phone, "name": "Amina", "password": PASSWORD, **fields}
        answer = self.anyone.post("/api/auth/register/", body)
        assert answer.status_code == 201, answer.text
        return self._actor(answer.json(), phone)

    def assistant(self, *, active: bool = True, lat: float = 36.755, lng: float = 3.06, **fields: Any) -> Actor:
        """Register an assistant, on duty by default."""
        phone = fresh_phone()
        body = {
            "phone_number": phone, "name": "Karim", "password": PASSWORD, "user_type": "assistant",
            "service_type": "towing", "vehicle_type": "truck", "driving_license_cat": "c", "driving_license_num": "16/1",
            "driving_license_expiry": (date.today() + timedelta(days=400)).strftime("%d:%m:%y"),
            "vehicle_registration_num": 123456789012, "current_lat": lat, "current_lng": lng, **fields,
        }  # fmt: skip
        answer = self.anyone.post("/api/auth/register/", body)
        assert answer.status_code == 201, answer.text
        actor = self._actor(answer.json(), phone)
        if active:
            assert actor.post("/api/profile/assistant-status/", {"is_active": True}).status_code == 200
        return actor

    def _actor(self, answer: dict, phone: str) -> Actor:
        return Actor(
            self.stage, header=f"Bearer {answer['access']}", user_id=answer["user"]["id"], phone=phone,
            refresh=answer["refresh"],
        )  # fmt: skip

    def dispatcher(self) -> Actor:
        """Register a dispatcher with a company of their own."""
        username = f"disp{os.getpid()}x{next(_numbers)}"
        body = {
            "username": username, "password": PASSWORD, "email": f"{username}@example.com", "first_name": "Nadia",
            "last_name": "D", "company_name": f"Company of {username}", "company_address": "Alger",
        }  # fmt: skip
        answer = self.anyone.post("/api/auth/register/", body)
        assert answer.status_code == 201, answer.text
        login = self.anyone.post("/api/auth/login/", {"username": username, "password": PASSWORD}).json()
        return Actor(
            self.stage, header=f"Token {login['token']}", user_id=login["user_id"], username=username,
            company=login["company_id"], email=body["email"],
        )  # fmt: skip

    def roadside(self) -> Actor:
        """Make a dispatcher who also works the roadside side, which no door does."""
        actor = self.dispatcher()
        self.stage.python(
            "from django.contrib.auth.models import Group;"
            f"Group.objects.get_or_create(name='Roadside')[0].user_set.add({actor.id})"
        )
        return actor

    def staff(self) -> Actor:
        """Make an operator, which no door does."""
        username = f"staff{os.getpid()}x{next(_numbers)}"
        self.stage.python(
            f"from accounts.models import User; User.objects.create_superuser({username!r}, None, {PASSWORD!r})"
        )
        login = self.anyone.post("/api/auth/login/", {"username": username, "password": PASSWORD}).json()
        return Actor(self.stage, header=f"Token {login['token']}", user_id=login["user_id"], username=username)


def order_body(**fields: Any) -> dict:
    """Return an order that a trip can take."""
    return {
        "customer_name": "John Smith", "goods_description": "Fresh produce",
        "pickup_stop": {"name": "Rungis", "address": "1 Rue de la Tour", "latitude": "48.759000", "longitude": "2.352000"},
        "delivery_stop": {"name": "Vincennes", "address": "93 Avenue de Paris", "latitude": "48.847000", "longitude": "2.428000"},
        **fields,
    }  # fmt: skip


def fleet_of(dispatcher: Actor) -> dict[str, Any]:
    """Make a vehicle, an order and a trip for a dispatcher; returns their ids."""
    vehicle = dispatcher.post(
        "/api/vehicles/",
        {"license_plate": f"P{next(_numbers)}", "make": "Ford", "model": "Transit", "year": 2023, "capacity": "2.50",
         "driver_email": "driver@example.com", "driver_name": "Ali"},
    )  # fmt: skip
    assert vehicle.status_code == 201, vehicle.text
    order = dispatcher.post("/api/orders/", order_body())
    assert order.status_code == 201, order.text
    trip = new_trip(dispatcher, vehicle.json()["id"])
    return {"vehicle": vehicle.json()["id"], "order": order.json()["id"], "trip": trip, "company": dispatcher.known["company"]}


def new_trip(dispatcher: Actor, vehicle: int, **fields: Any) -> int:
    """Make a trip of a vehicle and return its id."""
    body = {"vehicle": vehicle, "name": "Morning", "planned_start_date": "2026-01-20", "planned_start_time": "08:00", **fields}
    answer = dispatcher.post("/api/trips/", body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def ask_for_help(client: Actor, **fields: Any) -> int:
    """Ask for a tow in Algiers and return the request's id."""
    answer = client.post("/api/assistance/request/", {"pickup": ALGIERS, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()["assistance"]["id"]
