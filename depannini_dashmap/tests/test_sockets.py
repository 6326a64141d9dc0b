"""A socket's life without a network: what an end in the middle of a check leaves behind. Over TCP, see test_consumers."""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from depannini_dashmap.lib import seats, sockets
from depannini_dashmap.lib.seats import Seat

USER = 7
SCOPE = {"type": "websocket", "headers": [(b"authorization", b"Bearer a.b.c")], "subprotocols": []}


class Checked(sockets.SocketConsumer):
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
    """Stands for the seats in Redis: which names are in."""

    def __init__(self, monkeypatch: Any) -> None:
        self.names: set[str] = set()
        self.on_entering: Callable[[], None] = lambda: None
        client = SimpleNamespace(zrem=lambda key, name: self.names.discard(name))
        monkeypatch.setattr(seats, "_client", lambda: client)
        monkeypatch.setattr(Seat, "_count", lambda seat: self._enter(seat.name))

    def _enter(self, name: str) -> int:
        self.on_entering()
        self.names.add(name)
        return len(self.names)


@pytest.fixture
def entered(monkeypatch: Any) -> Entered:
    """Watch who has a seat."""
    return Entered(monkeypatch)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait a little for it to be so."""
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0.01)


async def test_a_socket_that_ends_during_a_check_stays_ended(settings: Any, entered: Entered) -> None:
    settings.REDIS_URL = ""
    consumer = Checked()
    incoming: asyncio.Queue[dict] = asyncio.Queue()
    incoming.put_nowait({"type": "websocket.connect"})
    life = asyncio.create_task(consumer(SCOPE, incoming.get, lambda message: asyncio.sleep(0)))
    await until(lambda: consumer.renewals > 0)
    assert len(entered.names) == 1

    consumer.gate.clear()
    await until(consumer.is_held_up.is_set)
    incoming.put_nowait({"type": "websocket.disconnect"})
    await life
    await until(lambda: not entered.names)
    checks, renewals = consumer.checks, consumer.renewals
    consumer.gate.set()
    await asyncio.sleep(0.5)

    assert (consumer.checks, consumer.renewals) == (checks, renewals)
    assert not entered.names
    assert consumer._timer is None or consumer._timer.cancelled()


async def test_a_socket_that_ends_before_its_check_ends_is_not_noted_as_open(entered: Entered) -> None:
    consumer = Checked()
    consumer._seat, consumer._closing = Seat(USER), True
    assert consumer._seat.take()
    consumer._renew()
    assert consumer.renewals == 0


def test_a_seat_is_renewed_while_it_is_held(entered: Entered) -> None:
    seat = Seat(USER)
    assert seat.take()
    entered.names.clear()  # Redis was emptied
    seat.renew()
    assert entered.names == {seat.name}
    seat.leave()
    seat.renew()
    assert not entered.names


def test_a_seat_left_during_its_renewal_stays_free(entered: Entered) -> None:
    seat = Seat(USER)
    assert seat.take()
    entered.on_entering = seat.leave
    seat.renew()
    assert not entered.names
