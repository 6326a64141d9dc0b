"""A process that is killed is noticed, and everybody reads again what it did not publish any more."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from depannini_dashmap.lib.ops import process_registry, redis_keys
from depannini_dashmap.lib.realtime import redis_publisher
from depannini_dashmap.lib.realtime.subscriptions import RESYNC, Message


def name_of(pid: int) -> str:
    return f"{process_registry._machine()}:{pid}:{process_registry._started(pid)}"


def test_a_process_lives_until_it_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        name = name_of(process.pid)
        assert not process_registry.is_dead(name, None)
    assert process_registry.is_dead(name, timezone.now())


def test_another_process_of_the_same_number_is_not_the_same() -> None:
    assert not process_registry.is_dead(process_registry.own_name(), None)
    assert process_registry.is_dead(f"{process_registry._machine()}:{os.getpid()}:1", timezone.now())


def test_processes_of_other_machines_have_a_lease() -> None:
    assert not process_registry.is_dead("elsewhere:1:1", timezone.now())
    assert process_registry.is_dead("elsewhere:1:1", timezone.now() - process_registry.LEASE - timedelta(seconds=1))


def test_without_redis_nobody_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "REDIS_URL", "")
    process_registry.enter()
    assert process_registry.bury_dead() == 0
    process_registry.leave()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Message]]:
    messages: list[Message] = []
    monkeypatch.setattr(process_registry, "LIST", "processes.test")
    monkeypatch.setattr(redis_publisher, "send", messages.extend)
    client: Any = process_registry._client()
    yield messages
    client.delete(redis_keys.named(process_registry.LIST))


@pytest.mark.postgres
def test_g10_a_sudden_death_has_all_sockets_read_again_once(sent: list[Message]) -> None:
    client: Any = process_registry._client()
    client.sadd(redis_keys.named(process_registry.LIST), f"{process_registry._machine()}:{os.getpid()}:1", "elsewhere:1:1")
    process_registry.enter()
    assert process_registry.bury_dead() == 1
    assert process_registry.bury_dead() == 0
    assert sent == [RESYNC]
    assert {name.decode() for name in client.smembers(redis_keys.named(process_registry.LIST))} == {"elsewhere:1:1", process_registry.own_name()}
    process_registry.leave()
    assert {name.decode() for name in client.smembers(redis_keys.named(process_registry.LIST))} == {"elsewhere:1:1"}
