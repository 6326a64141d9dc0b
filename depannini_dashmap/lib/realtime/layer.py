"""The project's channel layer, `CHANNEL_LAYERS["default"]`: publish to groups from any thread, after the commit.

Apps publish by the functions here, in their events.py; anybody's consumer joins and sends by `get_channel_layer()`, whose
methods are those of Channels. Like every layer over pub/sub it delivers at most once: the database is the truth.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import orjson
from channels.exceptions import ChannelFull
from channels.layers import BaseChannelLayer
from django.db import transaction

from depannini_dashmap.lib.realtime import channel_queue, redis_publisher, subscriptions
from depannini_dashmap.lib.realtime.channel_queue import ChannelQueue
from depannini_dashmap.lib.realtime.redis_publisher import flush
from depannini_dashmap.lib.realtime.subscriptions import Message

__all__ = [
    "ChannelLayer", "captured", "coalesced_refreshes", "encode", "flush", "publish", "publish_all", "publish_many", "publish_now",
    "publish_refresh",
    "send",
]  # fmt: skip

_GROUP = re.compile(r"[A-Za-z0-9._-]{1,99}\Z")
_captures: list[tuple[bytes, list[tuple[str, dict]]]] = []
_gathered: ContextVar[dict[Message, None] | None] = ContextVar("coalesced_refreshes", default=None)


def publish(groups: str | Iterable[str], event: dict) -> None:
    """Send `event` to the members of a group, or of several, once the running transaction has committed.

    Shape: `event` is the frame as it goes out, JSON-ready, with its name under `type`.
    Effects: none if the transaction rolls back; events of one transaction leave together, in order within a group.
    """
    publish_many([(groups, event)])


def publish_many(events: Iterable[tuple[str | Iterable[str], dict]]) -> None:
    """Publish many (groups, event) in one go, as `publish` does: one message for each group."""
    payloads: dict[bytes, list[bytes]] = {}
    for groups, event in events:
        for message in encode(groups, event):
            payloads.setdefault(message.group, []).append(message.payload)
    messages = [Message(group, b"".join(parts)) for group, parts in payloads.items()]
    if messages:
        _after_commit(messages)


def publish_all(groups: str | Iterable[str], events: Iterable[dict]) -> None:
    """Publish many events to the same groups, as `publish` does: one message for each group."""
    payload = b"".join([_record(event) for event in events])
    if payload:
        _after_commit([Message(group, payload) for group in _names(groups)])


def publish_refresh(groups: str | Iterable[str], event: dict) -> None:
    """Publish an event that says no more than "read it again": equal ones of one transaction leave as one.

    Effects: as `publish`; inside `coalesced_refreshes` it waits for the end of the block.
    """
    if messages := encode(groups, event):
        _after_commit(messages, are_refreshes=True)


@contextmanager
def coalesced_refreshes() -> Iterator[None]:
    """Let many transactions in a row publish each refresh once, at the end of the block: for an action on many rows."""
    held: dict[Message, None] = {}
    token = _gathered.set(held)
    try:
        yield
    finally:
        _gathered.reset(token)
        if held:
            send(list(held))


def publish_now(groups: str | Iterable[str], event: dict) -> None:
    """Send `event` to the members of the groups at once, independent of any transaction.

    Effects: never raises for a lost Redis and never waits.
    """
    send(encode(groups, event))


@contextmanager
def captured(prefix: str = "") -> Iterator[list[tuple[str, dict]]]:
    """Collect every (group, event) that leaves inside the block, of groups with such names: for tests."""
    collected: list[tuple[str, dict]] = []
    capture = (prefix.encode(), collected)
    _captures.append(capture)
    try:
        yield collected
    finally:
        _captures[:] = [other for other in _captures if other is not capture]


class ChannelLayer(BaseChannelLayer):
    """The backend of `CHANNEL_LAYERS`, for stock consumers: bounded queues for their channels, groups shared with ours."""

    extensions = ["groups", "flush"]

    def __init__(self, expiry: float = 60, capacity: int = 100, channel_capacity: dict[str, int] | None = None):
        super().__init__(expiry=expiry, capacity=capacity)
        self.channel_capacity = self.compile_capacities(channel_capacity or {})
        self._queues: dict[str, ChannelQueue] = {}
        self._process = uuid.uuid4().hex[:12]

    async def new_channel(self, prefix: str = "specific.") -> str:
        """Open a channel for a consumer in this event loop and return its name."""
        name = f"{prefix}{self._process}!{uuid.uuid4().hex}"
        await self._open(name)
        return name

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Send to one channel. Raises: ChannelFull if it is in this process and full."""
        self.require_valid_channel_name(channel)
        frame = _checked(message)
        queue = self._queues.get(channel)
        if queue is None:
            send([Message(channel.encode(), b"\t%b\n" % frame)])
        elif queue.is_full():
            raise ChannelFull(channel)
        elif queue.owner.loop is asyncio.get_running_loop():
            queue.put(frame)
        else:
            queue.owner.loop.call_soon_threadsafe(queue.put, frame)

    async def receive(self, channel: str) -> dict[str, Any]:
        """Wait for the next message of a channel; who stops waiting closes it."""
        self.require_valid_channel_name(channel)
        queue = self._queues.get(channel) or await self._open(channel)
        try:
            return await queue.get()
        except (asyncio.CancelledError, GeneratorExit):  # Channels has no other word for the end of a consumer
            self._close(queue)
            raise

    async def group_add(self, group: str, channel: str) -> None:
        """Add a channel of this process to a group. Raises: RuntimeError for one of another process."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        queue = self._queues.get(channel)
        if queue is None and "!" in channel:
            raise RuntimeError("A channel is added to a group by the process that holds it: self.channel_name")
        queue = queue or await self._open(channel)
        queue.groups.add(group)
        await _in_loop_of(queue, queue.owner.join([group], queue))

    async def group_discard(self, group: str, channel: str) -> None:
        """Take a channel out of a group; a channel outside it is ignored."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        queue = self._queues.get(channel)
        if queue is not None and group in queue.groups:
            queue.groups.discard(group)
            await _in_loop_of(queue, _leave(queue, [group]))

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send to every member of a group, at once; a full channel misses it."""
        self.require_valid_group_name(group)
        kind = str(message.get("type", "")) if isinstance(message, dict) else ""
        frame = _checked(message)
        send([Message(group.encode(), b"%b\t%b\n" % (kind.encode() if _GROUP.match(kind) else b"", frame))])

    async def flush(self) -> None:
        """Close every channel of this event loop."""
        for queue in list(self._queues.values()):
            if queue.owner.loop is asyncio.get_running_loop():
                self._close(queue)

    async def close(self) -> None:
        """Close the channels and the connection of this event loop; they reopen on the next use."""
        await self.flush()
        await subscriptions.of(asyncio.get_running_loop()).close()

    async def _open(self, name: str) -> ChannelQueue:
        owner = subscriptions.of(asyncio.get_running_loop())
        queue = ChannelQueue(name, owner, capacity=self.get_capacity(name), expiry=self.expiry)
        self._queues[name] = queue
        await owner.join([name], queue)
        return queue

    def _close(self, queue: ChannelQueue) -> None:
        self._queues.pop(queue.name, None)
        queue.owner.leave([queue.name, *queue.groups], queue)


def encode(groups: str | Iterable[str], event: dict) -> list[Message]:
    """Return an event as a message for each of the groups. Raises: ValueError for what is no name of a group."""
    payload = _record(event)
    return [Message(group, payload) for group in _names(groups)]


def send(messages: Sequence[Message], *, is_urgent: bool = True) -> None:
    """Send messages now; those that are not urgent may wait some milliseconds for others."""
    for prefix, collected in _captures:
        seen = [message for message in messages if message.group.startswith(prefix)]
        collected.extend((event.group, event.data) for one in seen for event in subscriptions.events(*one[:2]))
    redis_publisher.send(messages, is_urgent=is_urgent)


class _Batch:
    """The messages of one transaction, sent together after its commit."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.refreshes: set[Message] = set()

    def __call__(self) -> None:
        held = _gathered.get()
        if held is not None:
            held.update(dict.fromkeys(message for message in self.messages if message in self.refreshes))
            self.messages = [message for message in self.messages if message not in self.refreshes]
        if self.messages:
            send(self.messages)


