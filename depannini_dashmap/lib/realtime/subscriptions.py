"""Deliver published events to the members of their groups: per event loop, with one Redis connection for all of them.

A group is subscribed to when its first member joins and left some seconds after its last one went, so a process receives
what its own members asked for. Each group has a Redis channel; its payloads are lines of `type TAB frame`, the frame being
JSON that goes out unread. The channel without a group carries the order to read the state again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

import orjson
import redis.asyncio
from django.conf import settings

from depannini_dashmap.lib.ops import redis_breaker, redis_connections, redis_keys

logger = logging.getLogger(__name__)

JOIN_WITHIN = redis_breaker.PATIENCE  # seconds that a member waits for Redis to confirm its groups
LEAVE_AFTER = 10.0  # seconds that a group without members stays subscribed, as its socket may come again
CONNECT_WITHIN = 2.0
PING_EVERY = 2.0
SILENT_FOR = 5.0  # seconds without any answer after which Redis counts as lost
RECONNECT_AFTER = 0.5
RESYNC_SPREAD = 1.0  # seconds over which members read the state again
KEPT_FOR = 60  # seconds that a newest value is kept, well over what storing it in the database takes
MOST_AT_ONCE = 5_000  # groups in one SUBSCRIBE


class Message(NamedTuple):
    """Encoded events of one group."""

    group: bytes
    payload: bytes
    kept_as: bytes | None = None  # the Redis key under which the payload is kept as the newest of its stream


RESYNC = Message(b"*", b"*\tresync\t{}\n")  # as the release before has it, which sends everything else there too


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
    """What events are delivered to, in its event loop."""

    def deliver(self, event: Event) -> None: ...

    def resync(self) -> None: ...


def events(group: bytes, payload: bytes) -> Iterator[Event]:
    """Take a payload apart."""
    for record in payload.split(b"\n"):
        if record:
            yield Event(group, *record.split(b"\t", 1))


@cache
def channel(url: str) -> str:
    """Name a deployment's channel: Redis publishes across its numbered databases, so the number is in it."""
    return redis_keys.named(str(redis_connections.options_of(url).get("db", 0)), "events")


def channel_of(base: bytes, group: bytes) -> bytes:
    """Name the channel of a group."""
    return base if group == RESYNC.group else b"%b.%b" % (base, group)


class _Joining:
    """A member that waits for the confirmation of its groups."""

    def __init__(self, member: Member, missing: set[bytes], loop: asyncio.AbstractEventLoop):
        self.member, self.missing = member, missing
        self.done: asyncio.Future[None] = loop.create_future()


