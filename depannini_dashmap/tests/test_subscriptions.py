"""Who gets what: groups of one event loop, with and without Redis, over losses and between two processes."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import redis

from depannini_dashmap.lib.ops import process_registry, redis_breaker
from depannini_dashmap.lib.realtime import latest_values, layer, redis_publisher, subscriptions
from depannini_dashmap.lib.realtime.subscriptions import Subscriptions
from testing.databases import redis_server
from testing.ports import free_port
from testing.waiting import wait_until_async

ROOT = Path(__file__).resolve().parents[2]


class Subscriber:
    """A member that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[str] = []

    def deliver(self, event: subscriptions.Event) -> None:
        """Keep it."""
        self.got.append(event.text)

    def resync(self) -> None:
        """Note that too."""
        self.got.append("resync")


@pytest.fixture(params=["alone", pytest.param("redis", marks=pytest.mark.postgres)])
async def here(request: Any, settings: Any) -> AsyncIterator[Subscriptions]:
    """The subscriptions of this loop, without Redis and with one."""
    if request.param == "alone":
        settings.REDIS_URL = ""
    own = subscriptions.of(asyncio.get_running_loop())
    yield own
    await own.close()


async def test_members_get_the_events_of_their_groups(here: Subscriptions) -> None:
    one, both = Subscriber(), Subscriber()
    await here.join(["a.1"], one)
    await here.join(["a.1", "a.2"], both)
    for group, number in (("a.1", 1), ("a.2", 2), ("a.3", 3)):
        layer.publish_now(group, {"type": "x", "n": number})
    await wait_until_async(lambda: len(both.got) == 2)
    assert (one.got, both.got) == (['{"type":"x","n":1}'], ['{"type":"x","n":1}', '{"type":"x","n":2}'])
    here.leave(["a.1"], one)
    layer.publish_now("a.1", {"type": "x", "n": 4})
    await wait_until_async(lambda: len(both.got) == 3)
    assert len(one.got) == 1


async def test_a_thread_and_a_short_lived_loop_reach_the_loop(here: Subscriptions) -> None:
    subscriber = Subscriber()
    await here.join(["a.1"], subscriber)

    async def publish() -> None:
        layer.publish_now("a.1", {"type": "y"})

    await asyncio.to_thread(layer.publish_now, "a.1", {"type": "x"})
    await asyncio.to_thread(asyncio.run, publish())
    await wait_until_async(lambda: len(subscriber.got) == 2)
    assert subscriber.got == ['{"type":"x"}', '{"type":"y"}']


async def test_one_that_fails_does_not_keep_others_from_their_events(here: Subscriptions) -> None:
    class Broken(Subscriber):
        def deliver(self, event: subscriptions.Event) -> None:
            raise KeyError

    subscriber = Subscriber()
    await here.join(["a.1"], Broken())
    await here.join(["a.1"], subscriber)
    for _ in range(2):
        layer.publish_now("a.1", {"type": "x"})
    await wait_until_async(lambda: len(subscriber.got) == 2)


async def test_an_order_to_resync_reaches_every_member_once(here: Subscriptions) -> None:
    subscriber = Subscriber()
    await here.join(["a.1", "a.2"], subscriber)
    redis_publisher.send([subscriptions.Message(b"*", b'a.1\tx\t{"of":"the release before"}\n')])
    layer.publish_now("a.1", {"type": "x"})
    await wait_until_async(lambda: subscriber.got == ['{"type":"x"}'])
    assert not here._resyncing
    redis_publisher.resync()
    redis_publisher.resync()
    await wait_until_async(lambda: len(subscriber.got) == 2)
    await asyncio.sleep(subscriptions.RESYNC_SPREAD)
    assert subscriber.got[1:] == ["resync"]


async def test_the_newest_of_a_stream_is_kept_and_what_follows_closely_gathers(here: Subscriptions) -> None:
    subscriber = Subscriber()
    await here.join(["a.1"], subscriber)
    for number in range(3):
        latest_values.publish_newest(("a.1", {"type": "x", "n": number}, 7))
    latest_values.publish_newest(("a.1", {"type": "x", "n": 9}, 8))
    await wait_until_async(lambda: len(subscriber.got) == 4)
    kept = await asyncio.to_thread(latest_values.read_newest, "a.1", "x", 7)
    assert kept is not None and kept.data["n"] == 2
    assert await asyncio.to_thread(latest_values.read_newest, "a.1", "x", 9) is None


