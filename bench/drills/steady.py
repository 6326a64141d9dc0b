"""The drills of a steady day: mixed requests next to sockets, a stream of positions, and a long quiet run."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import json
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import redis
from websockets.asyncio.client import ClientConnection

from bench.drills import client
from bench.drills.client import Line, Places, Tally, open_pairs, open_socket, steadily
from bench.drills.crowds import connections
from bench.drills.load import STOP
from bench.drills.outcomes import print_table
from testing.client_assistant_pairs import Pair, pairs_in
from testing.environments import IsolatedEnvironment
from testing.samples import new_vehicle
from testing.users import Users

LINES = 48  # kept connections over which requests go
PLACE_EVERY = 2.0
VEHICLES = 20


@dataclass
class Mixed:
    """What a day asks for: positions, lists, single requests and orders; remembers every write that was acknowledged."""

    header: str
    vehicles: list[int]
    rooms: list[Pair]
    positions: dict[int, tuple[int, str]] = field(default_factory=dict)
    orders: set[int] = field(default_factory=set)
    seconds: itertools.count = field(default_factory=itertools.count)

    async def one(self, line: Line, number: int) -> int:
        """Make one request; return its status."""
        turn, room = number % 20, self.rooms[number % len(self.rooms)]
        if turn < 8:
            return await self.position(line, number)
        if turn < 12:
            return (await line.ask("GET", "/api/positions/latest/", self.header))[0]
        if turn < 15:
            return (await line.ask("GET", f"/api/assistance/view/{room.number}/", f"Bearer {room.client}"))[0]
        if turn < 17:
            return (await line.ask("GET", "/api/assistance/view/", f"Bearer {room.assistant}"))[0]
        if turn < 19:
            return (await line.ask("GET", "/api/vehicles/", self.header))[0]
        return await self.order(line)

    async def order(self, line: Line) -> int:
        """Take an order with two stops."""
        body = {"customer_name": "C", "goods_description": "G", "pickup_stop": STOP, "delivery_stop": STOP}
        status, answer = await line.ask("POST", "/api/orders/", self.header, body)
        if status == 201:
            self.orders.add(json.loads(answer)["id"])
        return status

    async def position(self, line: Line, number: int) -> int:
        """Write a position; moments come in no order."""
        vehicle = self.vehicles[number % len(self.vehicles)]
        second = next(self.seconds) ^ 0b101
        moment = f"{(dt.datetime(2025, 1, 1) + dt.timedelta(seconds=second)).isoformat()}Z"
        body = {"vehicle_id": vehicle, "latitude": "36.7", "longitude": "3.0", "speed": "50", "heading": "90", "timestamp": moment}
        status, answer = await line.ask("POST", "/api/positions/", self.header, body)
        if status == 201:
            self.positions[json.loads(answer)["id"]] = (vehicle, moment)
        return status

    def lost(self, environment: IsolatedEnvironment) -> int:
        """Count acknowledged writes that the database does not hold."""
        stored = {row[0] for row in environment.rows("SELECT id FROM telematics_position")}
        ordered = {row[0] for row in environment.rows("SELECT id FROM orders_order")}
        return len(set(self.positions) - stored) + len(self.orders - ordered)


def load(minutes: float = 1, per_second: float = 100, sockets: int = 500) -> bool:
    """Mixed requests next to sockets that send locations: no server error, nothing lost, answers in time."""
    client.allow_many_files()
    with IsolatedEnvironment() as environment:
        bases, mixed = _prepare(environment, sockets // 2)
        return asyncio.run(_load(environment, bases, mixed, minutes * 60, per_second))


def _prepare(environment: IsolatedEnvironment, pairs: int, vehicles: int = VEHICLES) -> tuple[list[str], Mixed]:
    bases = [environment.start_server("one"), environment.start_server("two", TASK_WORKER="off")]
    return bases, Mixed(*prepare_on(environment, bases[0], pairs, vehicles))


def prepare_on(environment: IsolatedEnvironment, base: str, pairs: int, vehicles: int = VEHICLES) -> tuple[str, list[int], list[Pair]]:
    """Return a dispatcher's header and vehicles, and rooms."""
    users = Users(environment, [base])
    dispatcher = users.dispatcher()
    return dispatcher.header, [new_vehicle(dispatcher) for _ in range(vehicles)], pairs_in(environment, pairs) if pairs else []


