"""Redis with Sentinels: a primary that dies or is demoted is followed, by commands and by subscriptions."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from depannini_dashmap.lib.ops import redis_breaker
from depannini_dashmap.lib.ops.cache import EnduringRedisCache
from depannini_dashmap.lib.realtime import layer, redis_publisher, subscriptions
from depannini_dashmap.operations.doctor import examine
from depannini_dashmap.operations.doctor_findings import Finding
from depannini_dashmap.tests.test_subscriptions import Subscriber
from testing.databases import RedisServer, SentinelServer
from testing.ports import free_port
from testing.waiting import wait_until, wait_until_async

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("redis-server"), reason="needs a redis-server of its own"),
]
OPTIONS = ("--requirepass", "r@dis", "--masterauth", "r@dis", "--repl-diskless-sync-delay", "0")


class Watched:
    """A primary and its replica, and a Sentinel with a password of its own."""

    def __init__(self, folder: Path) -> None:
        self.servers = [RedisServer(folder, 0, *OPTIONS)]
        self.servers.append(RedisServer(folder, 0, *OPTIONS, "--replicaof", "127.0.0.1", str(self.servers[0].port)))
        with self.ask(self.servers[1].port) as replica:  # a Sentinel looks at a replica every ten seconds: once is enough
            wait_until(lambda: replica.info("replication")["master_link_status"] == "up", "the replica follows")
        self.sentinel = SentinelServer(folder, self.servers[0].port, 1, "sentinel auth-pass main r@dis", "requirepass eye")
        with self.ask(self.sentinel.port, "eye") as eye:
            wait_until(lambda: [each for each in eye.sentinel_slaves("main") if each["master-link-status"] == "ok"], "the Sentinel knows a replica that can follow")

    def url(self, name: str = "main", **parts: Any) -> str:
        """Return the REDIS_URL; `parts` are its `password` and the `port` of a second Sentinel."""
        hosts = f"127.0.0.1:{parts.get('port', free_port())},127.0.0.1:{self.sentinel.port}"  # the first one is away
        return f"redis+sentinel://:r%40dis@{hosts}/{name}/0?sentinel_password={parts.get('password', 'eye')}"

    @staticmethod
    def ask(port: int, password: str = "r@dis") -> redis.Redis:
        """Return a client of one server."""
        return redis.Redis(port=port, password=password)

    def close(self) -> None:
        """Kill everything."""
        for server in (self.sentinel, *self.servers):
            server.kill()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """Two Redis and a Sentinel."""
    made = Watched(tmp_path)
    yield made
    made.close()


async def test_the_new_primary_is_followed_when_the_old_one_dies(watched: Watched, settings: Any) -> None:
    settings.REDIS_URL = url = watched.url()
    own, subscriber, guarded = subscriptions.of(asyncio.get_running_loop()), Subscriber(), redis_breaker.of(url)
    cache = EnduringRedisCache([url], {})  # type: ignore[arg-type]
    redis_publisher.of(url)
    await own.join(["a.1"], subscriber)
    with watched.ask(watched.servers[0].port) as client:  # a Sentinel that was slow to look has the subscription come later
        await wait_until_async(lambda: client.pubsub_channels("*.a.1"))
    await asyncio.to_thread(cache.set, "a", 1)
    layer.publish_now("a.1", {"type": "x"})
    await wait_until_async(lambda: '{"type":"x"}' in subscriber.got)
    old, new = watched.servers
    assert guarded.primary == ("127.0.0.1", old.port)
    old.kill()
    assert await asyncio.to_thread(cache.get, "a") is None  # this process goes on by itself
    await wait_until_async(lambda: guarded.primary == ("127.0.0.1", new.port) and not guarded.lost)
    assert await asyncio.to_thread(cache.set, "a", 2) is None
    with watched.ask(new.port) as client:
        assert client.keys(f"*{cache.make_key('a')}")
        await wait_until_async(lambda: client.pubsub_channels("*.a.1"))
    await wait_until_async(lambda: subscriber.got[-1] == "resync")
    layer.publish_now("a.1", {"type": "y"})
    await wait_until_async(lambda: '{"type":"y"}' in subscriber.got)
    await own.close()


async def test_a_primary_that_is_replaced_while_it_lives_is_left(watched: Watched, settings: Any) -> None:
    """Connections to it stay open at first, and an event that is published there is heard by nobody who has moved."""
    settings.REDIS_URL = url = watched.url()
    own, subscriber, guarded = subscriptions.of(asyncio.get_running_loop()), Subscriber(), redis_breaker.of(url)
    redis_publisher.of(url)
    await own.join(["a.1"], subscriber)
    with watched.ask(watched.sentinel.port, "eye") as eye:
        eye.execute_command("SENTINEL", "FAILOVER", "main")
    new = watched.servers[1]
    await wait_until_async(lambda: guarded.primary == ("127.0.0.1", new.port))
    with watched.ask(new.port) as client:
        await wait_until_async(lambda: client.pubsub_channels("*.a.1"))
    await wait_until_async(lambda: "resync" in subscriber.got)
    layer.publish_now("a.1", {"type": "y"})
    await wait_until_async(lambda: '{"type":"y"}' in subscriber.got)
    await own.close()


def test_one_server_that_becomes_a_replica_counts_as_lost_until_it_takes_writes(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    try:
        guarded, client = redis_breaker.of(server.url), redis.Redis(port=server.port)
        cache = EnduringRedisCache(server.url, {})
        guarded.client.set("a", 1)
        client.replicaof("127.0.0.1", server.port)
        cache.set("a", 2)
        assert cache.get("a") == 2  # of this process
        assert guarded.lost
        assert guarded.client.connection_pool is guarded.pool
        with pytest.raises(redis_breaker.Away):
            guarded.client.get("a")
        client.replicaof("NO", "ONE")
        wait_until(lambda: not guarded.lost, "it is back")
        assert guarded.client.set("a", 3)
        with guarded.client.pipeline(transaction=False) as pipeline:
            client.replicaof("127.0.0.1", server.port)
            pipeline.set("a", 4)
            pipeline.publish("b", b"")
            pipeline.execute(raise_on_error=False)
        assert guarded.lost
        client.close()
    finally:
        server.kill()


def one(name: str) -> Finding:
    (finding,) = examine([name])
    return finding


def test_the_doctor_asks_each_sentinel(watched: Watched, settings: Any) -> None:
    settings.REDIS_URL = watched.url()
    finding = one("redis_server")
    assert finding.level == "doubtful"
    assert "answers, but not the Sentinels 127.0.0.1:" in finding.sentence and "refused" in finding.sentence
    settings.REDIS_URL = watched.url(port=watched.sentinel.port)
    assert one("redis_server").sentence.endswith("answers, the primary main of 2 Sentinels")
    assert (one("events").level, one("neighbours").level) == ("ok", "ok")
    settings.REDIS_URL = watched.url("mian")
    finding = one("redis_server")
    assert finding.level == "broken" and "know no primary 'mian', but main" in finding.sentence
    settings.REDIS_URL = watched.url(password="wrong-eye")
    finding = one("redis_server")
    assert finding.level == "broken" and "No Sentinel answers" in finding.sentence
    assert "wrong-eye" not in finding.sentence + finding.remedy
    watched.servers[0].kill()
    watched.servers[1].kill()
    settings.REDIS_URL = watched.url(port=watched.sentinel.port)
    wait_until(lambda: "is down" in one("redis_server").sentence, "the Sentinel says that it is down")
    watched.sentinel.kill()
    finding = one("redis_server")
    assert finding.level == "broken" and finding.sentence.count("refused") == 2
    assert (one("events").level, one("neighbours").level) == ("broken", "doubtful")


def test_a_replica_in_the_url_is_a_finding(watched: Watched, settings: Any) -> None:
    settings.REDIS_URL = f"redis://:r%40dis@127.0.0.1:{watched.servers[1].port}/0"
    finding = one("redis_server")
    assert finding.level == "broken" and "replica" in finding.sentence
