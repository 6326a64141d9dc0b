"""A cheap asynchronous client for drills: HTTP over kept connections, sockets, and what they were answered."""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect

from testing.client_assistant_pairs import Pair

BEHIND = 500


class Line:
    """One kept connection to a server."""

    def __init__(self, base: str) -> None:
        self.host, self.port = urlsplit(base).hostname, urlsplit(base).port
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.elsewhere = ""

    async def ask(self, method: str, path: str, header: str, body: dict | None = None) -> tuple[int, bytes]:
        """Return status and body. Raises: OSError, asyncio.IncompleteReadError when the connection is cut."""
        if self.elsewhere:
            self.close()
            self.host, self.port, self.elsewhere = urlsplit(self.elsewhere).hostname, urlsplit(self.elsewhere).port, ""
        if self.streams is None:
            self.streams = await asyncio.open_connection(self.host, self.port)
        reader, writer = self.streams
        content = json.dumps(body).encode() if body is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: {header}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        try:
            writer.write(head.encode() + content)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(answer.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
            return int(answer.split(b" ", 2)[1]), await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            raise

    def to(self, base: str) -> None:
        """Go to another server from the next request on, as a proxy does; one under way is answered by the former."""
        self.elsewhere = base

    def close(self) -> None:
        """Hang up."""
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None


@dataclass
class Tally:
    """What requests were answered, and after how long."""

    statuses: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)

    def server_errors(self) -> int:
        """Count 5xx, cut connections and requests that could not be sent in time."""
        return sum(count for kind, count in self.statuses.items() if kind[0] not in "1234")

    def p(self, share: float) -> float:
        """Return the time in ms that this share of all stayed under."""
        return percentile(self.times, share) * 1000


def percentile(values: list[float], share: float) -> float:
    """Return the value that this share stays under; 0 for none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


async def steadily(
    per_second: float, seconds: float, lines: list[Line], tally: Tally, request: Callable[[Line, int], Awaitable[int]], ended: asyncio.Event | None = None
) -> None:
    """Make requests at a steady rate, however long the answers take; times count from when each was due.

    `ended` ends it before the seconds are over. A server that falls behind by `BEHIND` requests is not sent those that come due meanwhile: they count as its errors.
    """
    free: asyncio.Queue[Line] = asyncio.Queue()
    for line in lines:
        free.put_nowait(line)

    async def one(number: int, due: float) -> None:
        line = await free.get()
        try:
            kind = str(await request(line, number))
        except (OSError, asyncio.IncompleteReadError) as error:
            kind = f"cut ({type(error).__name__})"
        finally:
            free.put_nowait(line)
        tally.statuses[kind] += 1
        tally.times.append(time.perf_counter() - due)

    running: set[asyncio.Task] = set()
    begin = time.perf_counter()
    for number in range(int(per_second * seconds)):
        due = begin + number / per_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if ended is not None and ended.is_set():
            break
        if len(running) >= BEHIND:
            tally.statuses["not sent, too far behind"] += 1
            continue
        task = asyncio.create_task(one(number, due))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)


def open_socket(base: str, path: str, token: str, **options: Any) -> connect:
    """Return a socket to be opened with a client's or an assistant's token."""
    url = base.replace("http", "ws", 1) + path
    headers = {"Authorization": f"Bearer {token}"}
    return connect(url, additional_headers=headers, compression=None, ping_interval=None, open_timeout=60, **options)


@dataclass
class Places:
    """Locations sent by one side and received by the other; the latitude carries the time of sending."""

    delays: list[float] = field(default_factory=list)
    sent: int = 0

    async def send(self, socket: ClientConnection, every: float, until: float, offset: float = 0.0) -> None:
        """Send a location every so often."""
        await asyncio.sleep(offset)
        while (now := time.perf_counter()) < until:
            await socket.send(json.dumps({"type": "location", "lat": now / 1e5, "lng": 3.0}))
            self.sent += 1
            await asyncio.sleep(max(0.0, now + every - time.perf_counter()))

    async def receive(self, socket: ClientConnection, user_id: int) -> None:
        """Note the age of every location of one user that arrives."""
        async for text in socket:
            frame = json.loads(text)
            if frame["type"] == "location" and frame["lng"] == 3.0 and frame["user_id"] == user_id:
                self.delays.append(time.perf_counter() - frame["lat"] * 1e5)


async def open_pairs(
    stack: AsyncExitStack, bases: list[str], rooms: list[Pair], places: Places
) -> tuple[list[ClientConnection], list[ClientConnection]]:
    """Open both sockets of each room, each on another server; the clients' receive, the assistants' send."""
    receivers = [await stack.enter_async_context(open_socket(bases[0], room.path, room.client)) for room in rooms]
    senders = [await stack.enter_async_context(open_socket(bases[-1], room.path, room.assistant)) for room in rooms]
    listening = [asyncio.create_task(places.receive(one, rooms[index].assistant_id)) for index, one in enumerate(receivers)]
    for task in (*listening, *(asyncio.create_task(_drain(one)) for one in senders)):
        stack.callback(task.cancel)
    return receivers, senders


async def _drain(one: ClientConnection) -> None:
    async for _ in one:
        pass


def allow_many_files() -> None:
    """Let this process and the servers that it starts hold thousands of connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def note_lateness(late: list[float], until: float) -> None:
    """Record by how many seconds this process itself is late, every 20 ms: its measurements are no more exact than that."""
    while (due := time.perf_counter() + 0.02) < until:
        await asyncio.sleep(0.02)
        late.append(time.perf_counter() - due)


def machine_load() -> str:
    """Return the load of the whole machine, to be printed next to the figures."""
    with open("/proc/loadavg") as file:
        return " ".join(file.read().split()[:2])