class Subscriptions:
    """The members and groups of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self.loop = loop
        self._members: dict[bytes, set[Member]] = {}
        self._requested: set[bytes] = set()  # not confirmed by Redis yet
        self._confirmed: set[bytes] = set()
        self._unsent: set[bytes] = set()  # requested, but no command has left for them
        self._left: dict[bytes, float] = {}  # subscribed groups without members, and since when
        self._joining: dict[bytes, list[_Joining]] = {}
        self._resyncing: set[Member] = set()
        self._connection: Any = None
        self._base = b""
        self._listener: asyncio.Task | None = None
        self._sender: asyncio.Task | None = None

    async def join(self, groups: Iterable[str], member: Member) -> None:
        """Deliver the events of `groups` to `member`; state that is read afterwards has missed nothing.

        Waits for Redis, but not for long: a member whose groups are confirmed too late is called to resync.
        """
        missing = set()
        for group in map(str.encode, groups):
            self._members.setdefault(group, set()).add(member)
            self._left.pop(group, None)
            if group not in self._confirmed:
                missing.add(group)
        if not settings.REDIS_URL or not missing:
            return
        self._request(missing)
        if redis_breaker.of(settings.REDIS_URL).lost:
            return
        joining = _Joining(member, missing, self.loop)
        for group in missing:
            self._joining.setdefault(group, []).append(joining)
        try:
            await asyncio.wait_for(joining.done, JOIN_WITHIN)
        except TimeoutError:
            logger.warning("Groups not confirmed by Redis yet: a socket may miss events of other processes until then")

    def leave(self, groups: Iterable[str], member: Member) -> None:
        """Deliver nothing more of these groups."""
        for group in map(str.encode, groups):
            members = self._members.get(group)
            if members is None:
                continue
            members.discard(member)
            if not members:
                del self._members[group]
                if group in self._confirmed or group in self._requested:
                    self._left[group] = self.loop.time()

    def dispatch(self, group: bytes, payload: bytes) -> None:
        """Hand each event of a payload to the members of its group."""
        if group == RESYNC.group:
            return self.resync_all() if RESYNC.payload in payload else None
        members = self._members.get(group)
        if members:
            for event in events(group, payload):
                for member in tuple(members):
                    try:
                        member.deliver(event)
                    except Exception:
                        logger.exception("An event could not be delivered")
        return None

    def dispatch_all(self, messages: Sequence[Message]) -> None:
        """Dispatch what was published inside this process."""
        for message in messages:
            self.dispatch(message.group, message.payload)

    def resync_all(self) -> None:
        """Have every member read the state again, spread over a moment."""
        for members in self._members.values():
            for member in members:
                self.resync(member)

    async def close(self) -> None:
        """Stop listening; members stay, and the next join listens again."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait([self._listener])
            self._listener = None

    def resync(self, member: Member) -> None:
        """Have one member read the state again within a moment."""
        if member not in self._resyncing:
            self._resyncing.add(member)
            self.loop.call_later(random.uniform(0.02, RESYNC_SPREAD), self._resync_now, member)  # noqa: S311

    def _resync_now(self, member: Member) -> None:
        self._resyncing.discard(member)
        member.resync()

    # --- The connection to Redis -------------------------------------------------------------------------------------
    def _request(self, groups: set[bytes]) -> None:
        if self._listener is None or self._listener.done():
            self._listener = self.loop.create_task(self._listen(settings.REDIS_URL))
        if self._connection is None:  # all members' groups are requested once it stands
            return
        new = groups - self._requested
        self._requested |= new
        self._unsent |= new
        if self._unsent and self._sender is None:
            self._sender = self.loop.create_task(self._subscribe())

    async def _subscribe(self) -> None:
        """Send what was requested in this turn of the loop, and meanwhile, by one command."""
        try:
            while self._unsent and self._connection is not None:
                groups, self._unsent = list(self._unsent), set()
                for start in range(0, len(groups), MOST_AT_ONCE):
                    await self._command("SUBSCRIBE", groups[start : start + MOST_AT_ONCE])
        finally:
            self._sender = None

    async def _command(self, verb: str, groups: Iterable[bytes] = ()) -> None:
        """Send a command; a connection that is lost is noticed by the reader."""
        connection = self._connection
        if connection is not None and connection.is_connected:
            try:
                await connection.send_command(verb, *(channel_of(self._base, group) for group in groups))
            except (redis.RedisError, OSError) as error:
                logger.info("Redis did not take a command: %s", type(error).__name__)

    async def _listen(self, url: str) -> None:
        """Keep one connection alive; after each loss every group is subscribed to and every member resyncs."""
        self._base = channel(url).encode()
        breaker = redis_breaker.of(url)
        while True:
            connection: Any = None
            try:
                primary = await asyncio.to_thread(breaker.find_primary) if breaker.has_sentinels else None
                connection = redis_connections.async_connection(url, primary, socket_timeout=None, socket_connect_timeout=CONNECT_WITHIN)
                await connection.connect()
                self._begin(connection)
                await self._receive(connection, breaker, primary)
            except (redis.RedisError, OSError, TimeoutError) as error:
                logger.warning("No subscription to Redis: %s", type(error).__name__)
            finally:
                self._connection = None
                self._confirmed.clear()
                if connection is not None:
                    await connection.disconnect(nowait=True)
            await asyncio.sleep(RECONNECT_AFTER)

    def _begin(self, connection: Any) -> None:
        self._connection = connection
        for former in (self._left, self._requested, self._unsent):
            former.clear()
        self._request({RESYNC.group, *self._members})

    async def _receive(self, connection: Any, breaker: redis_breaker.Breaker, primary: tuple[str, int] | None) -> None:
        """Dispatch what arrives. Raises: TimeoutError when all is silent, and, at the next heartbeat, when others are at another primary."""
        heartbeat = self.loop.create_task(self._heartbeat())
        start = len(self._base) + 1
        try:
            while True:
                answer = await connection.read_response(timeout=SILENT_FOR)
                if answer is None or (answer[0] == b"pong" and breaker.primary != primary):
                    raise TimeoutError
                kind, *rest = answer
                if kind == b"message":
                    self.dispatch(rest[0][start:] or RESYNC.group, rest[1])
                elif kind == b"subscribe":
                    self._confirm(rest[0][start:] or RESYNC.group)
        finally:
            heartbeat.cancel()

    def _confirm(self, group: bytes) -> None:
        """Let those go on who joined for it; other members may have missed events before."""
        self._requested.discard(group)
        self._confirmed.add(group)
        waited = set()
        for joining in self._joining.pop(group, ()):
            joining.missing.discard(group)
            if not joining.done.done():
                waited.add(joining.member)
                if not joining.missing:
                    joining.done.set_result(None)
        for member in self._members.get(group, ()):
            if member not in waited:
                self.resync(member)

    async def _heartbeat(self) -> None:
        """Keep Redis answering, so that silence means that it is gone, and leave what nobody came back to."""
        while True:
            await asyncio.sleep(PING_EVERY)
            await self._command("PING")
            before = self.loop.time() - LEAVE_AFTER
            left = [group for group, since in self._left.items() if since < before and group in self._confirmed]
            for group in left[:MOST_AT_ONCE]:
                del self._left[group]
                self._confirmed.discard(group)
            if left:
                await self._command("UNSUBSCRIBE", left[:MOST_AT_ONCE])


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Subscriptions] = WeakKeyDictionary()


def of(loop: asyncio.AbstractEventLoop) -> Subscriptions:
    """Return the subscriptions of an event loop, made on first use."""
    own = _of_loops.get(loop)
    if own is None:
        for other in list(_of_loops):
            if other.is_closed():
                _of_loops.pop(other, None)
        own = _of_loops[loop] = Subscriptions(loop)
    return own


def deliver_here(messages: Sequence[Message]) -> None:
    """Hand messages to the members in this process, from any thread."""
    for own in list(_of_loops.values()):
        try:
            own.loop.call_soon_threadsafe(own.dispatch_all, messages)
        except RuntimeError:  # this loop has been closed
            _of_loops.pop(own.loop, None)