# --- Redis ------------------------------------------------------------------------------------------------------------------
@pytest.mark.postgres
async def test_only_groups_of_members_are_subscribed_to(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "LEAVE_AFTER", 0.1)
    monkeypatch.setattr(subscriptions, "PING_EVERY", 0.05)
    own = subscriptions.of(asyncio.get_running_loop())
    base = subscriptions.channel(settings.REDIS_URL)
    one, other = Subscriber(), Subscriber()
    with redis.Redis.from_url(settings.REDIS_URL) as client:

        def subscribers(group: str) -> Any:
            return dict(client.pubsub_numsub(f"{base}.{group}"))[f"{base}.{group}".encode()]

        await own.join(["b.1", "b.2"], one)
        await own.join(["b.1"], other)
        assert [subscribers(f"b.{n}") for n in (1, 2, 3)] == [1, 1, 0]
        own.leave(["b.1", "b.2"], one)
        await wait_until_async(lambda: subscribers("b.2") == 0)
        assert subscribers("b.1") == 1  # the other one is still there
        await own.join(["b.2"], one)
        assert subscribers("b.2") == 1
        layer.publish_now("b.2", {"type": "x"})
        await wait_until_async(lambda: one.got)
    await own.close()


@pytest.mark.slow
async def test_after_a_loss_everything_is_subscribed_to_again_and_members_resync(settings: Any, tmp_path: Any) -> None:
    port = free_port()
    settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
    own, subscriber = subscriptions.of(asyncio.get_running_loop()), Subscriber()
    with redis_server(port, tmp_path) as first:
        await own.join(["a.1", "a.2"], subscriber)
        first.kill()
        first.wait()
        layer.publish_now("a.1", {"type": "x"})
        await wait_until_async(lambda: subscriber.got == ['{"type":"x"}'])  # this process goes on by itself
        late = Subscriber()
        await own.join(["a.3"], late)
    with redis_server(port, tmp_path):
        await wait_until_async(lambda: "resync" in subscriber.got and "resync" in late.got)
        await wait_until_async(lambda: not redis_breaker.of(settings.REDIS_URL).lost)
        for group in ("a.1", "a.2", "a.3"):
            layer.publish_now(group, {"type": "y"})
        await wait_until_async(lambda: late.got[-1] == '{"type":"y"}' and subscriber.got.count('{"type":"y"}') == 2)
    await own.close()


@pytest.mark.slow
async def test_who_joins_before_redis_is_there_resyncs_once_it_is(settings: Any, tmp_path: Any) -> None:
    port = free_port()
    settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
    own, subscriber = subscriptions.of(asyncio.get_running_loop()), Subscriber()
    await own.join(["a.1"], subscriber)
    with redis_server(port, tmp_path):
        await wait_until_async(lambda: subscriber.got == ["resync"])
    await own.close()


PUBLISH = """
import django; django.setup()
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from depannini_dashmap.lib.ops import process_registry
from depannini_dashmap.lib.realtime import layer
process_registry.enter()
for number in range(500):
    layer.publish_now("c.1", {"type": "x", "n": number})
async_to_sync(get_channel_layer().group_send)("c.1", {"type": "last"})
process_registry.leave()
import os; os._exit(0)
"""


@pytest.mark.postgres
async def test_a_process_that_leaves_has_published_everything_to_the_other(settings: Any) -> None:
    own, subscriber = subscriptions.of(asyncio.get_running_loop()), Subscriber()
    await own.join(["c.1"], subscriber)
    # The number of a worker of this run is in REDIS_URL already.
    given = {name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"}
    given |= {"DJANGO_SETTINGS_MODULE": "depannini_dashmap.settings_test", "DEPLOYMENT": settings.DEPLOYMENT}
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", PUBLISH], cwd=ROOT, env=given, check=True, timeout=60)
    await wait_until_async(lambda: len(subscriber.got) == 501)
    assert subscriber.got[-1] == '{"type":"last"}'
    await own.close()


@pytest.mark.postgres
def test_a_process_that_cannot_publish_stays_on_the_list(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_registry, "LIST", "processes.test")
    is_free, own = threading.Event(), redis_publisher.of(settings.REDIS_URL)
    client = own._breaker.client
    monkeypatch.setattr(own, "_send", lambda batch: is_free.wait(10))
    monkeypatch.setattr(redis_publisher.flush, "__defaults__", (0.1,))
    process_registry.enter()
    layer.publish_now("a.1", {"type": "x"})
    process_registry.leave()
    assert client.smembers(process_registry.redis_keys.named("processes.test"))
    is_free.set()
    assert own.flush(5)
    process_registry.leave()
    assert not client.smembers(process_registry.redis_keys.named("processes.test"))