async def _load(environment: IsolatedEnvironment, bases: list[str], mixed: Mixed, seconds: float, per_second: float) -> bool:
    places, tally = Places(), Tally()
    async with AsyncExitStack() as stack:
        receivers, senders = await open_pairs(stack, bases, mixed.rooms, places)
        until = time.perf_counter() + seconds
        talk = _talk(senders, places, until) + _talk(receivers, Places(), until)
        await steadily(per_second, seconds, _lines(bases), tally, mixed.one)
        await asyncio.gather(*talk, return_exceptions=True)
        await asyncio.sleep(2)
        cut_off = sum(one.close_code is not None for one in (*receivers, *senders))
    lost = await asyncio.to_thread(mixed.lost, environment)
    print_table(
        f"{per_second:g} requests/s and {2 * len(senders)} sockets for {seconds:.0f} s (machine's load {client.machine_load()})",
        requests=dict(tally.statuses), server_errors=tally.server_errors(), acknowledged_writes=len(mixed.positions) + len(mixed.orders),
        acknowledged_writes_lost=lost, answers_ms=f"p50 {tally.p(0.5):.0f}, p95 {tally.p(0.95):.0f} (goal ≤ 300), p99 {tally.p(0.99):.0f}",
        places=f"{places.sent} sent, {len(places.delays)} received, {cut_off} sockets cut off",
        places_heard_after_ms=f"p50 {client.percentile(places.delays, 0.5) * 1000:.0f}, p95 {client.percentile(places.delays, 0.95) * 1000:.0f}",
    )  # fmt: skip
    return not tally.server_errors() and not lost and not cut_off and tally.p(0.95) <= 300


def _talk(sockets: list[ClientConnection], places: Places, until: float) -> list[asyncio.Task]:
    return [
        asyncio.create_task(places.send(one, PLACE_EVERY, until, PLACE_EVERY * index / len(sockets))) for index, one in enumerate(sockets)
    ]


def _lines(bases: list[str]) -> list[Line]:
    return [Line(bases[index % len(bases)]) for index in range(LINES)]


def stream(minutes: float = 1, per_second: float = 200) -> bool:
    """A stream of positions out of order: exactly the acknowledged rows, and latest is always the newest."""
    client.allow_many_files()
    with IsolatedEnvironment() as environment:
        bases, mixed = _prepare(environment, 0)
        return asyncio.run(_stream(environment, bases, mixed, minutes * 60, per_second))


async def _stream(environment: IsolatedEnvironment, bases: list[str], mixed: Mixed, seconds: float, per_second: float) -> bool:
    tally, looks, done = Tally(), [], asyncio.Event()

    async def look() -> None:
        """Ask now and then whether any vehicle's latest position is older than one of its rows."""
        while not done.is_set():
            looks.append(await asyncio.to_thread(_stale, environment))
            await asyncio.sleep(5)

    looking = asyncio.create_task(look())
    await steadily(per_second, seconds, _lines(bases), tally, mixed.position)
    done.set()
    await looking
    looks.append(_stale(environment))
    rows = environment.rows("SELECT count(*) FROM telematics_position")[0][0]
    lost = mixed.lost(environment)
    newest: dict[int, str] = {}
    for vehicle, moment in mixed.positions.values():
        newest[vehicle] = max(moment, newest.get(vehicle, ""))
    wrong = sum(
        newest[vehicle] != moment for vehicle, moment in
        environment.rows("""SELECT vehicle_id, to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM telematics_latestposition""")
    )  # fmt: skip
    print_table(
        f"{per_second:g} positions/s for {seconds:.0f} s (machine's load {client.machine_load()})",
        requests=dict(tally.statuses), rows_stored=f"{rows} for {len(mixed.positions)} acknowledged", acknowledged_writes_lost=lost,
        latest_not_the_newest=f"{wrong} at the end, {sum(looks)} in {len(looks)} looks meanwhile", answers_ms=f"p50 {tally.p(0.5):.0f}, p95 {tally.p(0.95):.0f}",
    )  # fmt: skip
    return not tally.server_errors() and rows == len(mixed.positions) and not lost and not wrong and not sum(looks)


