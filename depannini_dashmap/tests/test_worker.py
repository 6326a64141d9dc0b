"""The task worker: retries with growing delays, parks, takes over, sleeps through outages."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from depannini_dashmap.lib import processes, worker
from depannini_dashmap.lib.worker import Worker

ADDRESS = "@".join(["secret", "example.com"])
ran: list[int] = []


@task
def note(number: int) -> None:
    """Run once, unless the number is bad."""
    ran.append(number)
    if number < 0:
        raise ConnectionError(f"{ADDRESS} refused")


@pytest.fixture(autouse=True)
def _forget() -> None:
    ran.clear()


def make_due() -> None:
    """Let the delays pass."""
    DBTaskResult.objects.filter(status="READY").update(run_after=timezone.now() - timedelta(seconds=1))


def test_runs_what_is_due(db: None) -> None:
    note.enqueue(1)
    note.using(run_after=timezone.now() + timedelta(hours=1)).enqueue(2)
    assert Worker().drain() == 1
    assert ran == [1]
    assert sorted(DBTaskResult.objects.values_list("status", flat=True)) == ["READY", "SUCCESSFUL"]


def test_i12_a_poison_task_is_parked_after_ten_growing_delays(db: None) -> None:
    note.enqueue(-1)
    note.enqueue(5)
    delays = []
    for _ in range(10):
        Worker().drain()
        row = DBTaskResult.objects.get(task_path__endswith="note", args_kwargs__args=[-1])
        if row.status == "READY":
            delays.append(round((row.run_after - timezone.now()).total_seconds()))
        make_due()
    assert delays == sorted(delays) and len(set(delays)) > 5 and len(delays) == 9
    assert ran.count(-1) == 10 and ran.count(5) == 1
    assert row.status == "FAILED"
    assert ADDRESS not in row.traceback
    make_due()
    assert Worker().drain() == 0


def test_a_task_of_a_dead_worker_is_taken_over(db: None) -> None:
    result = note.enqueue(3)
    rows = DBTaskResult.objects.filter(pk=result.id)
    host = processes.own_name().split(":")[0]
    rows.update(status="RUNNING", started_at=timezone.now(), worker_ids=[processes.own_name()])
    assert Worker().drain() == 0  # that worker lives: it is this process
    rows.update(worker_ids=[f"{host}:1:0"])
    assert Worker().drain() == 1
    rows.update(status="RUNNING", started_at=timezone.now(), worker_ids=["elsewhere:1:0"])
    assert Worker().drain() == 0
    rows.update(started_at=timezone.now() - timedelta(minutes=11))
    assert Worker().drain() == 1
    assert ran == [3, 3]


def test_enqueuing_wakes_the_worker_only_after_the_commit(db: None, django_capture_on_commit_callbacks: Any) -> None:
    thread = worker.WorkerThread()
    try:
        with django_capture_on_commit_callbacks(execute=True):
            note.enqueue(1)
            assert not thread.worker.wake.is_set()
        assert thread.worker.wake.is_set()
    finally:
        worker.task_enqueued.disconnect(dispatch_uid="task-worker")
