"""REST over HTTP against a constant view of the same server, as ratios taken in one run.

`python -m bench.rest [--seconds 3] [--rounds 3]` with DATABASE_URL (PostgreSQL) and REDIS_URL in the environment. It
makes a database of its own next to the given one, starts one server pinned to the first core, and loads it from the
second; compared servers take turns, and the median of the rounds' ratios counts.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from bench import figures
from bench.django_setup import environment
from bench.pinned_server import running
from testing.databases import own_database
from testing.servers import ROOT
from testing.users import PASSWORD

CONNECTIONS = 8


@contextmanager
def server(url: str, **settings: str) -> Iterator[str]:
    """Run one server on the first core, with these settings, and return its base URL."""
    variables = {**os.environ, **environment(url), **settings}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=variables, check=True)
    with running(**variables) as started:
        yield started.url


@dataclass(frozen=True)
class Target:
    """One request: its name and its bytes; `%d` in a body is replaced by a running number."""

    name: str
    method: str
    path: str
    token: str = ""
    body: str = ""

    def raw(self, number: str) -> bytes:
        """Return the request as it goes over the wire."""
        body = self.body.replace("%d", number).encode()
        head = [f"{self.method} {self.path} HTTP/1.1", "Host: 127.0.0.1"]
        if self.token:
            head.append(f"Authorization: Token {self.token}")
        if body:
            head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + body


async def _connection(port: int, target: Target, until: float, numbers: Iterator[str], times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        started = time.perf_counter()
        writer.write(target.raw(next(numbers)))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        await reader.readexactly(length)
        if head.split(b" ", 2)[1] not in (b"200", b"201"):
            raise RuntimeError(f"{target.name}: {head[:200]!r}")
        times.append(time.perf_counter() - started)
    writer.close()


def per_second(base: str, target: Target, seconds: float, numbers: Iterator[str]) -> tuple[float, float]:
    """Return requests per second and the p95 in ms at eight kept connections."""
    times: list[float] = []
    port = urlsplit(base).port or 80

    async def load() -> None:
        until = time.perf_counter() + seconds
        await asyncio.gather(*(_connection(port, target, until, numbers, times) for _ in range(CONNECTIONS)))

    asyncio.run(load())
    return len(times) / seconds, sorted(times)[int(len(times) * 0.95)] * 1000


def make_targets(base: str) -> list[Target]:
    """Register a dispatcher with an order and a vehicle; returns what is measured, the constant view first."""
    http = httpx.Client(base_url=base, timeout=20)
    body = {"username": "bench", "password": PASSWORD, "email": "b@example.com", "first_name": "B", "last_name": "B", "company_name": "Bench"}
    http.post("/api/auth/register/", json=body).raise_for_status()
    token = http.post("/api/auth/login/", json={"username": "bench", "password": PASSWORD}).json()["token"]
    http.headers["Authorization"] = f"Token {token}"
    stop = {"name": "Stop", "address": "1 Rue", "latitude": "36.7", "longitude": "3.0"}
    order = http.post(
        "/api/orders/", json={"customer_name": "C", "goods_description": "G", "pickup_stop": stop, "delivery_stop": stop}
    ).json()["id"]
    vehicle = http.post(
        "/api/vehicles/", json={"license_plate": "B1", "make": "F", "model": "T", "year": 2020, "capacity": "1"}
    ).json()["id"]
    position = json.dumps(
        {"vehicle_id": vehicle, "latitude": "36.7", "longitude": "3.0", "speed": "50", "heading": "90", "timestamp": "@@"}
    ).replace('"@@"', '"%d"')
    return [
        Target("constant view", "GET", "/api/"),
        Target("read an order with its stops", "GET", f"/api/orders/{order}/", token),
        Target("list of vehicles", "GET", "/api/vehicles/", token),
        Target("write a position", "POST", "/api/positions/", token, position),
    ]


def _instants() -> Iterator[str]:
    moment = dt.datetime(2020, 1, 1)
    while True:
        moment += dt.timedelta(seconds=1)
        yield moment.isoformat() + "Z"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    with own_database(os.environ["DATABASE_URL"], "bench") as url, server(url) as base:
        targets, numbers = make_targets(base), _instants()
        rates: dict[str, list[float]] = {target.name: [] for target in targets}
        tails: dict[str, list[float]] = {target.name: [] for target in targets}
        for target in targets:
            per_second(base, target, 0.5, numbers)
        for _ in range(options.rounds):
            for target in targets:
                rate, tail = per_second(base, target, options.seconds, numbers)
                rates[target.name].append(rate)
                tails[target.name].append(tail)
    floor, ratios = rates[targets[0].name], {}
    print(f"{'what':<30} {'per s':>8} {'p95 ms':>8} {'ratio':>6}")
    for target in targets:
        ratios[target.name] = [rate / bare for rate, bare in zip(rates[target.name], floor, strict=True)]
        print(
            f"{target.name:<30} {statistics.median(rates[target.name]):>8.0f} "
            f"{statistics.median(tails[target.name]):>8.1f} {statistics.median(ratios[target.name]):>6.2f}"
        )
    figures.report(
        "REST read: an order with its stops", ratios["read an order with its stops"],
        at_least=0.40, unit="of a constant view",
    )  # fmt: skip



if __name__ == "__main__":
    main()
