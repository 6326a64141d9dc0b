"""The channel layer as Channels has it, for stock consumers: its own layer tests' expectations, and a consumer over it."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull
from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator

from depannini_dashmap.lib.realtime import layer as publishing
from depannini_dashmap.lib.realtime import subscriptions
from depannini_dashmap.lib.realtime.layer import ChannelLayer


@pytest.fixture(params=["alone", pytest.param("redis", marks=pytest.mark.postgres)])
async def layer(request: Any, settings: Any) -> AsyncIterator[ChannelLayer]:
    """A layer whose channels hold three messages, without Redis and with one."""
    if request.param == "alone":
        settings.REDIS_URL = ""
    own = ChannelLayer(capacity=3)
    yield own
    await own.close()


async def gets_nothing(layer: ChannelLayer, channel: str) -> bool:
    """Return whether a channel stays empty; it is closed by the waiting."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(layer.receive(channel), 0.15)
    return True


def test_it_is_the_default_layer() -> None:
    assert isinstance(get_channel_layer(), ChannelLayer)


async def test_messages_to_a_channel_arrive_in_order(layer: ChannelLayer) -> None:
    channel = await layer.new_channel()
    await layer.send(channel, {"type": "test.message", "text": "first"})
    await layer.send(channel, {"type": "test.message", "text": "second", "data": b"\x00\n\xff", "parts": [b"x", None]})
    assert await layer.receive(channel) == {"type": "test.message", "text": "first"}
    second = await layer.receive(channel)
    assert (second["data"], second["parts"]) == (b"\x00\n\xff", [b"x", None])


async def test_a_full_channel_refuses(layer: ChannelLayer) -> None:
    channel = await layer.new_channel()
    for _ in range(3):
        await layer.send(channel, {"type": "test.message"})
    with pytest.raises(ChannelFull):
        await layer.send(channel, {"type": "test.message"})


async def test_members_of_a_group_get_its_messages(layer: ChannelLayer) -> None:
    channels = [await layer.new_channel() for _ in range(3)]
    for channel in channels:
        await layer.group_add("test-group", channel)
    await layer.group_discard("test-group", channels[1])
    await layer.group_discard("test-group", channels[1])
    await layer.group_send("test-group", {"type": "message.1"})
    async with asyncio.timeout(2):
        assert [(await layer.receive(channels[n]))["type"] for n in (0, 2)] == ["message.1", "message.1"]
    assert await gets_nothing(layer, channels[1])


async def test_a_group_leaves_out_channels_that_are_full(layer: ChannelLayer) -> None:
    full, free = await layer.new_channel(), await layer.new_channel()
    for channel in (full, free):
        await layer.group_add("test-group", channel)
    for _ in range(3):
        await layer.send(full, {"type": "before"})
    await layer.group_send("test-group", {"type": "message"})
    async with asyncio.timeout(2):
        assert (await layer.receive(free))["type"] == "message"
        assert [(await layer.receive(full))["type"] for _ in range(3)] == ["before"] * 3
    assert await gets_nothing(layer, full)


async def test_a_message_that_has_expired_is_not_received(settings: Any) -> None:
    settings.REDIS_URL = ""
    layer = ChannelLayer(expiry=0.05)
    channel = await layer.new_channel()
    await layer.send(channel, {"type": "old"})
    await asyncio.sleep(0.1)
    await layer.send(channel, {"type": "new"})
    assert (await layer.receive(channel))["type"] == "new"


async def test_capacities_are_set_by_name(settings: Any) -> None:
    settings.REDIS_URL = ""
    layer = ChannelLayer(capacity=3, channel_capacity={"small*": 1})
    small = await layer.new_channel("small.")
    await layer.send(small, {"type": "x"})
    with pytest.raises(ChannelFull):
        await layer.send(small, {"type": "x"})


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 100, 7])
async def test_senseless_names_are_refused(layer: ChannelLayer, name: Any) -> None:
    for work in (layer.send(name, {}), layer.group_send(name, {}), layer.receive(name), layer.group_add(name, "c")):
        with pytest.raises(TypeError):
            await work


