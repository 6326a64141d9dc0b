"""Workers are woken by PostgreSQL: for tasks of other processes, at the time of delayed ones, and after a lost connection."""

import os
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from depannini_dashmap.lib.ops import process_registry, task_notices, worker
from depannini_dashmap.lib.ops.task_notices import Wake
from depannini_dashmap.lib.ops.worker import Worker

WITHIN = 10.0  # seconds, on a machine with other work
ran: list[tuple[int, float]] = []


@task
def mark(number: int) -> None:
    """Note that it ran, and when."""
    ran.append((number, time.time()))


@pytest.fixture
def running(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """A worker in a thread of its own that looks for tasks once a minute by itself."""
    monkeypatch.setattr(worker, "TAKE_OVER_EVERY", 60.0)
    ran.clear()
    one = Worker(poll_every=60.0)
    thread = threading.Thread(target=one.run)
    thread.start()
    yield one
    one.stop()
    thread.join()


def has_run(*numbers: int) -> bool:
    """Wait until the tasks ran."""
    ends = time.monotonic() + WITHIN
    while [number for number, _ in ran] != list(numbers) and time.monotonic() < ends:
        time.sleep(0.01)
    return [number for number, _ in ran] == list(numbers)


def sleeps() -> int:
    """Return the process id of the session that listens, once it has nothing to do."""
    ends = time.monotonic() + WITHIN
    while time.monotonic() < ends:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND state = 'idle' AND query LIKE '%%django_tasks_database_dbtaskresult%%run_after%%'"
            )
            if row := cursor.fetchone():
                return int(row[0])
        time.sleep(0.01)
    raise AssertionError("the worker does not rest")


@pytest.mark.postgres
def test_a_task_of_another_connection_wakes_the_worker(running: Any) -> None:
    sleeps()
    mark.enqueue(1)
    assert has_run(1)


@pytest.mark.postgres
def test_a_delayed_task_starts_at_its_time(running: Any) -> None:
    sleeps()
    due = timezone.now() + timedelta(seconds=1.5)
    mark.using(run_after=due).enqueue(2)
    assert has_run(2)
    assert due.timestamp() <= ran[0][1] < due.timestamp() + 5


@pytest.mark.postgres
def test_a_task_that_is_made_due_wakes_the_worker(running: Any) -> None:
    mark.using(run_after=timezone.now() + timedelta(hours=1)).enqueue(3)
    sleeps()
    DBTaskResult.objects.update(run_after=timezone.now())
    assert has_run(3)


@pytest.mark.postgres
def test_a_worker_whose_connection_is_cut_listens_on_a_new_one(running: Any) -> None:
    before = sleeps()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [before])
    mark.enqueue(4)
    assert has_run(4)
    assert sleeps() != before
    mark.enqueue(5)
    assert has_run(4, 5)


@pytest.mark.postgres
def test_a_worker_that_rests_takes_over_what_a_dead_one_left(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks for tasks again once what it made due has woken it."""
    sleeps()
    monkeypatch.setattr(worker, "TAKE_OVER_EVERY", 0.2)
    running.wake.set()
    sleeps()
    name = process_registry.own_name()
    left = DBTaskResult.objects.get(pk=mark.using(run_after=timezone.now() + timedelta(hours=1)).enqueue(6).id)
    dead = [name.replace(f":{os.getpid()}:", ":999999999:")]
    DBTaskResult.objects.filter(pk=left.pk).update(status="RUNNING", run_after=timezone.now(), started_at=timezone.now(), worker_ids=dead)
    assert has_run(6)


@pytest.mark.postgres
def test_nobody_listens_through_a_pooler_of_transactions(settings: Any, db: None) -> None:
    assert task_notices.can_listen()
    settings.DATABASE_PREPARE = False
    assert not task_notices.can_listen()


def test_a_wake_is_kept_until_it_is_cleared() -> None:
    wake = Wake()
    assert not wake.is_set()
    for _ in range(100_000):  # more than a pipe holds
        wake.set()
    wake.wait(60)
    assert wake.is_set()
    wake.clear()
    assert not wake.is_set()
