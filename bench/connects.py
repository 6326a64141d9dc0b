"""How many sockets one process lets in each second, and how soon everybody is back after a restart.

`python -m bench.connects [--sockets 2000] [--at-once 200] [--rounds 3]` with DATABASE_URL (PostgreSQL) and REDIS_URL in the
environment. A connect counts from the TCP handshake to `connection_established`; each socket has a user of its own and is held.
The server is pinned to the first core; this client, which reads bytes and no frames, and the databases take the other.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import time

from bench import figures
from bench.django_setup import load_django
from bench.pinned_server import pinned_server
from testing.databases import own_database

SHOWN = b"connection_established"


async def connect_all(port: int, endpoints: list[tuple[str, str]], at_once: int) -> tuple[float, int]:
    """Open a socket for each (path, token), so many at once; return the seconds until all were shown their state, and how many were."""
    gate = asyncio.Semaphore(at_once)
    held: list[asyncio.StreamWriter] = []

    async def open_one(path: str, token: str) -> bool:
        key = base64.b64encode(os.urandom(16)).decode()
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            held.append(writer)
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
            )
            received = b""
            while SHOWN not in received:
                piece = await asyncio.wait_for(reader.read(65_536), 60)
                if not piece:
                    return False
                received += piece
            return True

    began = time.perf_counter()
    shown = await asyncio.gather(*(open_one(*door) for door in endpoints))
    took = time.perf_counter() - began
    for writer in held:
        writer.close()
    return took, sum(shown)


def measure(endpoints: list[tuple[str, str]], at_once: int, rounds: int) -> None:
    """Print connects a second, each round on a server that has just started."""
    rates, costs = [], []
    for _ in range(rounds):
        server = pinned_server()
        try:
            before = server.cpu_s()
            took, shown = asyncio.run(connect_all(server.port, endpoints, at_once))
            cost = (server.cpu_s() - before) / len(endpoints) * 1000
        finally:
            server.stop()
        rates.append(shown / took)
        costs.append(cost)
        print(f"{shown} of {len(endpoints)} sockets let in within {took:.2f} s: {rates[-1]:.0f} a second, {cost:.2f} ms of CPU each")
    figures.report("sockets let in, each with its state", rates, at_least=1000, unit="a second")


def main() -> None:
    """Run the bench."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sockets", type=int, default=2000)
    options.add_argument("--at-once", type=int, default=200)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    if not os.environ.get("DATABASE_URL", "").startswith("postgres") or not os.environ.get("REDIS_URL"):
        raise SystemExit("DATABASE_URL (PostgreSQL) and REDIS_URL are needed")
    os.sched_setaffinity(0, {os.cpu_count() - 1})
    with own_database(os.environ["DATABASE_URL"], "bench") as url:
        load_django(url)
        from bench.sockets import prepare

        endpoints, _ = prepare(given.sockets // 2)
        measure(endpoints, given.at_once, given.rounds)


if __name__ == "__main__":
    main()
