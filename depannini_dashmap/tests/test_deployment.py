"""Two deployments on one Redis share neither events nor counters, and the doctor names them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.cache import cache

from depannini_dashmap.lib.ops import process_registry, redis_keys
from depannini_dashmap.lib.realtime import subscriptions
from depannini_dashmap.operations.doctor import examine

ROOT = Path(__file__).resolve().parents[2]
OTHER_KEY = "another-deployment-has-a-secret-of-its-own-0123456789"
SPEAK = """
import django; django.setup()
from django.core.cache import cache
from depannini_dashmap.lib.ops import process_registry
from depannini_dashmap.lib.realtime import layer
from depannini_dashmap.lib.realtime.connection_limit import Connection
cache.set("shared", "theirs", 60)
Connection(7).enter()
process_registry.enter()
layer.publish_now("trips.7", {"type": "position", "from": "%s"})
"""


def speak(word: str, **environment: str) -> None:
    """Have another process keep a value, hold a socket, enter the list and publish."""
    # The number of a worker of this run is in REDIS_URL already.
    own = {name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"}
    given = {**own, "DJANGO_SETTINGS_MODULE": "depannini_dashmap.settings_test", **environment}
    subprocess.run([sys.executable, "-c", SPEAK % word], cwd=ROOT, env=given, check=True, timeout=60)


@pytest.fixture
def client(settings: Any) -> Any:
    """A plain client of the Redis under test, cleared of what the other deployment leaves."""
    with redis.Redis.from_url(settings.REDIS_URL) as plain:
        yield plain
        for key in plain.scan_iter("dashmap.*"):
            plain.delete(key)


@pytest.mark.postgres
@pytest.mark.parametrize("other", [{"SECRET_KEY": OTHER_KEY}, {"DEPLOYMENT": "staging"}])
def test_two_deployments_on_one_redis_share_nothing(settings: Any, client: Any, other: dict[str, str]) -> None:
    with client.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe(f"{subscriptions.channel(settings.REDIS_URL)}.trips.7")
        subscription.get_message(timeout=2)
        cache.set("shared", "ours", 60)
        before = set(client.scan_iter("*"))
        speak("stranger", **other)
        strange = set(client.scan_iter("*")) - before
        assert len(strange) >= 3, strange
        assert not [key for key in strange if key.decode().startswith(f"dashmap.{settings.DEPLOYMENT}.")]
        assert cache.get("shared") == "ours"
        speak("ourselves", DEPLOYMENT=settings.DEPLOYMENT)
        heard = next(message for _ in range(20) if (message := subscription.get_message(timeout=1)))
        assert b"ourselves" in heard["data"]
        assert cache.get("shared") == "theirs"


@pytest.mark.postgres
def test_the_doctor_names_strangers_and_an_older_release(settings: Any, client: Any) -> None:
    (alone,) = examine(["neighbours"])
    assert alone.level == "ok", alone
    client.sadd("dashmap.staging.processes", "elsewhere:1:1")
    (finding,) = examine(["neighbours"])
    assert finding.level == "doubtful"
    assert "staging" in finding.sentence
    client.delete("dashmap.staging.processes")
    with client.pubsub() as subscription:
        number = client.connection_pool.connection_kwargs.get("db", 0)
        subscription.subscribe(f"dashmap.{number}.events")
        subscription.get_message(timeout=2)
        (finding,) = examine(["neighbours"])
    assert "older release" in finding.sentence


def test_a_redis_that_says_nothing_is_not_called_empty(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    (finding,) = examine(["neighbours"])
    assert finding.level == "doubtful"


def test_names_hold_the_deployment(settings: Any) -> None:
    settings.DEPLOYMENT = "staging"
    assert redis_keys.named(process_registry.LIST) == "dashmap.staging.processes"


@pytest.mark.parametrize(("environment", "same"), [({}, True), ({"SECRET_KEY": OTHER_KEY}, False), ({"DATABASE_URL": "sqlite:////tmp/other.sqlite3"}, False)])
def test_one_secret_and_one_database_are_one_deployment(environment: dict[str, str], same: bool) -> None:
    given = {**os.environ, "SECRET_KEY": "one-deployment-has-a-secret-of-its-own-0123456789"}
    command = [sys.executable, "-c", "from depannini_dashmap import settings; print(settings.DEPLOYMENT)"]
    first, second = (
        subprocess.run(command, cwd=ROOT, env={**given, **more}, check=True, capture_output=True, text=True, timeout=60).stdout
        for more in ({}, environment)
    )
    assert (first == second) is same
