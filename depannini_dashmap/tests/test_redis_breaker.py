"""A Redis that freezes, dies and comes back: half a second once, and limits that hold meanwhile."""

import shutil
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from accounts.tokens import issue_pair
from depannini_dashmap.lib.ops import redis_breaker
from depannini_dashmap.lib.ops.cache import EnduringRedisCache
from testing.databases import redis_server
from testing.fixtures import running_server
from testing.ports import free_port
from testing.waiting import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("redis-server"), reason="needs a redis-server to freeze"),
]


@pytest.fixture
def frozen(tmp_path: Any) -> Iterator[tuple[Any, int, Any]]:
    """A Redis, its port, and a breaker that has used it."""
    port = free_port()
    with redis_server(port, tmp_path) as process:
        guarded = redis_breaker.of(f"redis://127.0.0.1:{port}/0")
        guarded.client.set("a", 1)
        yield process, port, guarded
        process.send_signal(signal.SIGCONT)


def test_who_waits_waits_once_and_nobody_after(frozen: Any) -> None:
    process, _, guarded = frozen
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(redis.TimeoutError):
        guarded.client.get("a")
    calls = [
        lambda: guarded.client.get("a"),
        lambda: guarded.client.publish("x", b"y"),
        lambda: guarded.client.pipeline().zadd("z", {"a": 1}).execute(),
        lambda: guarded.client.smembers("s"),
    ]
    for call in calls * 100:
        with pytest.raises(redis_breaker.Away):
            call()


def _looking() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "redis-breaker"}


def test_many_who_wait_at_once_look_once(frozen: Any) -> None:
    process, port, guarded = frozen
    back: list[bool] = []
    guarded.when_back(lambda: back.append(guarded.lost))
    others = _looking()
    process.send_signal(signal.SIGSTOP)

    def ask() -> None:
        with pytest.raises(redis.RedisError):
            guarded.client.get("a")

    crowd = [threading.Thread(target=ask) for _ in range(20)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert len(_looking() - others) == 1
    process.send_signal(signal.SIGCONT)
    wait_until(lambda: back, "it is back")
    assert back == [False]
    assert guarded.client.get("a") == b"1"
    with redis.Redis(port=port) as other:
        assert other.info("commandstats").get("cmdstat_publish") is None  # nothing was asked that a thaw would repeat


def test_a_restart_is_no_outage(frozen: Any, tmp_path: Any) -> None:
    process, port, guarded = frozen
    process.kill()
    process.wait()
    with redis_server(port, tmp_path):
        assert guarded.client.set("b", 2)
        assert not guarded.lost


def test_counting_is_one_call(frozen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, port, guarded = frozen
    cache = EnduringRedisCache(f"redis://127.0.0.1:{port}/0", {})
    with pytest.raises(ValueError, match="not found"):
        cache.incr("counted")
    assert not guarded.client.exists(cache.make_key("counted"))
    cache.add("counted", 1, 100)
    sent = []
    send = redis.connection.Connection.send_command
    monkeypatch.setattr(
        redis.connection.Connection, "send_command", lambda self, *a, **options: (sent.append(a[0]), send(self, *a, **options))
    )
    assert (cache.incr("counted"), cache.incr("counted", 5), cache.incr("counted", -2)) == (2, 7, 5)
    assert sent == ["EVAL"] * 3
    assert cache.get("counted") == 5
    assert 0 < guarded.client.ttl(cache.make_key("counted")) <= 100


def test_a_cache_counts_on_while_redis_is_away(frozen: Any) -> None:
    process, port, _ = frozen
    cache = EnduringRedisCache(f"redis://127.0.0.1:{port}/0", {})
    cache.here.clear()
    assert cache.add("n", 1, 60)
    assert cache.incr("n") == 2
    process.kill()
    process.wait()
    assert cache.get("n") is None
    with pytest.raises(ValueError, match="n"):
        cache.incr("n")
    assert [cache.add("n", 1, 60), cache.add("n", 1, 60), cache.incr("n"), cache.get_many(["n", "m"])] == [
        True,
        False,
        2,
        {"n": 2},
    ]


def test_i01_with_limits_on_a_frozen_redis_holds_nobody_up_and_limits_hold(
    tmp_path: Any, transactional_db: None, client_user: Any
) -> None:
    port, access = free_port(), issue_pair(client_user)["access"]
    environment = {"REDIS_URL": f"redis://127.0.0.1:{port}/0", "THROTTLING": "on", "TASK_WORKER": "off"}
    with redis_server(port, tmp_path) as process, running_server(tmp_path / "server.log", **environment) as own:
        assert own.call("GET", "/api/profile/user/", access).status_code == 200
        process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        statuses = [own.call("GET", "/api/profile/user/", access).status_code for _ in range(40)]
        waited = time.monotonic() - began
        wrong = {"username": client_user.username, "password": "x"}
        guesses = [own.call("POST", "/api/auth/login/", **wrong).status_code for _ in range(6)]
        process.send_signal(signal.SIGCONT)
    assert statuses == [200] * 40
    assert guesses == [401] * 5 + [429]
    assert waited < 40 * redis_breaker.PATIENCE  # a wait for each request would be this and more