async def test_what_is_no_message_is_refused(layer: ChannelLayer) -> None:
    with pytest.raises(AssertionError):
        await layer.group_send("test-group", "text")
    with pytest.raises(TypeError):
        await layer.group_send("test-group", {"type": "x", "object": object()})


async def test_a_channel_of_another_process_joins_no_group(layer: ChannelLayer) -> None:
    with pytest.raises(RuntimeError):
        await layer.group_add("test-group", "specific.other!1")


async def test_a_channel_whose_reader_ends_is_gone_from_its_groups(layer: ChannelLayer) -> None:
    channel = await layer.new_channel()
    await layer.group_add("test-group", channel)
    assert await gets_nothing(layer, channel)
    assert not layer._queues
    assert not subscriptions.of(asyncio.get_running_loop())._members


async def test_flush_empties_the_layer(layer: ChannelLayer) -> None:
    channel = await layer.new_channel()
    await layer.group_add("test-group", channel)
    await layer.flush()
    assert not layer._queues
    again = await layer.new_channel()
    await layer.send(again, {"type": "x"})
    assert (await layer.receive(again))["type"] == "x"


async def test_messages_come_from_threads_and_short_lived_loops(layer: ChannelLayer) -> None:
    channel = await layer.new_channel()
    await asyncio.to_thread(async_to_sync(layer.group_add), "test-group", channel)
    thread = threading.Thread(target=lambda: async_to_sync(layer.group_send)("test-group", {"type": "one"}))
    thread.start()
    await asyncio.to_thread(thread.join)
    async with asyncio.timeout(2):
        assert (await layer.receive(channel))["type"] == "one"
    await asyncio.to_thread(asyncio.run, layer.send(channel, {"type": "two"}))
    async with asyncio.timeout(2):
        assert (await layer.receive(channel))["type"] == "two"

    def discard_in_a_thread_without_a_loop() -> None:
        async_to_sync(layer.group_discard)("test-group", channel)

    other = threading.Thread(target=discard_in_a_thread_without_a_loop)
    other.start()
    await asyncio.to_thread(other.join)
    await layer.group_send("test-group", {"type": "three"})
    assert await gets_nothing(layer, channel)


class Echo(AsyncJsonWebsocketConsumer):
    """A consumer as anybody writes it."""

    async def connect(self) -> None:
        await self.channel_layer.group_add("room", self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard("room", self.channel_name)

    async def receive_json(self, content: Any, **_: Any) -> None:
        await self.channel_layer.group_send("room", {"type": "room.message", "content": content})

    async def room_message(self, event: dict) -> None:
        await self.send_json(event["content"])


class ThreadedEcho(JsonWebsocketConsumer):
    """The same, in threads."""

    groups = ["room"]

    def receive_json(self, content: Any, **_: Any) -> None:
        async_to_sync(self.channel_layer.group_send)("room", {"type": "room.message", "content": content})

    def room_message(self, event: dict) -> None:
        self.send_json(event["content"])


@pytest.mark.parametrize("redis_url", ["", pytest.param(None, marks=pytest.mark.postgres)])
@pytest.mark.parametrize("consumer", [Echo, ThreadedEcho])
@pytest.mark.django_db(transaction=True)
async def test_stock_consumers_reach_each_other_and_get_published_events(
    settings: Any, consumer: Any, redis_url: str | None
) -> None:
    if redis_url is not None:
        settings.REDIS_URL = redis_url
    one, other = (WebsocketCommunicator(consumer.as_asgi(), "/") for _ in range(2))
    for socket in (one, other):
        assert (await socket.connect())[0]
    await one.send_json_to({"n": 1})
    assert [await socket.receive_json_from() for socket in (one, other)] == [{"n": 1}] * 2
    publishing.publish_now("room", {"type": "room.message", "content": {"n": 2}})
    assert [await socket.receive_json_from() for socket in (one, other)] == [{"n": 2}] * 2
    await one.disconnect()
    await other.send_json_to({"n": 3})
    assert await other.receive_json_from() == {"n": 3}
    await other.disconnect()
    await get_channel_layer().close()
