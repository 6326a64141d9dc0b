"""Connections that break in every way: nothing leaks, no transaction is left open, and everybody else is served."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bench.drills.load import Writers
from bench.drills.outcomes import print_table
from testing.environments import IsolatedEnvironment
from testing.samples import new_vehicle
from testing.users import Users

Break = Callable[[socket.socket, bytes, bytes], None]


def half_a_head(line: socket.socket, head: bytes, body: bytes) -> None:
    """Leave in the midst of the headers."""
    line.sendall(head[: len(head) // 2])


def half_a_body(line: socket.socket, head: bytes, body: bytes) -> None:
    """Leave in the midst of the body."""
    line.sendall(head + body[: len(body) // 2])


def reset_in_the_body(line: socket.socket, head: bytes, body: bytes) -> None:
    """Reset the connection in the midst of the body."""
    line.sendall(head + body[: len(body) // 2])
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def deaf_to_the_answer(line: socket.socket, head: bytes, body: bytes) -> None:
    """Send everything and reset before the answer, which then meets a broken pipe."""
    line.sendall(head + body)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


WAYS: dict[str, Break] = {way.__name__.replace("_", " "): way for way in (half_a_head, half_a_body, reset_in_the_body, deaf_to_the_answer)}
PAUSE = 0.02  # seconds: requests of clients that have gone are still served, and others wait behind
STUCK = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'drill' AND state LIKE 'idle in transaction%'"
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'drill' AND pid <> pg_backend_pid()"


def broken_lines(times: int = 1000) -> bool:
    """Break `times` connections in each of four ways, while other writers are unaffected."""
    with IsolatedEnvironment() as environment:
        base = environment.start_server("one")
        dispatcher = Users(environment, [base]).dispatcher()
        header, vehicle = dispatcher.header, new_vehicle(dispatcher)
        body = json.dumps({"vehicle_id": vehicle, "latitude": "36.7", "longitude": "3.0", "speed": "50", "heading": "90", "timestamp": "2019-01-01T00:00:00Z"}).encode()
        head = (
            f"POST /api/positions/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {header}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        port = int(base.rpartition(":")[2])
        # The first round is not counted: it opens what a busy server keeps open.
        for rounds in (times // 4, times):
            before = _held(environment)
            with Writers([base], header, vehicle, threads=2) as writers:
                for way in WAYS.values():
                    _break_many(port, way, head, body, rounds)
            stuck = environment.rows(STUCK)[0][0]
            time.sleep(3)
        after = _held(environment)
        errors = {kind: number for kind, number in writers.statuses.items() if kind not in ("200", "201")}
        lost = len(writers.acknowledged - {row[0] for row in environment.rows("SELECT id FROM telematics_position")})
        print_table(
            f"Connections broken, {times} times in each of {len(WAYS)} ways", ways=", ".join(WAYS),
            requests_of_others=dict(writers.statuses), acknowledged_writes_lost=lost, transactions_left_open=stuck,
            **{name: f"{before[name]:.0f} before, {after[name]:.0f} after" for name in before},
        )  # fmt: skip
        grown = {name: after[name] - before[name] for name in before}
        return (
            not (errors or lost or stuck) and grown["file_handles"] <= 5 and grown["threads"] <= 2
            and grown["database_sessions"] <= 2 and grown["memory_mb"] <= 20
        )  # fmt: skip


def _break_many(port: int, way: Break, head: bytes, body: bytes, times: int) -> None:
    def some(number: int) -> None:
        for _ in range(number):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=10) as line:
                way(line, head, body)
            time.sleep(PAUSE)

    threads = [threading.Thread(target=some, args=(times // 4,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _held(environment: IsolatedEnvironment) -> dict[str, float]:
    process = Path(f"/proc/{environment.processes['one'].pid}")
    return {
        "file_handles": len(list((process / "fd").iterdir())),
        "threads": len(list((process / "task").iterdir())),
        "database_sessions": environment.rows(SESSIONS)[0][0],
        "memory_mb": environment.memory_mb("one"),
    }
