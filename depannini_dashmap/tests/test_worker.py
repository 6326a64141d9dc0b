"""The task worker: retries with growing delays, parks, takes over, sleeps through outages."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from accounts import messages, tasks
from accounts.models import Notice, VerificationCode
from assistance.task_queueing import plan_expiry, plan_wave
from depannini_dashmap.lib.ops import process_registry, worker
from depannini_dashmap.lib.ops.worker import Worker

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
    host = process_registry.own_name().split(":")[0]
    rows.update(status="RUNNING", started_at=timezone.now(), worker_ids=[process_registry.own_name()])
    assert Worker().drain() == 0  # that worker lives: it is this process
    rows.update(worker_ids=[f"{host}:1:0"])
    assert Worker().drain() == 1
    rows.update(status="RUNNING", started_at=timezone.now(), worker_ids=["elsewhere:1:0"])
    assert Worker().drain() == 0
    rows.update(started_at=timezone.now() - timedelta(minutes=11))
    assert Worker().drain() == 1
    assert ran == [3, 3]


def _code(channel: str) -> VerificationCode:
    now = timezone.now()
    return VerificationCode.objects.create(channel=channel, purpose="verify", address_key=channel, created_at=now)


def test_a_backlog_is_taken_by_how_urgent_it_is(client_user: Any, monkeypatch: Any) -> None:
    def refuse(*_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(messages, "send_notice", refuse)
    for _ in range(2):
        refused = Notice.objects.create(user=client_user, kind="address_changed", channel="email", address=ADDRESS)
        tasks.deliver_notice.enqueue(refused.pk)
    Worker().drain()
    retries = list(DBTaskResult.objects.filter(status="READY").values_list("pk", flat=True))
    assert len(retries) == 2
    tasks.deliver_notice.enqueue(0)
    mail, phone = _code("email"), _code("phone")
    tasks.queue_code(mail)
    tasks.queue_code(phone)
    plan_wave(0, 2, timezone.now() - timedelta(hours=1))
    plan_expiry(0, timezone.now())
    DBTaskResult.objects.filter(task_path__endswith="expire_request").update(run_after=timezone.now())
    DBTaskResult.objects.filter(pk__in=retries).update(run_after=timezone.now() - timedelta(days=1))
    started = timezone.now()
    Worker().drain()
    taken = DBTaskResult.objects.filter(started_at__gte=started).order_by("started_at")
    assert [(row.task_path.rsplit(".")[-1], row.args_kwargs["args"][0]) for row in taken][:-2] == [
        ("send_wave", 0), ("expire_request", 0), ("deliver_code", phone.pk), ("deliver_code", mail.pk), ("deliver_notice", 0)
    ]
    assert {row.pk for row in taken[5:]} == set(retries)
    again = DBTaskResult.objects.filter(status="READY").values_list("priority", flat=True)
    assert list(again) == [tasks.NOTICE_PRIORITY - worker.PRIORITY_STEP] * 2


def test_enqueuing_wakes_the_worker_only_after_the_commit(db: None, django_capture_on_commit_callbacks: Any) -> None:
    thread = worker.WorkerThread(long_tasks=False)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            note.enqueue(1)
            assert not thread.worker.wake.is_set()
        assert thread.worker.wake.is_set()
    finally:
        worker.task_enqueued.disconnect(dispatch_uid="task-worker")


def test_long_tasks_have_a_worker_of_their_own(db):
    from django_tasks_db.models import DBTaskResult

    from accounts.tasks import deliver_code
    from depannini_dashmap.lib.ops.worker import LONG

    deliver_code.using(queue_name=LONG).enqueue(0)
    deliver_code.enqueue(0)
    assert Worker(long_tasks=False).drain() == 1
    assert [row.queue_name for row in DBTaskResult.objects.ready()] == [LONG]
    assert Worker(long_tasks=True).drain() == 1
