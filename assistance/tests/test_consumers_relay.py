"""What a room's socket passes on when events cross or its user leaves, without a network. Over TCP, see test_consumers."""

import asyncio
import copy
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from assistance import consumers
from assistance.consumers import AssistanceConsumer
from depannini_dashmap.lib.realtime import layer
from depannini_dashmap.lib.realtime.consumers import FORBIDDEN
from depannini_dashmap.lib.realtime.subscriptions import Event

ROOM, CLIENT, ASSISTANT = 5, 1, 2
SCOPE = {
    "type": "websocket", "headers": [(b"authorization", b"Bearer a.b.c")], "subprotocols": [],
    "url_route": {"kwargs": {"key": str(ROOM)}},
}  # fmt: skip


class Room(AssistanceConsumer):
    """The assistant's socket in a request accepted at version 4, with a queue for a network and no database."""

    groups_need_user = True  # which `identify` names: the token is none

    def __init__(self) -> None:
        super().__init__()
        self.incoming: asyncio.Queue[dict] = asyncio.Queue()
        self.out: list[dict] = []

    def identify(self) -> Any:
        user = SimpleNamespace(pk=ASSISTANT)
        return SimpleNamespace(user=user, expires_at=datetime.now(UTC) + timedelta(days=1))

    def authorize(self) -> None:
        pass

    def read_snapshot(self) -> list[dict]:
        self.seq = self.status_seq = 4
        self.status, self.is_sender = "accepted", True
        return [{"type": "connection_established", "seq": 4}]

    async def take_down(self, message: dict) -> None:
        self.out.append(message)

    def frames(self, kind: str) -> list[dict]:
        """Return the frames of a kind that went out."""
        texts = [message["text"] for message in self.out if message["type"] == "websocket.send"]
        return [frame for frame in map(orjson.loads, texts) if frame["type"] == kind]

    def close_code(self) -> int | None:
        """Return how the socket was closed, if it was."""
        return next((message["code"] for message in self.out if message["type"] == "websocket.close"), None)


@pytest.fixture
async def room(settings: Any, monkeypatch: Any) -> AsyncIterator[Room]:
    """Open the socket."""
    settings.REDIS_URL = ""
    monkeypatch.setattr(consumers._places, "put", lambda stream, place: None)
    room = Room()
    room.incoming.put_nowait({"type": "websocket.connect"})
    life = asyncio.create_task(room(copy.deepcopy(SCOPE), room.incoming.get, room.take_down))
    async with asyncio.timeout(5):
        while not room.frames("connection_established"):
            await asyncio.sleep(0.01)
    yield room
    room.incoming.put_nowait({"type": "websocket.disconnect"})
    await life


def hear(room: Room, kind: str, seq: int, **rest: Any) -> None:
    """Have the socket hear an event of its room."""
    frame = {"type": kind, "assistance_id": ROOM, "seq": seq, "event_id": f"assistance.{ROOM}.{seq}"} | rest
    room.deliver(Event(f"assistance.{ROOM}".encode(), kind.encode(), orjson.dumps(frame)))


def hear_status(room: Room, seq: int, status: str, assistant: int | None = ASSISTANT, **rest: Any) -> None:
    """Have it hear a status."""
    hear(room, "status", seq, status=status, client={"id": CLIENT}, assistant=assistant and {"id": assistant}, **rest)


async def settled(room: Room) -> Room:
    """Let what is queued go out."""
    await asyncio.sleep(0.05)
    return room


# --- Places --------------------------------------------------------------------------------------------------------------
def report_two_places(room: Room) -> None:
    """Report one place that is told, and one that waits for its turn."""
    room.take_location({"lat": 36.1, "lng": 3.1})
    room.take_location({"lat": 36.2, "lng": 3.2})


async def told_after(room: Room, leave: Any) -> list[float]:
    """Return the latitudes told from the reports on to well after the socket has ended."""
    with layer.captured("assistance.") as heard:
        report_two_places(room)
        leave()
        await settled(room)
        room.incoming.put_nowait({"type": "websocket.disconnect"})
        await asyncio.sleep(consumers.TELL_EVERY + 0.2)
        return [frame["lat"] for _, frame in heard]


async def test_a_released_assistants_last_location_is_not_published(room: Room) -> None:
    assert await told_after(room, lambda: hear_status(room, 5, "requested", assistant=None)) == [36.1]
    assert room.close_code() == FORBIDDEN


async def test_nor_when_a_check_finds_that_the_assistant_is_out(room: Room) -> None:
    assert await told_after(room, lambda: room.close(FORBIDDEN)) == [36.1]


async def test_the_newest_location_of_a_leaving_party_is_published(room: Room) -> None:
    assert await told_after(room, lambda: None) == [36.1, 36.2]


# --- Prices --------------------------------------------------------------------------------------------------------------
async def test_the_newest_price_stays_the_last(room: Room) -> None:
    for seq, price in ((6, 200.0), (5, 100.0), (6, 200.0), (7, 300.0)):
        hear(room, "price", seq, total_price=price)
    shown = (await settled(room)).frames("price")
    assert [(frame["seq"], frame["total_price"]) for frame in shown] == [(6, 200.0), (7, 300.0)]


async def test_a_price_older_than_the_state_is_not_sent(room: Room) -> None:
    hear(room, "price", 4, total_price=100.0)
    hear_status(room, 6, "ongoing")
    hear(room, "price", 5, total_price=200.0)
    hear(room, "price", 7, total_price=300.0)
    assert [frame["seq"] for frame in (await settled(room)).frames("price")] == [7]


async def test_a_state_that_a_price_has_overtaken_is_still_sent(room: Room) -> None:
    hear(room, "price", 6, total_price=200.0, price_is_final=True, currency="DZD")
    hear_status(room, 5, "ongoing", total_price=100.0, price_is_final=False, currency="DZD")
    hear_status(room, 7, "completed", total_price=250.0)
    shown = (await settled(room)).frames("status")
    assert [(frame["status"], frame["seq"], frame["total_price"]) for frame in shown] == [("ongoing", 6, 200.0), ("completed", 7, 250.0)]
    assert shown[0]["price_is_final"] is True and shown[0]["type"] == "status"


async def test_a_rating_does_not_hold_back_a_price(room: Room) -> None:
    hear(room, "rating", 6, rating=5)
    hear(room, "price", 5, total_price=200.0)
    shown = (await settled(room)).frames("price")
    assert [(frame["seq"], frame["total_price"]) for frame in shown] == [(6, 200.0)]
