"""Sockets against a bare ASGI echo on the same server (uvicorn), as ratios taken in one run.

`python -m bench.sockets [--pairs 200] [--seconds 15] [--sockets 2000] [--rounds 3]` with DATABASE_URL (PostgreSQL) and REDIS_URL in
the environment. The server is pinned to the first core; this client and the databases take the other.

- fan-out: both members of each room send their place once a second, both receive both, every 5 s each is written to the
  database. CPU seconds of the server for each frame moved (in or out), echo ÷ ours.
- overload: six times as many frames; how late the newest value arrives, in coalescing ticks (1 s).
- change of state → frame: from the assistant's PATCH to the frame at the client, ÷ the PATCH itself.
- memory: RSS for each idle socket, ours ÷ echo.
- next to busy REST: p99 of ping → pong while eight connections read without pause, ÷ the same without them; REST and
  sockets as two processes (SERVE=http, SERVE=sockets), and as one. All servers share the first core; the load
  runs on the other, with this client and the databases, as for the other figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from contextlib import AsyncExitStack, suppress
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from bench import figures
from bench.busy_rest import compare_with_busy_rest
from bench.django_setup import load_django
from bench.pinned_server import ECHO, pinned_server
from testing.databases import own_database
from testing.servers import APPLICATION, Server

PLACE = '{"type":"location","lat":36.75%04d,"lng":3.0588,"user_id":1}'


class Load:
    """Sockets that send at a steady rate and count what comes."""

    def __init__(self, base: str, endpoints: list[tuple[str, str]]):
        self.base, self.endpoints = base, endpoints
        self.sent = self.received = 0

    async def run(self, seconds: float, every: float, *, measure: Server | None = None) -> float:
        """Send for some seconds; return the CPU seconds that `measure` used meanwhile."""
        async with AsyncExitStack() as stack:
            sockets = []
            for path, token in self.endpoints:
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                opening = connect(
                    self.base + path, additional_headers=headers, max_queue=None, compression=None, ping_interval=None
                )
                sockets.append(await stack.enter_async_context(opening))
            readers = [asyncio.create_task(self._read(one, number)) for number, one in enumerate(sockets)]
            await asyncio.sleep(1)
            self.sent = self.received = 0
            before = measure.cpu_s() if measure else 0.0
            await asyncio.gather(*(self._write(one, n, seconds, every) for n, one in enumerate(sockets)))
            await asyncio.sleep(1.5)
            used = measure.cpu_s() - before if measure else 0.0
            for reader in readers:
                reader.cancel()
        return used

    async def _write(self, one: Any, number: int, seconds: float, every: float) -> None:
        await asyncio.sleep(every * number / len(self.endpoints))
        loop = asyncio.get_running_loop()
        begin, step = loop.time(), 0
        while loop.time() - begin < seconds:
            await one.send(PLACE % (step % 10000))
            self.sent += 1
            step += 1
            await asyncio.sleep(max(0, begin + step * every - loop.time()))

    async def _read(self, one: Any, number: int) -> None:
        async for _ in one:
            self.received += 1


def prepare(count: int) -> tuple[list[tuple[str, str]], list[dict]]:
    """Make rooms with an accepted request each; return (path, token) of both members of every room."""
    from django.utils import timezone

    from accounts.models import User
    from accounts.tokens import issue_pair
    from assistance.models import Assistance, AssistantProfile

    endpoints, rooms, now = [], [], timezone.now()
    for number in range(count):
        client = User.objects.create(username=f"c{number}", name=f"C{number}", user_type="client")
        helper = User.objects.create(username=f"a{number}", name=f"A{number}", user_type="assistant")
        profile = AssistantProfile(
            user=helper, service_type="towing", vehicle_type="car", driving_license_cat="b", is_active=True,
            driving_license_num="1", driving_license_expiry=now.date().replace(year=now.year + 2),
            vehicle_registration_num=1, seen_at=now,
        )  # fmt: skip
        profile.place(36.75, 3.05 + number / 1000)
        profile.save(force_insert=True)
        job = Assistance.objects.create(
            client=client, assistant=helper, status="accepted", pickup_lat=36.75, pickup_lng=3.05, distance_km=0,
            total_price=0, price_is_final=True, currency="DZD", wave=1, radius_km=10, accepted_at=now,
            created_at=now, updated_at=now, expires_at=now + timezone.timedelta(hours=1),
        )  # fmt: skip
        tokens = [issue_pair(client)["access"], issue_pair(helper)["access"]]
        endpoints += [(f"/ws/assistance/{job.pk}/", token) for token in tokens]
        rooms.append({"id": job.pk, "client": tokens[0], "assistant": tokens[1], "assistant_id": helper.pk})
    return endpoints, rooms


def fan_out(ours: Server, echo: Server, endpoints: list[tuple[str, str]], seconds: float, rounds: int) -> None:
    """Print what a moved frame costs."""
    floor = Load(f"ws://127.0.0.1:{echo.port}", [("/", "")] * len(endpoints))
    load = Load(f"ws://127.0.0.1:{ours.port}", endpoints)
    costs: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):  # taking turns, as the machine's other work comes and goes
        # In one and out two for a place, in one and out one for an echo: the same number of frames moved.
        for which, (one, server, every) in enumerate(((floor, echo, 1 / 1.5), (load, ours, 1.02))):
            used = asyncio.run(one.run(seconds, every, measure=server))
            costs[which].append(used / (one.sent + one.received) * 1e6)
            name = ("echo", "ours")[which]
            print(f"{name}: {one.sent} in, {one.received} out, {costs[which][-1]:.0f} µs a frame, {used / seconds:.0%} of a core")
    ratios = [theirs / own for theirs, own in zip(*costs, strict=True)]
    print(f"location fan-out, written through: {statistics.median(ratios):.2f} of the echo (goal ≥ 0.55)")
    figures.report("location fan-out, both members, written through", ratios, at_least=0.55, unit="of the echo")


def overload(ours: Server, endpoints: list[tuple[str, str]], seconds: float, rounds: int) -> None:
    """Print how late places are at six frames a second, and whether the newest arrives."""
    tails, missing = [], []
    for _ in range(rounds):
        p50, p99, arrived, sent = asyncio.run(_overload(f"ws://127.0.0.1:{ours.port}", endpoints, seconds))
        tails.append(p99)
        missing.append(sent - arrived)
        print(f"overload ×6: p50 {p50:.2f} s, p99 {p99:.2f} s (goal ≤ 2), newest arrived {arrived}/{sent}")
    figures.report("six times the load: p99 of a place's age", tails, at_most=2, unit="coalescing ticks of 1 s")
    figures.report("six times the load: newest values that never came", missing, at_most=0, is_strict=True)


async def _overload(base: str, endpoints: list[tuple[str, str]], seconds: float) -> tuple[float, float, int, int]:
    """A location's age when it is received, by the number that it carries."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    ages: list[float] = []
    last_heard: dict[str, float] = {}
    last_sent: dict[str, float] = {}

    async def write(one: Any, path: str) -> None:
        while loop.time() - begin < seconds:
            sent = loop.time() - begin
            await one.send(json.dumps({"type": "location", "lat": sent / 10, "lng": 3.0}))
            last_sent[path] = sent
            await asyncio.sleep(1 / 6)

    async def read(one: Any, path: str) -> None:
        async for text in one:
            frame = json.loads(text)
            if frame["type"] == "location" and frame["lng"] == 3.0:
                ages.append(loop.time() - begin - frame["lat"] * 10)
                last_heard[path] = frame["lat"] * 10

    async with AsyncExitStack() as stack:
        readers, writers = [], []
        for number, (path, token) in enumerate(endpoints):
            headers = {"Authorization": f"Bearer {token}"}
            one = await stack.enter_async_context(
                connect(base + path, additional_headers=headers, max_queue=None, compression=None, ping_interval=None)
            )
            readers.append(asyncio.create_task(read(one, path)))
            if number % 2:
                writers.append((one, path))
        begin = loop.time()
        await asyncio.gather(*(write(one, path) for one, path in writers))
        await asyncio.sleep(2.5)
        for reader in readers:
            reader.cancel()
    ages.sort()
    arrived = sum(abs(last_heard.get(path, -9) - sent) < 1e-6 for path, sent in last_sent.items())
    return statistics.median(ages), ages[int(len(ages) * 0.99)], arrived, len(last_sent)


