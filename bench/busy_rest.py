"""Sockets next to busy REST, which reads on eight connections from a process of its own: part of `bench.sockets`."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

from websockets.asyncio.client import connect

from bench import figures
from bench.pinned_server import pinned_server

PINGERS = 40


def compare_with_busy_rest(endpoints: list[tuple[str, str]], rooms: list[dict], seconds: float, rounds: int) -> None:
    """Print the effect of busy REST on sockets: in a process of its own with lower priority, and in the same one."""
    for name, goal, parts in (("separate processes", " (goal ≤ 2)", ("http", "sockets")), ("one process", "", ("all",))):
        servers = [pinned_server(prefix=("nice", "-n", "10") if part == "http" else (), SERVE=part) for part in parts]
        try:
            base = f"ws://127.0.0.1:{servers[-1].port}"
            asyncio.run(_pings(base, endpoints[:PINGERS], 1))
            quiet, busy = [], []
            for _ in range(rounds):
                quiet.append(asyncio.run(_pings(base, endpoints[:PINGERS], seconds)))
                with pressed(servers[0].port, rooms[0], seconds + 2):
                    busy.append(asyncio.run(_pings(base, endpoints[:PINGERS], seconds)))
        finally:
            for server in servers:
                server.stop()
        ratios = [b / q for b, q in zip(busy, quiet, strict=True)]
        print(
            f"sockets beside busy REST, {name}: p99 {statistics.median(busy) * 1000:.1f} ms, "
            f"unloaded {statistics.median(quiet) * 1000:.1f} ms, {statistics.median(ratios):.2f} of it{goal}"
        )
        if goal:
            figures.report(f"sockets beside busy REST, {name}: p99", ratios, at_most=2, unit="x unloaded")


async def _pings(base: str, endpoints: list[tuple[str, str]], seconds: float) -> float:
    """Return the p99 of ping → pong; each socket asks five times a second."""
    delays: list[float] = []
    loop = asyncio.get_running_loop()

    async def ask(one: Any, offset: float, until: float) -> None:
        await asyncio.sleep(offset)
        while loop.time() < until:
            sent = time.perf_counter()
            await one.send('{"type":"ping"}')
            while json.loads(await one.recv())["type"] != "pong":
                pass
            delays.append(time.perf_counter() - sent)
            await asyncio.sleep(0.2)

    async with AsyncExitStack() as stack:
        sockets = []
        for path, token in endpoints:
            opening = connect(base + path, additional_headers={"Authorization": f"Bearer {token}"}, compression=None, ping_interval=None)
            sockets.append(await stack.enter_async_context(opening))
        await asyncio.sleep(1)
        until = loop.time() + seconds
        await asyncio.gather(*(ask(one, 0.2 * number / len(sockets), until) for number, one in enumerate(sockets)))
    return sorted(delays)[int(len(delays) * 0.99)]


@contextmanager
def pressed(port: int, room: dict, seconds: float) -> Iterator[None]:
    """Keep REST busy from another process meanwhile."""
    pressing = multiprocessing.get_context("spawn").Process(target=_press, args=(port, room["id"], room["client"], seconds))
    pressing.start()
    time.sleep(1)
    try:
        yield
    finally:
        pressing.join()


def _press(port: int, number: int, token: str, seconds: float) -> None:
    request = f"GET /api/assistance/view/{number}/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()

    async def read(until: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < until:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert head.split(b" ", 2)[1] == b"200", head
            await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))

    async def press() -> None:
        await asyncio.gather(*(read(time.monotonic() + seconds) for _ in range(8)))

    asyncio.run(press())
