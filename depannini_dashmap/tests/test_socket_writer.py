"""What a socket queues for a client that does not read, or whose server sends no close code of the protocol's own."""

import asyncio
import copy
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from depannini_dashmap.lib.realtime import consumers, socket_writer
from depannini_dashmap.lib.realtime.close_codes import RESTART, UNAUTHENTICATED

SCOPE = {"type": "websocket", "headers": [(b"authorization", b"Bearer a.b.c")], "subprotocols": []}


class Signed(consumers.SocketConsumer):
    """A socket of a user who is always let in."""

    def identify(self) -> Any:
        return SimpleNamespace(user=SimpleNamespace(pk=7), expires_at=datetime.now(UTC) + timedelta(days=1))


class Line:
    """A server's connection: `reads` says whether its client takes what is sent."""

    def __init__(self) -> None:
        self.sent: list[dict] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.incoming: asyncio.Queue[dict] = asyncio.Queue()
        self.incoming.put_nowait({"type": "websocket.connect"})

    async def send(self, message: dict) -> None:
        await self.reads.wait()
        self.sent.append(message)


async def opened(line: Line) -> tuple[Signed, asyncio.Task]:
    """Open a socket and wait until it has shown its state."""
    consumer = Signed()
    life = asyncio.create_task(consumer(copy.deepcopy(SCOPE), line.incoming.get, line.send))
    async with asyncio.timeout(5):
        while len(line.sent) < 2:
            await asyncio.sleep(0.01)
    return consumer, life


@pytest.fixture(autouse=True)
def without_redis(settings: Any) -> None:
    """Count connections in this process."""
    settings.REDIS_URL = ""


@pytest.mark.parametrize("size", [10, 10_000], ids=["many", "big"])
async def test_a_client_that_does_not_read_is_disconnected(size: int) -> None:
    line = Line()
    consumer, life = await opened(line)
    line.reads.clear()
    queued = 0
    while not life.done():  # the server ends a connection whose application returns
        consumer.send_text("x" * size)
        queued += 1
        await asyncio.sleep(0)
        assert queued < min(socket_writer.OUTBOX_LIMIT, socket_writer.BACKLOG_LIMIT // size) + 10
    assert queued >= min(socket_writer.OUTBOX_LIMIT, socket_writer.BACKLOG_LIMIT // size)
    await life
    assert consumer not in consumers.LIVE
    consumer.send_text("nothing more")
    assert consumer._outbox is None


async def test_a_client_that_reads_gets_any_number_of_frames() -> None:
    line = Line()
    consumer, life = await opened(line)
    for _ in range(socket_writer.OUTBOX_LIMIT * 3):
        consumer.send_text("x" * 1000)
    consumer.close(UNAUTHENTICATED)
    await consumer.finish_writing(5)
    assert [message["type"] for message in line.sent[2:]] == ["websocket.send"] * socket_writer.OUTBOX_LIMIT * 3 + ["websocket.close"]
    line.incoming.put_nowait({"type": "websocket.disconnect", "code": UNAUTHENTICATED})
    await life


async def test_a_code_that_the_server_refuses_is_sent_as_one_of_an_application() -> None:
    class Refusing(Line):
        async def send(self, message: dict) -> None:
            if message["type"] == "websocket.close" and 1000 < message["code"] < 3000:
                raise ValueError("invalid close code")
            await super().send(message)

    line = Refusing()
    consumer, life = await opened(line)
    consumer.close(RESTART)
    await consumer.finish_writing(5)
    assert line.sent[-1] == {"type": "websocket.close", "code": 4012}
    line.incoming.put_nowait({"type": "websocket.disconnect", "code": 4012})
    await life