def _stale(environment: IsolatedEnvironment) -> int:
    return environment.rows(
        "SELECT count(*) FROM telematics_latestposition l WHERE EXISTS"
        " (SELECT 1 FROM telematics_position p WHERE p.vehicle_id = l.vehicle_id AND p.timestamp > l.timestamp)"
    )[0][0]


def soak(minutes: float = 5, share: float = 0.2) -> bool:
    """A fifth of the load for long, sockets coming and going: nothing grows. Short runs judge counts, an hour memory too."""
    client.allow_many_files()
    with IsolatedEnvironment() as environment:
        bases, mixed = _prepare(environment, int(250 * share))
        return asyncio.run(_soak(environment, bases, mixed, minutes * 60, share))


async def _soak(environment: IsolatedEnvironment, bases: list[str], mixed: Mixed, seconds: float, share: float) -> bool:
    places, tally, samples = Places(), Tally(), []
    every = min(60.0, seconds / 5)
    async with AsyncExitStack() as stack:
        # The last pair is left to those who come and go.
        receivers, senders = await open_pairs(stack, bases, mixed.rooms[:-1], places)
        until = time.perf_counter() + seconds
        work = _talk(senders, places, until) + _talk(receivers, Places(), until)
        work.append(asyncio.create_task(_come_and_go(bases, mixed.rooms[-1], until)))
        work.append(asyncio.create_task(steadily(100 * share, seconds, _lines(bases)[:8], tally, mixed.one)))
        while (left := until - time.perf_counter()) > 0:
            await asyncio.sleep(min(every, left))
            samples.append(await asyncio.to_thread(_sample, environment))
            print(f"  {(seconds - left + every) / 60:.1f} min: {samples[-1]}", flush=True)
        await asyncio.gather(*work, return_exceptions=True)
    lost = mixed.lost(environment)
    later = samples[len(samples) // 2 :]  # caches and pools fill first
    slopes = {name: _slope_an_hour([sample[name] for sample in later], every) for name in later[0]}
    grown = [name for name in later[0] if "MB" not in name and _has_grown([sample[name] for sample in later])]
    memory = [name for name, slope in slopes.items() if "MB" in name and slope >= 1]
    print_table(
        f"{100 * share:g} requests/s and {2 * len(senders)} sockets for {seconds / 60:.0f} min (machine's load {client.machine_load()})",
        requests=dict(tally.statuses), acknowledged_writes_lost=lost, **{f"{name} growth an hour": f"{slope:+.1f}" for name, slope in slopes.items()},
        counts_that_grew=grown or 0, memory_over_1_MB_an_hour=memory or 0,
    )  # fmt: skip
    return not tally.server_errors() and not lost and not grown and (seconds < 3600 or not memory)


async def _come_and_go(bases: list[str], room: Pair, until: float) -> None:
    """Open and close a socket each second."""
    for number in itertools.count():
        if time.perf_counter() > until:
            return
        async with open_socket(bases[number % len(bases)], room.path, room.client) as one:
            await one.recv()
            await asyncio.sleep(random.uniform(0.2, 0.8))


def _sample(environment: IsolatedEnvironment) -> dict[str, float]:
    """Return what each server process holds, and what the databases hold for it."""
    found: dict[str, float] = {}
    for name in ("one", "two"):
        folder = Path(f"/proc/{environment.processes[name].pid}")
        found[f"{name} MB"] = round(environment.memory_mb(name), 1)
        found[f"{name} threads"] = len(list((folder / "task").iterdir()))
        found[f"{name} handles"] = len(list((folder / "fd").iterdir()))
    with redis.Redis(port=environment.redis.port) as keys:
        found["Redis keys"] = keys.dbsize()
    found["connections"] = connections(environment)
    return found


def _slope_an_hour(values: list[float], every: float) -> float:
    """Return the least-squares slope."""
    middle = (len(values) - 1) / 2
    mean = sum(values) / len(values)
    spread = sum((index - middle) ** 2 for index in range(len(values)))
    return sum((index - middle) * (value - mean) for index, value in enumerate(values)) / spread * 3600 / every if spread else 0.0


def _has_grown(values: list[float]) -> bool:
    """Return whether the second half never falls to the maximum of the first half, apart from one socket."""
    half = len(values) // 2
    return half > 0 and min(values[half:]) > max(values[:half]) + 2
