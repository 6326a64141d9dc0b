"""Users of the API: callers with credentials, and their registration as anybody registers."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import httpx

from testing.clients import SocketClient
from testing.environments import Environment

PASSWORD = "correct-horse-battery"


class Caller:
    """Somebody with or without credentials who calls an environment's servers in turn."""

    def __init__(self, environment: Environment, *, header: str = "", user_id: int = 0, urls: Sequence[str] = (), **known: Any) -> None:
        self.environment, self.header, self.id = environment, header, user_id
        self.urls = urls or environment.urls
        self.known = known
        self._calls = 0
        self.http = httpx.Client(timeout=60)
        environment.http_clients.append(self.http)
        environment.secrets |= {secret for secret in (self.token, known.get("refresh")) if secret}

    @property
    def token(self) -> str:
        """The bare token."""
        return self.header.partition(" ")[2]

    def call(self, method: str, path: str, body: Any = None, *, server: int | None = None, **options: Any) -> httpx.Response:
        """Send one request, to each server in turn unless `server` says to which."""
        self._calls += 1
        url = self.urls[self._calls % len(self.urls) if server is None else server] + path
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

    def socket(self, path: str, *, server: int = 0, headers: dict | None = None, **options: Any) -> SocketClient:
        """Open a socket with the caller's credentials in its header, or with other headers."""
        own = {"Authorization": self.header} if self.header and headers is None else (headers or {})
        return SocketClient(self.urls[server].replace("http", "ws", 1) + path, additional_headers=own, **options)


def assert_envelope(response: httpx.Response) -> dict:
    """Check that a refusal has the contract's form, and no traceback, SQL or path in it."""
    body = response.json()
    assert isinstance(body.get("error"), str) and body["error"], response.text
    assert re.fullmatch(r"[a-z0-9_]+", body.get("code", "")), response.text
    assert body.get("request_id"), response.text
    assert not re.search(r"Traceback|SELECT |INSERT |UPDATE |/home/|site-packages|psycopg|\.py\b", response.text)
    return body


numbers = iter(range(1, 10**6))


def fresh_phone() -> str:
    """Return a phone number that nobody has."""
    return f"+21366{os.getpid() % 1000:03d}{next(numbers):04d}"


class Users:
    """Registers users through the public API."""

    def __init__(self, environment: Environment, urls: Sequence[str] = ()) -> None:
        self.environment, self.urls = environment, urls or environment.urls
        self.anyone = self.caller()

    def caller(self, **options: Any) -> Caller:
        """Return a caller of the same servers."""
        return Caller(self.environment, urls=self.urls, **options)

    def client(self, **fields: Any) -> Caller:
        """Register a motorist."""
        phone = fresh_phone()
        body = {"phone_number": phone, "name": "Amina", "password": PASSWORD, **fields}
        answer = self.anyone.post("/api/auth/register/", body)
        assert answer.status_code == 201, answer.text
        return self._caller(answer.json(), phone)

    def assistant(self, *, active: bool = True, lat: float = 36.755, lng: float = 3.06, **fields: Any) -> Caller:
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
        caller = self._caller(answer.json(), phone)
        if active:
            assert caller.post("/api/profile/assistant-status/", {"is_active": True}).status_code == 200
        return caller

    def _caller(self, answer: dict, phone: str) -> Caller:
        return self.caller(
            header=f"Bearer {answer['access']}", user_id=answer["user"]["id"], phone=phone,
            refresh=answer["refresh"],
        )  # fmt: skip

    def dispatcher(self) -> Caller:
        """Register a dispatcher with a company of their own."""
        username = f"disp{os.getpid()}x{next(numbers)}"
        body = {
            "username": username, "password": PASSWORD, "email": f"{username}@example.com", "first_name": "Nadia",
            "last_name": "D", "company_name": f"Company of {username}", "company_address": "Alger",
        }  # fmt: skip
        answer = self.anyone.post("/api/auth/register/", body)
        assert answer.status_code == 201, answer.text
        login = self.anyone.post("/api/auth/login/", {"username": username, "password": PASSWORD}).json()
        return self.caller(
            header=f"Token {login['token']}", user_id=login["user_id"], username=username,
            company=login["company_id"], email=body["email"],
        )  # fmt: skip

    def roadside(self) -> Caller:
        """Make a dispatcher who also works the roadside side, which the API does not offer."""
        caller = self.dispatcher()
        self.environment.python(
            "from django.contrib.auth.models import Group;"
            f"Group.objects.get_or_create(name='Roadside')[0].user_set.add({caller.id})"
        )
        return caller

    def staff(self) -> Caller:
        """Make an operator, which the API does not offer."""
        username = f"staff{os.getpid()}x{next(numbers)}"
        self.environment.python(
            f"from accounts.models import User; User.objects.create_superuser({username!r}, None, {PASSWORD!r})"
        )
        login = self.anyone.post("/api/auth/login/", {"username": username, "password": PASSWORD}).json()
        return self.caller(header=f"Token {login['token']}", user_id=login["user_id"], username=username)
