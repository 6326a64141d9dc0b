"""Carry published records to the sockets of this process: one hub per event loop, one Redis subscription per hub.

All processes listen to one Redis channel and drop what none of their sockets has joined, so joining needs no round trip.
Wire format of a payload: lines of `group TAB type TAB frame`, the frame being JSON that goes out as it is.
"""

import asyncio
import logging
import random
import time
from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import orjson
import redis.asyncio
from django.conf import settings
from redis.connection import parse_url

from depannini_dashmap.lib.ops import deployment_names, redis_breaker

logger = logging.getLogger(__name__)

RESYNC = b"*\tresync\t{}\n"
FIRST_WAIT = redis_breaker.PATIENCE  # seconds that the first socket waits for the subscription
CONNECT_WITHIN = 2.0
PING_EVERY = 2.0
DEAF_AFTER = 5.0  # seconds without any answer from Redis
RECONNECT_AFTER = 0.5
GATHER_FOR = 0.02  # seconds that frames of this loop wait for company on their way to Redis
RESYNC_SPREAD = 1.0  # seconds over which sockets read the state again
LATEST_FOR = 60.0  # seconds that the newest event of a kept kind is known, well over what storing it takes
MOST_LATEST = 20_000

_kept: dict[bytes, str] = {}  # kinds of events → the key that tells apart whose newest one it is


def keep_latest(kind: str, by: str) -> None:
    """Have every process know the newest event of a kind in each group, one for each value under the key `by`."""
    _kept[kind.encode()] = by


@cache
def channel(url: str) -> str:
    """Name the one channel of a deployment: Redis publishes across its numbered databases, so the number is in it."""
    return deployment_names.named(str(parse_url(url).get("db", 0)), "events")


class Event:
    """One published event: `text` is the frame, `data` the same parsed on first use."""

    def __init__(self, group: bytes, kind: bytes, frame: bytes):
        self._group, self._kind, self.frame = group, kind, frame

    @cached_property
    def group(self) -> str:
        return self._group.decode()

    @cached_property
    def type(self) -> str:
        return self._kind.decode()

    @cached_property
    def text(self) -> str:
        return self.frame.decode()

    @cached_property
    def data(self) -> dict[str, Any]:
        return orjson.loads(self.frame)


class Member(Protocol):
    """What a hub delivers to."""

    def deliver(self, event: Event) -> None: ...

    def resync(self) -> None: ...


def events(payload: bytes) -> Iterator[Event]:
    """Take a payload apart."""
    for record in payload.split(b"\n"):
        if record:
            yield Event(*record.split(b"\t", 2))


