"""Publishing: after the commit, together, to the right sockets, and through a Redis that dies."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from django.db import transaction

from accounts.tokens import issue_pair
from depannini_dashmap.lib.realtime import layer, subscriptions
from depannini_dashmap.tests.server import Server, eventually, free_port, running


class Ear:
    """A member of a hub."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def deliver(self, event: subscriptions.Event) -> None:
        """Note it."""
        self.heard.append(event.text)

    def resync(self) -> None:
        """Note that too."""
        self.heard.append("resync")


@pytest.mark.django_db(transaction=True)
def test_events_of_one_transaction_leave_together_after_it() -> None:
    sent: list[bytes] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layer, "send_from_thread", sent.append)
        with transaction.atomic():
            layer.publish("a.1", {"type": "x", "n": 1})
            with pytest.raises(KeyError), transaction.atomic():
                layer.publish("a.1", {"type": "x", "n": 2})
                raise KeyError
            layer.publish("a.2", {"type": "x", "n": 3})
            assert sent == []
        assert sent == [b'a.1\tx\t{"type":"x","n":1}\na.2\tx\t{"type":"x","n":3}\n']
        with pytest.raises(KeyError), transaction.atomic():
            layer.publish("a.1", {"type": "x"})
            raise KeyError
        assert len(sent) == 1


@pytest.mark.django_db(transaction=True)
def test_hints_of_one_transaction_leave_once_and_survive_inner_rollbacks() -> None:
    with layer.captured() as heard:
        with transaction.atomic():
            with pytest.raises(KeyError), transaction.atomic():
                layer.hint("a.1", {"type": "x"})
                raise KeyError
            for _ in range(3):
                with transaction.atomic():
                    layer.hint("a.1", {"type": "x"})
            layer.hint("a.2", {"type": "x"})
            assert heard == []
        assert heard == [("a.1", {"type": "x"}), ("a.2", {"type": "x"})]
        with pytest.raises(KeyError), transaction.atomic():
            layer.hint("a.1", {"type": "x"})
            raise KeyError
        assert len(heard) == 2


@pytest.mark.django_db(transaction=True)
def test_gathered_hints_of_many_transactions_leave_once() -> None:
    with layer.captured() as heard:
        with layer.gathered_hints():
            for number in range(3):
                with transaction.atomic():
                    layer.hint("a.1", {"type": "x"})
                    layer.publish("a.1", {"type": "y", "n": number})
            assert [event["type"] for _, event in heard] == ["y", "y", "y"]
        assert [event["type"] for _, event in heard] == ["y", "y", "y", "x"]
        layer.hint("a.1", {"type": "x"})
        assert len(heard) == 5


@pytest.mark.parametrize("group", ["", "a b", "a\tb", "*", "a\n", "x" * 101])
def test_a_senseless_group_is_refused(group: str) -> None:
    with pytest.raises(ValueError, match="group"):
        layer.publish_now(group, {"type": "x"})


async def test_members_hear_their_groups_and_families() -> None:
    one, family = Ear(), Ear()
    here = subscriptions.of(asyncio.get_running_loop())
    here.join("fleet.company.1", one)
    here.join("fleet.company.*", family)
    here.dispatch(b'fleet.company.1\tx\t{"n":1}\nfleet.company.2\tx\t{"n":2}\nother.1\tx\t{}\n')
    assert (one.heard, family.heard) == (['{"n":1}'], ['{"n":1}', '{"n":2}'])
    here.leave("fleet.company.1", one)
    here.dispatch(b'fleet.company.1\tx\t{"n":3}\n')
    assert len(one.heard) == 1


async def test_a_thread_reaches_the_loop(settings: Any) -> None:
    settings.REDIS_URL = ""
    ear = Ear()
    subscriptions.of(asyncio.get_running_loop()).join("a.1", ear)
    await asyncio.to_thread(layer.publish_now, "a.1", {"type": "x"})
    while not ear.heard:
        await asyncio.sleep(0)
    assert ear.heard == ['{"type":"x"}']


@contextmanager
def redis_server(port: int, folder: Any) -> Iterator[subprocess.Popen]:
    """Run a Redis of one's own."""
    process = subprocess.Popen(
        [str(shutil.which("redis-server")), "--port", str(port), "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    try:
        with redis.Redis(port=port) as client:
            eventually(lambda: _pings(client), "Redis starts")
        yield process
    finally:
        process.kill()
        process.wait()


def _pings(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("redis-server"), reason="needs a redis-server to kill")
def test_g8_a_redis_that_dies_and_comes_back(tmp_path: Any, server: Server, staff_user: Any, client_user: Any) -> None:
    port, raw = free_port(), issue_pair(staff_user)["access"]
    place = {"pickup": {"lat": 36.7, "lng": 3.0}}
    environment = {"REDIS_URL": f"redis://127.0.0.1:{port}/0", "TASK_WORKER": "off"}
    with running(tmp_path / "server.log", **environment) as own:
        with redis_server(port, tmp_path) as first:
            client = own.socket("/ws/fleet/", raw)
            client.hear("connection_established")
            first.kill()
            first.wait()
            made = own.call("POST", "/api/assistance/request/", issue_pair(client_user)["access"], **place)
            assert made.status_code == 201
            job = made.json()["assistance"]["id"]
            assert client.hear("assistance", timeout=3)["assistance_id"] == job  # this process goes on by itself
        with redis_server(port, tmp_path):
            client.hear("connection_established", timeout=8)  # the state is shown again
            path = f"/api/assistance/update/{job}/"
            assert own.call("PATCH", path, issue_pair(client_user)["access"], status="canceled").status_code == 200
            assert client.hear("assistance", timeout=3)["status"] == "canceled"
        client.__exit__()
