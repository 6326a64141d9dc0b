"""Cost and latency of the channel layer: an idle process next to busy ones, and a location's way.

`python -m bench.layer [--seconds 15] [--rounds 3]` with DATABASE_URL (PostgreSQL) and REDIS_URL in the environment. The
servers are pinned to the first core; this client and the databases take the other.

- idle: CPU of a server that holds the sockets of 10 rooms in which nothing happens, while another process publishes
  3,000 locations a second to 300 other rooms, as a share of a core; compared with nobody publishing.
- location: from the frame of one party to the frame at the other, with 10 frames a second in all and with 300.
- publish: what `layer.publish` of one event takes its caller, and what it takes until another process has it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from contextlib import AsyncExitStack
from typing import Any

from websockets.asyncio.client import connect

from bench import figures
from bench.django_setup import load_django
from bench.pinned_server import pinned_server
from bench.sockets import prepare
from testing.databases import own_database
from testing.servers import Server

ROOMS, FRAMES = 300, 3000  # published to, and a second in all
QUIET, BUSY = 10, 300  # locations a second


async def _open(stack: AsyncExitStack, server: Server, endpoints: list[tuple[str, str]]) -> list[Any]:
    return [
        await stack.enter_async_context(
            connect(
                f"ws://127.0.0.1:{server.port}{path}", additional_headers={"Authorization": f"Bearer {token}"},
                max_queue=None, compression=None, ping_interval=None,
            )
        )
        for path, token in endpoints
    ]  # fmt: skip


async def idle(server: Server, endpoints: list[tuple[str, str]], seconds: float) -> tuple[float, float]:
    """Return the share of a core that a server uses while another process publishes, and while none does."""
    from assistance import events

    loop = asyncio.get_running_loop()

    async def publish() -> None:
        begin, sent = loop.time(), 0
        while (passed := loop.time() - begin) < seconds:
            for number in range(sent, int(passed * FRAMES)):
                room = 1_000_000 + number % ROOMS
                place = {"user_id": room, "lat": 36.7, "lng": 3.0, "assistance_id": room, "seq": 1, "at": None}
                events.publish_location(events.location(**place))
            sent = int(passed * FRAMES)
            await asyncio.sleep(0.01)
        print(f"{sent / seconds:,.0f} locations a second published")

    async with AsyncExitStack() as stack:
        await _open(stack, server, endpoints)
        await asyncio.sleep(1.5)
        before = server.cpu_s()
        await asyncio.sleep(seconds)
        quiet = (server.cpu_s() - before) / seconds
        before = server.cpu_s()
        await publish()
        return (server.cpu_s() - before) / seconds, quiet


async def location(server: Server, endpoints: list[tuple[str, str]], seconds: float, rate: int) -> float:
    """Return how long a location takes to the other party's socket at so many a second in all: p50 in ms."""
    loop, took = asyncio.get_running_loop(), []
    every = 1.05  # seconds between two of one sender, a little over what is thinned out
    senders = int(rate * every)

    async def read(socket: Any) -> None:
        async for text in socket:
            frame = json.loads(text)
            if frame["type"] == "location" and frame["lng"] == 3.0:
                took.append((loop.time() - frame["lat"] * 1000 - begin) * 1000)

    async def write(socket: Any, number: int) -> None:
        await asyncio.sleep(every * number / senders)
        while (passed := loop.time() - begin) < seconds:
            await socket.send(json.dumps({"type": "location", "lat": passed / 1000, "lng": 3.0}))
            await asyncio.sleep(every)

    async with AsyncExitStack() as stack:
        sockets = await _open(stack, server, endpoints[: senders * 2])
        begin = loop.time()
        readers = [asyncio.create_task(read(socket)) for socket in sockets[1::2]]
        await asyncio.gather(*(write(socket, number) for number, socket in enumerate(sockets[::2])))
        await asyncio.sleep(0.5)
        for reader in readers:
            reader.cancel()
    took.sort()
    print(f"{rate} locations a second: p50 {statistics.median(took):.1f} ms, p95 {took[int(len(took) * 0.95)]:.1f} ms ({len(took)})")
    return statistics.median(took)


async def publishing(rounds: int) -> tuple[float, float]:
    """Return what one event takes its caller, and until it is back from Redis: medians in ms."""
    from depannini_dashmap.lib.realtime import layer, subscriptions

    arrived = asyncio.Event()

    class Subscriber:
        def deliver(self, event: subscriptions.Event) -> None:
            arrived.set()

        def resync(self) -> None:
            pass

    own = subscriptions.of(asyncio.get_running_loop())
    await own.join(["bench.1"], Subscriber())
    calls, trips = [], []
    for number in range(rounds):
        arrived.clear()
        began = time.perf_counter()
        layer.publish_now("bench.1", {"type": "x", "n": number})
        calls.append(time.perf_counter() - began)
        await arrived.wait()
        trips.append(time.perf_counter() - began)
        await asyncio.sleep(0.002)
    await own.close()
    return statistics.median(calls) * 1000, statistics.median(trips) * 1000


def main() -> None:
    """Measure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=15)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    if not os.environ.get("DATABASE_URL", "").startswith("postgres") or not os.environ.get("REDIS_URL"):
        raise SystemExit("DATABASE_URL (PostgreSQL) and REDIS_URL are needed")
    os.sched_setaffinity(0, {os.cpu_count() - 1})
    with own_database(os.environ["DATABASE_URL"], "bench") as url:
        load_django(url)
        endpoints, _ = prepare(BUSY + BUSY // 10)
        server = pinned_server()
        try:
            shares = [asyncio.run(idle(server, endpoints[:20], given.seconds)) for _ in range(given.rounds)]
            for busy, quiet in shares:
                print(f"idle beside {FRAMES:,} a second: {busy:.2%} of a core; beside nothing: {quiet:.2%}")
            quiet_ms = [asyncio.run(location(server, endpoints, given.seconds, QUIET)) for _ in range(given.rounds)]
            busy_ms = [asyncio.run(location(server, endpoints, given.seconds, BUSY)) for _ in range(given.rounds)]
        finally:
            server.stop()
        called = [asyncio.run(publishing(500)) for _ in range(given.rounds)]
        print(f"publish: {called[0][0] * 1000:.0f} µs for the caller, {called[0][1]:.2f} ms until it is received")
    share = [100 * busy for busy, _ in shares]
    figures.report(f"an idle process while another publishes {FRAMES:,} locations a second", share, at_most=0.5, unit="% of a core")
    figures.report("a location, frame in to frame out, unloaded: p50", quiet_ms, at_most=4, unit="ms")
    figures.report(f"a location, frame in to frame out, {BUSY} a second: p50", busy_ms, at_most=20, unit="ms")


if __name__ == "__main__":
    main()
