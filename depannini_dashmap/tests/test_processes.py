"""A process that is killed is noticed, and what it did not tell any more is read by everybody."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from depannini_dashmap.lib import deployment, hub, processes, realtime


def name_of(pid: int) -> str:
    return f"{processes._machine()}:{pid}:{processes._started(pid)}"


def test_a_process_lives_until_it_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        name = name_of(process.pid)
        assert not processes.is_dead(name, None)
    assert processes.is_dead(name, timezone.now())


def test_another_process_of_the_same_number_is_not_the_same() -> None:
    assert not processes.is_dead(processes.own_name(), None)
    assert processes.is_dead(f"{processes._machine()}:{os.getpid()}:1", timezone.now())


def test_processes_of_other_machines_have_a_lease() -> None:
    assert not processes.is_dead("elsewhere:1:1", timezone.now())
    assert processes.is_dead("elsewhere:1:1", timezone.now() - processes.LEASE - timedelta(seconds=1))


def test_without_redis_nobody_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "REDIS_URL", "")
    processes.enter()
    assert processes.bury_dead() == 0
    processes.leave()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    payloads: list[bytes] = []
    monkeypatch.setattr(processes, "LIST", "processes.test")
    monkeypatch.setattr(realtime, "send_from_thread", payloads.append)
    client: Any = processes._client()
    yield payloads
    client.delete(deployment.named(processes.LIST))


@pytest.mark.postgres
def test_g10_a_sudden_death_has_all_sockets_read_again_once(told: list[bytes]) -> None:
    client: Any = processes._client()
    client.sadd(deployment.named(processes.LIST), f"{processes._machine()}:{os.getpid()}:1", "elsewhere:1:1")
    processes.enter()
    assert processes.bury_dead() == 1
    assert processes.bury_dead() == 0
    assert told == [hub.RESYNC]
    assert {name.decode() for name in client.smembers(deployment.named(processes.LIST))} == {"elsewhere:1:1", processes.own_name()}
    processes.leave()
    assert {name.decode() for name in client.smembers(deployment.named(processes.LIST))} == {"elsewhere:1:1"}