def latency(ours: Server, rooms: list[dict], rounds: int) -> None:
    """Print how long a change of state takes to reach the other side; each round takes rooms of its own."""
    each = len(rooms) // rounds
    ratios = [asyncio.run(_latency(ours.port, rooms[each * n : each * (n + 1)][:60])) for n in range(rounds)]
    print(f"state change → frame: {statistics.median(ratios):.2f} of the write request (goal ≤ 1.5)")
    figures.report("change of state → frame on the other side's socket: p50", ratios, at_most=1.5, unit="x the write request")


async def _latency(port: int, rooms: list[dict]) -> float:
    answers, frames_after = [], []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        for room in rooms:
            headers = {"Authorization": f"Bearer {room['client']}"}
            async with connect(f"ws://127.0.0.1:{port}/ws/assistance/{room['id']}/", additional_headers=headers) as one:
                for _ in range(3):  # connection_established, status, location
                    await one.recv()
                began = time.perf_counter()

                async def receive(socket: Any = one, since: float = began) -> float:
                    while json.loads(await socket.recv())["type"] != "status":
                        pass
                    return time.perf_counter() - since

                frame = asyncio.create_task(receive())
                answer = await http.patch(
                    f"/api/assistance/update/{room['id']}/", json={"status": "ongoing"},
                    headers={"Authorization": f"Bearer {room['assistant']}"},
                )  # fmt: skip
                answers.append(time.perf_counter() - began)
                assert answer.status_code == 200, answer.text
                frames_after.append(await frame)
    answer_ms, frame_ms = statistics.median(answers) * 1000, statistics.median(frames_after) * 1000
    p95 = sorted(frames_after)[int(len(frames_after) * 0.95)] * 1000
    print(f"write answered p50 {answer_ms:.1f} ms; its frame received p50 {frame_ms:.1f} ms, p95 {p95:.1f} ms")
    return frame_ms / answer_ms


