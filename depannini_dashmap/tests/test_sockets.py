"""A socket's life without a network: what an end in the middle of a check leaves behind. Over TCP, see test_consumers."""

import asyncio
import copy
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from depannini_dashmap.lib.ops import redis_keys
from depannini_dashmap.lib.realtime import connection_limit, consumers
from depannini_dashmap.lib.realtime.connection_limit import APPS, PAGES, Connection
from testing.waiting import wait_until_async

USER = 7
SCOPE = {"type": "websocket", "headers": [(b"authorization", b"Bearer a.b.c")], "subprotocols": []}


class Checked(consumers.SocketConsumer):
    """Checks its login ten times a second, and counts; `gate` holds a check up."""

    def __init__(self) -> None:
        self.checks, self.renewals = 0, 0
        self.gate, self.is_held_up = threading.Event(), threading.Event()
        self.gate.set()

    def identify(self) -> Any:
        self.checks += 1
        if not self.gate.is_set():
            self.is_held_up.set()
            self.gate.wait(5)
        return SimpleNamespace(user=SimpleNamespace(pk=USER), expires_at=datetime.now(UTC) + timedelta(days=1))

    def recheck_every(self) -> float:
        return 0.1

    def renew(self) -> None:
        self.renewals += 1


class Entered:
    """Stands for the connections in Redis: which names are in, and when each answered last."""

    def __init__(self, monkeypatch: Any) -> None:
        self.names: dict[str, float] = {}
        self.on_entering: Callable[[], None] = lambda: None
        client = SimpleNamespace(zrem=lambda key, name: self.names.pop(name, None), eval=self._rank)
        monkeypatch.setattr(connection_limit, "_client", lambda: client)

    def _rank(self, script: str, count: int, key: str, forgotten: float, expires: int, *own: Any) -> list[bytes]:
        if own:
            self.on_entering()
            self.names[own[1]] = own[0]
        return [name.encode() for name in sorted(self.names, key=lambda name: self.names[name])]


@pytest.fixture
def entered(monkeypatch: Any) -> Entered:
    """Watch who is counted."""
    return Entered(monkeypatch)


async def test_a_socket_that_ends_during_a_check_stays_ended(settings: Any, entered: Entered) -> None:
    settings.REDIS_URL = ""
    consumer = Checked()
    incoming: asyncio.Queue[dict] = asyncio.Queue()
    incoming.put_nowait({"type": "websocket.connect"})
    life = asyncio.create_task(consumer(copy.deepcopy(SCOPE), incoming.get, lambda message: asyncio.sleep(0)))
    await wait_until_async(lambda: consumer.renewals > 0)
    assert len(entered.names) == 1

    consumer.gate.clear()
    await wait_until_async(consumer.is_held_up.is_set)
    incoming.put_nowait({"type": "websocket.disconnect"})
    await life
    await wait_until_async(lambda: not entered.names)
    checks, renewals = consumer.checks, consumer.renewals
    consumer.gate.set()
    await asyncio.sleep(0.5)

    assert (consumer.checks, consumer.renewals) == (checks, renewals)
    assert not entered.names
    assert consumer._timer is None or consumer._timer.cancelled()


async def test_a_socket_that_ends_before_its_check_ends_is_not_noted_as_open(entered: Entered) -> None:
    consumer = Checked()
    consumer._connection, consumer._closing = Connection(USER), True
    consumer._connection.enter()
    consumer.report_open()
    assert consumer.renewals == 0


def test_a_connection_is_counted_anew_while_it_is_open(entered: Entered) -> None:
    connection = Connection(USER)
    assert not connection.enter()
    entered.names.clear()  # Redis was emptied
    connection.report(time.time())
    assert list(entered.names) == [connection.name]
    connection.leave()
    connection.report(time.time())
    assert not entered.names


def test_a_connection_left_during_its_report_stays_gone(entered: Entered) -> None:
    connection = Connection(USER)
    connection.enter()
    entered.on_entering = connection.leave
    connection.report(time.time())
    assert not entered.names


@pytest.mark.parametrize("limit", [APPS, PAGES])
@pytest.mark.parametrize("has_redis", [True, False])
def test_the_longest_silent_is_the_one_too_many(limit: Any, has_redis: bool, settings: Any, request: Any) -> None:
    settings.REDIS_URL = ""
    if has_redis:
        request.getfixturevalue("entered")
    held = [Connection(USER, limit) for _ in range(limit.most + 1)]
    assert [one.enter() for one in held] == [False] * limit.most + [True]
    now = time.time()
    for index, one in enumerate(held):
        one.report(now - (30 if index == 3 else index))
    assert [one for one in held if one.is_surplus()] == [held[3]]
    held[3].leave()
    assert not any(one.is_surplus() for one in held)
    for one in held:
        one.leave()
    assert not Connection(USER, limit).enter()
    assert connection_limit._here.keys() == {redis_keys.named("connections", limit.name, str(USER))}
    connection_limit._here.clear()