def _after_commit(messages: list[Message], *, are_refreshes: bool = False) -> None:
    connection = transaction.get_connection()
    pending = [(names, call) for names, call, _ in connection.run_on_commit if isinstance(call, _Batch)]
    if are_refreshes:
        # An equal refresh that waits already outlives every rollback that this one would: its open savepoints are among ours.
        messages = [message for message in messages if not any(message in call.refreshes for _, call in pending)]
    if pending and pending[-1][0] == set(connection.savepoint_ids):
        batch = pending[-1][1]
    else:
        batch = _Batch()
    batch.messages.extend(messages)
    if are_refreshes:
        batch.refreshes.update(messages)
    if not connection.in_atomic_block:
        batch()
    elif not pending or batch is not pending[-1][1]:
        transaction.on_commit(batch, robust=True)


def _record(event: dict) -> bytes:
    return b"%b\t%b\n" % (event["type"].encode(), orjson.dumps(event))


def _names(groups: str | Iterable[str]) -> list[bytes]:
    names = [groups] if isinstance(groups, str) else list(groups)
    for name in names:
        if not _GROUP.match(name):
            raise ValueError(f"Not a group name: {name!r}")
    return [name.encode() for name in names]


def _checked(message: dict[str, Any]) -> bytes:
    assert isinstance(message, dict), "A message is a dict"
    return channel_queue.encode(message)


async def _leave(queue: ChannelQueue, groups: list[str]) -> None:
    queue.owner.leave(groups, queue)


async def _in_loop_of(queue: ChannelQueue, work: Coroutine) -> None:
    """Run what belongs to the event loop of a channel, which may be another one: a thread's asks by `async_to_sync`."""
    if queue.owner.loop is asyncio.get_running_loop():
        await work
    else:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, queue.owner.loop))