def memory(endpoints: list[tuple[str, str]], count: int, rounds: int) -> None:
    """Print what an idle socket takes; each time on servers whose memory has no past."""
    held: dict[str, list[int]] = {"echo": [], "ours": []}
    costs: dict[str, list[float]] = {"echo": [], "ours": []}
    for _ in range(rounds):
        targets = {"echo": [("/", "")] * count, "ours": (endpoints * (count // len(endpoints) + 1))[:count]}
        for name, application in (("echo", ECHO), ("ours", APPLICATION)):
            server = pinned_server(application)
            try:
                kept, cost = asyncio.run(_hold(server, targets[name]))
            finally:
                server.stop()
            held[name].append(kept)
            costs[name].append(cost)
            print(f"{name}: {kept} of {count} sockets held, {cost:.1f} KiB each")
    ratios = [own / theirs for own, theirs in zip(costs["ours"], costs["echo"], strict=True)]
    print(f"memory of a socket: {statistics.median(ratios):.2f} of the echo's (goal ≤ 1.3)")
    figures.report("sockets held by one process", held["ours"], at_least=count, is_strict=True)
    figures.report("memory of a held socket", ratios, at_most=1.3, unit="x the echo's")


async def _hold(server: Server, endpoints: list[tuple[str, str]], *, is_warm: bool = False) -> tuple[int, float]:
    if not is_warm:  # threads and connections to the databases are no socket's
        await _hold(server, endpoints[:20], is_warm=True)
    before = server.memory_mb()
    async with AsyncExitStack() as stack:
        sockets = []
        for path, token in endpoints:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            opening = connect(
                f"ws://127.0.0.1:{server.port}{path}", additional_headers=headers, compression=None, ping_interval=None
            )
            with suppress(OSError, WebSocketException):  # a refused socket is not held
                sockets.append(await stack.enter_async_context(opening))
        await asyncio.sleep(2)
        held = sum(one.close_code is None for one in sockets)
        return held, (server.memory_mb() - before) * 1024 / len(endpoints)


def main() -> None:
    """Measure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pairs", type=int, default=200)
    options.add_argument("--seconds", type=float, default=15)
    options.add_argument("--sockets", type=int, default=2000)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    if not os.environ.get("DATABASE_URL", "").startswith("postgres") or not os.environ.get("REDIS_URL"):
        raise SystemExit("DATABASE_URL (PostgreSQL) and REDIS_URL are needed")
    os.sched_setaffinity(0, {os.cpu_count() - 1})
    with own_database(os.environ["DATABASE_URL"], "bench") as url:
        load_django(url)
        endpoints, rooms = prepare(max(given.pairs, 200))
        ours, echo = pinned_server(), pinned_server(ECHO)
        try:
            used = endpoints[: given.pairs * 2]
            fan_out(ours, echo, used, given.seconds, given.rounds)
            overload(ours, used[:120], given.seconds / 2, given.rounds)
            latency(ours, rooms, given.rounds)
        finally:
            ours.stop()
            echo.stop()
        if given.sockets:
            memory(endpoints, given.sockets, given.rounds)
        compare_with_busy_rest(endpoints, rooms, given.seconds / 2, given.rounds)



if __name__ == "__main__":
    main()
