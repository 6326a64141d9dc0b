"""The drills of hostile and sudden crowds: slow readers and flooders on sockets, and everybody at once."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake

from bench.drills import client
from bench.drills.client import Line, Places, Tally, open_pairs, open_socket
from bench.drills.outcomes import print_table
from testing.client_assistant_pairs import Pair, pairs_in
from testing.environments import IsolatedEnvironment

SLOW, FLOODERS, HONEST = 100, 50, 10
COMES_BACK_AFTER = 1.0  # seconds until a flooder that was cut off is there again
TINY = 4096  # bytes that a slow reader's kernel takes before it says stop

# Per process: threads for REST and for sockets, one for probes, one for tasks; see docs/operations.md.
CONNECTIONS_EACH = 4 + 4 + 2


class Hostile:
    """Clients that never read, or never stop; notes how long each socket lived and how it ended."""

    def __init__(self, base: str, until: float) -> None:
        self.base, self.until = base, until
        self.lives: dict[str, list[float]] = {"slow reader": [], "flooder": []}
        self.codes: Counter[int] = Counter()

    async def read_slowly(self, room: Pair, *, speaks: bool) -> None:
        """Take nothing off the line; half of them speak, so that the server has something to answer."""
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TINY)
        line.setblocking(False)
        loop, target = asyncio.get_running_loop(), urlsplit(self.base)
        await loop.sock_connect(line, (target.hostname, target.port))
        await loop.sock_sendall(line, _handshake(room.path, room.client))
        began = time.perf_counter()
        with suppress(OSError):
            while time.perf_counter() < self.until:
                if speaks:
                    await asyncio.wait_for(loop.sock_sendall(line, PING), 5)
                elif await _has_gone(line):
                    break
                await asyncio.sleep(0.15)
        if time.perf_counter() < self.until:
            self.lives["slow reader"].append(time.perf_counter() - began)
        line.close()

    async def flood(self, room: Pair) -> None:
        """Send without pause; come back when cut off."""
        while time.perf_counter() < self.until:
            began = time.perf_counter()
            try:
                async with open_socket(self.base, room.path, room.client, close_timeout=0.5) as held:
                    began = time.perf_counter()
                    while time.perf_counter() < self.until:
                        for _ in range(50):
                            await held.send('{"type": "ping"}')
                        await asyncio.sleep(0)  # the others of this process flood, too
            except ConnectionClosed as end:
                self.codes[end.rcvd.code if end.rcvd else 0] += 1
                self.lives["flooder"].append(time.perf_counter() - began)
            except (OSError, TimeoutError, InvalidHandshake):
                self.codes[-1] += 1
            await asyncio.sleep(COMES_BACK_AFTER)


def _be_hostile(base: str, slow: list[Pair], flooders: list[Pair], seconds: float, results: Connection) -> None:
    """Play the crowd in a process of its own, which yields to the server and to the honest: theirs is no one machine."""
    os.nice(10)

    async def play() -> Hostile:
        hostile = Hostile(base, time.perf_counter() + seconds)
        await asyncio.gather(
            *(hostile.read_slowly(room, speaks=index % 2 == 0) for index, room in enumerate(slow)), *(hostile.flood(room) for room in flooders)
        )
        return hostile

    played = asyncio.run(play())
    results.send((played.lives, played.codes))


def _handshake(path: str, token: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()


# A client's text frame: final, masked with zeros.
_TEXT = b'{"type": "ping"}'
PING = bytes([0x81, 0x80 | len(_TEXT), 0, 0, 0, 0]) + _TEXT


async def _has_gone(line: socket.socket) -> bool:
    """Return whether the server has cut a connection, without reading from it."""
    error = line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    state = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    return error != 0 or state != 1  # 1: established


def hostile_sockets(minutes: float = 1) -> bool:
    """Slow readers and flooders next to honest pairs: memory stays bounded, all are cut off, honest places arrive."""
    client.allow_many_files()
    with IsolatedEnvironment() as environment:
        base = environment.start_server("one")
        rooms = pairs_in(environment, SLOW + FLOODERS + HONEST)
        return asyncio.run(_hostile(environment, base, rooms, minutes * 60))


async def _hostile(environment: IsolatedEnvironment, base: str, rooms: list[Pair], seconds: float) -> bool:
    honest, crowd = rooms[:HONEST], rooms[HONEST:]
    places = Places()
    async with AsyncExitStack() as stack:
        receivers, senders = await open_pairs(stack, [base], honest, places)
        await asyncio.sleep(3)
        before, until = environment.memory_mb("one"), time.perf_counter() + seconds
        results, theirs = multiprocessing.Pipe(duplex=False)
        crowd_process = multiprocessing.get_context("spawn").Process(target=_be_hostile, args=(base, crowd[:SLOW], crowd[SLOW:], seconds, theirs))
        crowd_process.start()
        late: list[float] = []
        lateness = asyncio.create_task(client.note_lateness(late, until))
        talk = [asyncio.create_task(places.send(one, 2.0, until, index / 5)) for index, one in enumerate(senders)]
        peak = before
        while time.perf_counter() < until:
            await asyncio.sleep(1)
            peak = max(peak, environment.memory_mb("one"))
        await asyncio.sleep(2)
        cut_off = sum(one.close_code is not None for one in (*receivers, *senders))
        await asyncio.gather(*talk, lateness, return_exceptions=True)
        lives, codes = await asyncio.to_thread(results.recv)
        crowd_process.join()
    longest = {kind: max(ended, default=0.0) for kind, ended in lives.items()}
    evicted = {kind: len(ended) for kind, ended in lives.items()}
    p95 = client.percentile(places.delays, 0.95)
    lost = places.sent - len(places.delays)
    print_table(
        f"{SLOW} slow readers and {FLOODERS} flooders for {seconds:.0f} s (machine's load {client.machine_load()})",
        memory_growth_mb=f"{peak - before:.0f} (goal ≤ 100)", flooders_closed_with=dict(codes),
        slow_readers_cut_off=f"{evicted['slow reader']} of {SLOW}, the last after {longest['slow reader']:.0f} s (goal ≤ 60)",
        longest_life_of_a_flooder_s=f"{longest['flooder']:.1f}", honest_places=f"{places.sent} sent, {lost} not received, {cut_off} sockets cut off",
        honest_p95_ms=f"{p95 * 1000:.0f} (goal ≤ 500), p50 {client.percentile(places.delays, 0.5) * 1000:.0f}",
        of_which_the_client_was_late_p95_ms=f"{client.percentile(late, 0.95) * 1000:.0f}", flooders_came_back_per_s=f"{sum(codes.values()) / seconds:.0f}",
    )  # fmt: skip
    all_evicted = evicted["slow reader"] == SLOW or seconds < 90
    return peak - before <= 100 and all_evicted and max(longest.values()) <= 60 and p95 <= 0.5 and not cut_off and lost <= HONEST


def many_at_once(requests: int = 300, sockets: int = 500, idle: float = 60) -> bool:
    """Hundreds of requests during hundreds of opening sockets: connections to PostgreSQL stay under the cap."""
    client.allow_many_files()
    with IsolatedEnvironment() as environment:
        bases = [environment.start_server("one"), environment.start_server("two", TASK_WORKER="off")]
        rooms = pairs_in(environment, sockets // 2)
        return asyncio.run(_many(environment, bases, rooms, requests, idle))


async def _many(environment: IsolatedEnvironment, bases: list[str], rooms: list[Pair], requests: int, idle: float) -> bool:
    tally, held, peak = Tally(), [], 0
    endpoints = [(room.path, token) for room in rooms for token in (room.client, room.assistant)]
    took: list[float] = []

    async def ask(index: int) -> None:
        line, room, began = Line(bases[index % 2]), rooms[index % len(rooms)], time.perf_counter()
        try:
            tally.statuses[str((await line.ask("GET", f"/api/assistance/view/{room.number}/", f"Bearer {room.client}"))[0])] += 1
        except (OSError, asyncio.IncompleteReadError) as error:
            tally.statuses[f"cut ({type(error).__name__})"] += 1
        tally.times.append(time.perf_counter() - began)
        line.close()

    async def hold(index: int) -> None:
        began = time.perf_counter()
        one = await open_socket(bases[index % 2], *endpoints[index])
        await one.recv()
        took.append(time.perf_counter() - began)
        held.append(one)

    work = [asyncio.create_task(one) for one in (*map(ask, range(requests)), *map(hold, range(len(endpoints))))]
    while not all(task.done() for task in work):
        peak = max(peak, await asyncio.to_thread(connections, environment))
        await asyncio.sleep(0.1)
    failed = sum(task.exception() is not None for task in work)
    at_end = connections(environment)
    await asyncio.sleep(idle)
    after, cap = connections(environment), CONNECTIONS_EACH * len(bases)
    alive = sum(one.close_code is None for one in held)
    await asyncio.gather(*(one.close() for one in held), return_exceptions=True)
    print_table(
        f"{requests} requests and {len(endpoints)} sockets at once (machine's load {client.machine_load()})", statuses=dict(tally.statuses),
        answered_within_s=f"p50 {tally.p(0.5) / 1000:.1f}, last {tally.p(1) / 1000:.1f}", sockets_shown_their_state=f"{len(took)} of {len(endpoints)}, the last after {max(took, default=0):.1f} s",
        open_after_a_minute=alive, connections_at_most=f"{peak} (cap {cap})", connections_at_the_end_and_after_idling=f"{at_end}, {after}",
    )  # fmt: skip
    return set(tally.statuses) == {"200"} and not failed and alive == len(endpoints) and peak <= cap and after <= cap


def connections(environment: IsolatedEnvironment) -> int:
    """Count the connections to the drill's database but this one."""
    return environment.rows("SELECT count(*) FROM pg_stat_activity WHERE datname = 'drill' AND pid <> pg_backend_pid()")[0][0]
