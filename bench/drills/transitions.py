"""The drill of state changes: many pairs go through requests at once, and both sides see what the database says."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from bench.drills import client
from bench.drills.client import Line, open_socket
from bench.drills.outcomes import print_table
from testing.client_assistant_pairs import Pair, pairs_in
from testing.environments import IsolatedEnvironment

AT_ONCE = 40  # pairs that act at the same time, as people pause between steps
STEPS = 4  # of one request: asked, accepted, ongoing, completed
CHANGES = 20


@dataclass
class Watch:
    """What the pairs did and saw."""

    statuses: Counter[str] = field(default_factory=Counter)
    after_request: list[float] = field(default_factory=list)
    after_answer: list[float] = field(default_factory=list)
    unheard: int = 0
    different: int = 0
    backwards: int = 0
    changes: int = 0


def state_events(pairs: int = 100, changes: int = CHANGES) -> bool:
    """Pairs × changes of state over two servers: each is received in time, and the last one equals the database."""
    client.allow_many_files()
    with IsolatedEnvironment() as environment:
        bases = [environment.start_server("one"), environment.start_server("two", TASK_WORKER="off")]
        rooms = pairs_in(environment, pairs, with_request=False)
        return asyncio.run(_run(environment, bases, rooms, changes))


async def _run(environment: IsolatedEnvironment, bases: list[str], rooms: list[Pair], changes: int) -> bool:
    watch, turns = Watch(), asyncio.Semaphore(AT_ONCE)
    began = time.perf_counter()

    async def pair(index: int) -> dict[int, tuple[str, int]]:
        seen: dict[int, tuple[str, int]] = {}
        line = Line(bases[index % len(bases)])
        for _ in range(changes // STEPS):
            async with turns:
                await _one_request(bases, line, rooms[index], watch, seen)
        line.close()
        return seen

    ended = await asyncio.gather(*(pair(index) for index in range(len(rooms))))
    stored = {number: (status, version) for number, status, version in environment.rows("SELECT id, status, version FROM assistance_assistance")}
    seen = {number: state for one in ended for number, state in one.items()}
    watch.different = sum(stored.get(number) != state for number, state in seen.items())
    took = time.perf_counter() - began
    p95, p99 = (client.percentile(watch.after_request, share) * 1000 for share in (0.95, 0.99))
    late95, late99 = (client.percentile(watch.after_answer, share) * 1000 for share in (0.95, 0.99))
    print_table(
        f"{len(rooms)} pairs × {changes} changes in {took:.0f} s (machine's load {client.machine_load()})",
        answers=dict(watch.statuses), changes=watch.changes, changes_not_heard_within_10_s=watch.unheard, numbers_that_went_back=watch.backwards,
        final_states_differing_from_the_database=f"{watch.different} of {len(seen)}",
        request_sent_to_frame_ms=f"p50 {client.percentile(watch.after_request, 0.5) * 1000:.0f}, p95 {p95:.0f}, p99 {p99:.0f}",
        answer_to_frame_ms=f"p95 {late95:.0f} (goal ≤ 250), p99 {late99:.0f} (goal ≤ 1000)",
    )  # fmt: skip
    is_fine = not (watch.unheard or watch.different or watch.backwards) and set(watch.statuses) <= {"200", "201"}
    return is_fine and late95 <= 250 and late99 <= 1000


async def _one_request(bases: list[str], line: Line, room: Pair, watch: Watch, seen: dict[int, tuple[str, int]]) -> None:
    """Take one request from asking to completion; the client receives on one server the assistant's acts on any."""
    status, answer = await line.ask("POST", "/api/assistance/request/", f"Bearer {room.client}", {"pickup": {"lat": room.lat, "lng": room.lng}})
    watch.statuses[str(status)] += 1
    watch.changes += 1
    if status != 201:
        return
    number = json.loads(answer)["assistance"]["id"]
    path, last = f"/ws/assistance/{number}/", -1
    async with open_socket(bases[number % len(bases)], path, room.client) as socket:
        json.loads(await socket.recv())
        for verb, wanted in (("accept", "accepted"), ("update", "ongoing"), ("update", "completed")):
            sent = time.perf_counter()
            body = {} if verb == "accept" else {"status": wanted}
            answering = asyncio.create_task(_answered(line, f"/api/assistance/{verb}/{number}/", room, body))
            arrived, last = await _receive(socket, wanted, last, watch)
            status, answered = await answering
            watch.statuses[str(status)] += 1
            watch.changes += 1
            if arrived is not None:
                watch.after_request.append(arrived - sent)
                watch.after_answer.append(max(0.0, arrived - answered))
    async with open_socket(bases[(number + 1) % len(bases)], path, room.client) as again:
        shown = json.loads(await again.recv())
        seen[number] = (shown["assistance"]["status"], shown["seq"])


async def _answered(line: Line, path: str, room: Pair, body: dict) -> tuple[int, float]:
    status, _ = await line.ask("PATCH", path, f"Bearer {room.assistant}", body)
    return status, time.perf_counter()


async def _receive(socket: ClientConnection, wanted: str, last: int, watch: Watch) -> tuple[float | None, int]:
    """Wait for a status; return when it came and its number."""
    try:
        async with asyncio.timeout(10):
            while True:
                frame = json.loads(await socket.recv())
                watch.backwards += frame.get("seq", last) < last
                last = max(last, frame.get("seq", last))
                if frame["type"] == "status" and frame["status"] == wanted:
                    return time.perf_counter(), last
    except (TimeoutError, ConnectionClosed):
        watch.unheard += 1
        return None, last
