"""What every actor of the simulation shares: the API, the clock and the counters."""

from __future__ import annotations

import asyncio
import json
import math
import random
import statistics
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import websockets

from depannini_dashmap.demo.people_and_places import DEMO_PASSWORD
from depannini_dashmap.lib.geo import initial_bearing
from depannini_dashmap.lib.roads import line_geometry, routing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Refused(Exception):
    """An answer that the simulated person did not expect."""


@dataclass
class Tally:
    """What happened, for the progress line and the table at the end."""

    counts: Counter = field(default_factory=Counter)
    errors: Counter = field(default_factory=Counter)
    first_offer_s: list[float] = field(default_factory=list)
    accept_s: list[float] = field(default_factory=list)

    def fail(self, what: str) -> None:
        """Count an error by its kind."""
        self.errors[what] += 1

    @staticmethod
    def percentile(values: list[float], share: float) -> float | None:
        """Return the value below which `share` (0…1) of the values lie, None for too few."""
        if len(values) < 2:
            return values[0] if values else None
        return statistics.quantiles(values, n=100, method="inclusive")[min(98, int(share * 100) - 1)]

    def rows(self) -> list[tuple[str, str]]:
        """Return the table's lines: name and value."""

        def seconds(values: list[float], share: float) -> str:
            value = self.percentile(values, share)
            return "–" if value is None else f"{value:.2f} s"

        names = ("requests", "accepted", "completed", "rated", "canceled", "lost races", "chat messages")
        return [
            *((name, str(self.counts[name])) for name in names),
            ("time to first offer p50 / p95", f"{seconds(self.first_offer_s, 0.5)} / {seconds(self.first_offer_s, 0.95)}"),
            ("time to accept p50 / p95", f"{seconds(self.accept_s, 0.5)} / {seconds(self.accept_s, 0.95)}"),
            ("frames in / out", f"{self.counts['frames in']} / {self.counts['frames out']}"),
            ("positions", str(self.counts["positions"])),
            ("stops completed", str(self.counts["stops completed"])),
            ("trips completed", str(self.counts["trips completed"])),
            ("HTTP calls", str(self.counts["http"])),
            ("errors", str(sum(self.errors.values()))),
        ]


class World:
    """The server under the simulation, how fast time runs, and chance; a `duration_s` of 0 never ends by itself."""

    def __init__(self, base_url: str, *, speed_up: float, duration_s: float, seed: int) -> None:
        self.base_url = base_url.rstrip("/")
        self.socket_url = self.base_url.replace("http", "ws", 1)
        self.speed_up = speed_up
        self.ends_at = time.monotonic() + duration_s if duration_s else math.inf
        self.random = random.Random(seed)  # noqa: S311 - chance, not secrets
        self.tally = Tally()
        self.requested_at: dict[int, float] = {}
        self.http = httpx.AsyncClient(
            base_url=self.base_url, timeout=40, limits=httpx.Limits(max_connections=40, max_keepalive_connections=20)
        )

    @property
    def is_over(self) -> bool:
        """Return whether nothing new should begin."""
        return time.monotonic() >= self.ends_at

    async def pause(self, seconds: float) -> None:
        """Wait `seconds` of simulated time, but not past the end."""
        await asyncio.sleep(max(0.02, min(seconds / self.speed_up, max(0.02, self.ends_at - time.monotonic()))))

    async def call(
        self, method: str, path: str, body: Any = None, *, token: str = "", expected: tuple[int, ...] = (200, 201, 204)
    ) -> httpx.Response:
        """Send one request; 429 is waited out once. Raises: Refused for a status that is not `expected`."""
        headers = {"Authorization": f"Bearer {token}"} if token.startswith("ey") else {}
        if token and not headers:
            headers = {"Authorization": f"Token {token}"}
        for attempt in (1, 2):
            self.tally.counts["http"] += 1
            response = await self.http.request(method, path, json=body, headers=headers)
            if response.status_code != 429 or attempt == 2 or 429 in expected:
                break
            await asyncio.sleep(min(60, int(response.headers.get("Retry-After", "5"))))
        if response.status_code not in expected:
            raise Refused(f"{method} {path.split('?')[0]} answered {response.status_code}")
        return response

    @asynccontextmanager
    async def socket(self, path: str, token: str) -> AsyncIterator[Socket]:
        """Hold a socket open."""
        async with websockets.connect(
            self.socket_url + path, additional_headers={"Authorization": f"Bearer {token}"}, max_size=2**20
        ) as connection:
            yield Socket(connection, self.tally)


class Socket:
    """A socket that speaks JSON and counts its frames."""

    def __init__(self, connection: Any, tally: Tally) -> None:
        self.connection = connection
        self.tally = tally

    async def send(self, event: dict) -> None:
        """Send one event."""
        self.tally.counts["frames out"] += 1
        await self.connection.send(json.dumps(event))

    async def receive(self, timeout_s: float) -> dict | None:
        """Return the next event, or None when none came in time."""
        try:
            frame = await asyncio.wait_for(self.connection.recv(), timeout_s)
        except TimeoutError:
            return None
        self.tally.counts["frames in"] += 1
        event = json.loads(frame)
        if event.get("type") == "error":
            self.tally.fail(f"error frame {event.get('code')}")
        return event


@dataclass
class Mover:
    """Something on the road; degrees, km/h."""

    lat: float
    lng: float
    speed_kmh: float = 0.0
    heading: float = 0.0
    way: list[tuple[float, float]] = field(default_factory=list)

    def step(self, lat: float, lng: float, speed_kmh: float, seconds: float) -> bool:
        """Go towards a point for so long, by road where roads are known; return whether it is reached."""
        if not self.way or self.way[-1] != (lat, lng):
            found = routing.route([(self.lat, self.lng), (lat, lng)], within=1.0)
            self.way = [(self.lat, self.lng), *(found.line if found.source == routing.ROAD else ()), (lat, lng)]
        left_km, reach_km = line_geometry.length_km(self.way), speed_kmh * seconds / 3600
        (self.lat, self.lng), ahead = line_geometry.along(self.way, reach_km)
        if left_km <= max(reach_km, 0.03):
            self.lat, self.lng, self.speed_kmh, self.way = lat, lng, 0.0, []
            return True
        self.way, self.speed_kmh = ahead, speed_kmh
        self.heading = round(initial_bearing(self.lat, self.lng, *ahead[1]), 2) % 360
        return False


async def sign_in(world: World, phone: str, registration: dict) -> tuple[int, str]:
    """Return (user id, access token) of the account with this phone; it is registered when it does not exist."""
    login = {"phone_number": phone, "password": DEMO_PASSWORD}
    response = await world.call("POST", "/api/auth/login/phone/", login, expected=(200, 401))
    if response.status_code == 401:
        body = {**registration, **login, "password_confirm": DEMO_PASSWORD}
        response = await world.call("POST", "/api/auth/register/", body)
    answer = response.json()
    return answer["user"]["id"], answer["access"]