class Hub:
    """Who listens to what inside one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self.loop = loop
        self.groups: dict[bytes, set[Member]] = {}
        self.latest: dict[tuple[str, str, Any], tuple[float, Event]] = {}
        self.ready = asyncio.Event()
        self._listener: asyncio.Task | None = None
        self._outgoing: list[bytes] = []
        self._sender: asyncio.Task | None = None

    async def start(self) -> None:
        """Listen to Redis, if there is one; waits a little for the subscription, unless it is known to be away."""
        if not settings.REDIS_URL or self.ready.is_set():
            return
        if self._listener is None or self._listener.done():
            self._listener = self.loop.create_task(self._listen(settings.REDIS_URL))
        if redis_breaker.of(settings.REDIS_URL).lost:
            return
        try:
            await asyncio.wait_for(self.ready.wait(), FIRST_WAIT)
        except TimeoutError:
            logger.warning("No subscription to Redis yet, sockets hear this process only")

    def join(self, group: str, member: Member) -> None:
        """Deliver the events of `group` to `member` from now on; `trips.*` stands for all groups like `trips.7`."""
        self.groups.setdefault(group.encode(), set()).add(member)

    def leave(self, group: str, member: Member) -> None:
        """Undo `join`."""
        key = group.encode()
        members = self.groups.get(key)
        if members:
            members.discard(member)
            if not members:
                del self.groups[key]

    def send(self, payload: bytes) -> None:
        """Send records from inside the loop: what gathers for a moment, or while one call runs, leaves together."""
        if not settings.REDIS_URL:
            self.loop.call_soon(self.dispatch, payload)
            return
        self._outgoing.append(payload)
        if self._sender is None or self._sender.done():
            self._sender = self.loop.create_task(self._flush())

    def newest(self, kind: str, group: str, value: Any) -> Event | None:
        """Return the newest event of a kept kind that this process has heard of lately; any thread may ask."""
        told_at, event = self.latest.get((kind, group, value), (0.0, None))
        return event if time.monotonic() - told_at < LATEST_FOR else None

    def _keep(self, event: Event) -> None:
        key = (event.type, event.group, event.data.get(_kept[event._kind]))
        self.latest.pop(key, None)
        self.latest[key] = (time.monotonic(), event)
        if len(self.latest) > MOST_LATEST:
            del self.latest[next(iter(self.latest))]

    def dispatch(self, payload: bytes) -> None:
        """Hand each record to the members of its group."""
        for record in payload.split(b"\n"):
            group, _, rest = record.partition(b"\t")
            if group == b"*":
                self.resync_all()
                continue
            if rest.partition(b"\t")[0] in _kept:
                self._keep(Event(group, *rest.split(b"\t", 1)))
            members = self.groups.get(group)
            families = self.groups.get(group.rpartition(b".")[0] + b".*")
            if members or families:
                event = Event(group, *rest.split(b"\t", 1))
                for member in (*(members or ()), *(families or ())):
                    member.deliver(event)

    def resync_all(self) -> None:
        """Have every member read the state again, spread over a moment."""
        for member in {member for members in self.groups.values() for member in members}:
            self.loop.call_later(random.uniform(0, RESYNC_SPREAD), member.resync)  # noqa: S311

    async def _flush(self) -> None:
        from depannini_dashmap.lib.realtime.layer import send_from_thread

        await asyncio.sleep(GATHER_FOR)
        while self._outgoing:
            payload = b"".join(self._outgoing)
            self._outgoing.clear()
            await self.loop.run_in_executor(None, send_from_thread, payload)

    async def _listen(self, url: str) -> None:
        """Keep one subscription alive; after each loss everybody reads the state again."""
        pool = redis.asyncio.ConnectionPool.from_url(url, socket_timeout=None, socket_connect_timeout=CONNECT_WITHIN)
        while True:
            connection = pool.make_connection()
            try:
                await connection.connect()
                await connection.send_command("SUBSCRIBE", channel(url))
                await self._receive(connection)
            except (redis.RedisError, OSError, TimeoutError) as error:
                logger.warning("No subscription to Redis: %s", type(error).__name__)
            finally:
                await connection.disconnect(nowait=True)
            await asyncio.sleep(RECONNECT_AFTER)

    async def _receive(self, connection: Any) -> None:
        heartbeat = self.loop.create_task(_heartbeat(connection))
        try:
            while True:
                answer = await connection.read_response(timeout=DEAF_AFTER)
                if answer is None:
                    raise TimeoutError
                kind, *rest = answer
                if kind == b"message":
                    self.dispatch(rest[1])
                elif kind == b"subscribe":
                    self._subscribed()
        finally:
            heartbeat.cancel()

    def _subscribed(self) -> None:
        # Whoever joined before missed what others said meanwhile; the first socket waits for this, and joins after it.
        self.resync_all()
        self.ready.set()


async def _heartbeat(connection: Any) -> None:
    """Keep Redis answering, so that silence means that it is gone."""
    while True:
        await asyncio.sleep(PING_EVERY)
        await connection.send_command("PING")


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def of(loop: asyncio.AbstractEventLoop) -> Hub:
    """Return the hub of an event loop, made on first use."""
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = Hub(loop)
    return hub


def deliver_here(payload: bytes) -> None:
    """Hand records to every hub of this process, from any thread; without a running loop nobody listens."""
    for hub in list(_hubs.values()):
        try:
            hub.loop.call_soon_threadsafe(hub.dispatch, payload)
        except RuntimeError:  # this loop has been closed
            _hubs.pop(hub.loop, None)
