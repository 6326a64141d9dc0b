"""Run the tasks that wait in the database: one thread inside the server, or `manage.py db_worker`.

A task that fails is retried with growing delays, behind new ones of its kind, and parked after ten tries. A task whose
worker died is taken over: at least once, never exactly once, so tasks must be safe to run twice. Tasks of the queue `long`
(a plan, a large import) take many seconds and have a thread of their own, so that no code waits for them.

The worker of django-tasks-db is not used: it has no retries, no take-over and no way to wait through an outage of the
database or to be woken by a commit, it sets signal handlers (impossible in a thread) and keeps a lock while it claims.
Its rows, its queryset (`ready`, by priority) and `enqueue` are.
"""

import logging
import threading
import time
import traceback
from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection, transaction
from django.dispatch import Signal
from django.utils import timezone
from django_tasks import TaskContext, TaskResultStatus
from django_tasks.signals import task_enqueued

from depannini_dashmap.lib.ops import process_registry, task_notices
from depannini_dashmap.lib.ops.task_notices import Wake

logger = logging.getLogger(__name__)

# A task was given up: `task_id`, `task_path` and its positional `arguments`.
task_parked = Signal()
# Seconds: how late a task of another process, or one that became due, may start without a notification of the database.
POLL_LONG_EVERY = 2.0
POLL_EVERY = 0.5
MAX_TRIES = 10
LONGEST_DELAY = 3600
LONGEST_REST = 60.0  # seconds
TAKE_OVER_EVERY = 5.0  # seconds between two looks for what dead processes have left undone
LONGEST_OUTAGE_DELAY = 3.0
LONG = "long"
# A first failure lowers the priority, so that a mail server that is slow to refuse delays nothing new of its kind.
PRIORITY_STEP = 30
LOWEST_PRIORITY = -100


def delay_before_retry(tries: int) -> timedelta:
    """Return the delay after the n-th failure: 2, 6, 18 … seconds, at most an hour."""
    return timedelta(seconds=min(2 * 3 ** (tries - 1), LONGEST_DELAY))


_here = threading.local()


def is_stopping() -> bool:
    """Return, to a long task between two of its transactions, whether its worker is stopping."""
    worker = getattr(_here, "worker", None)
    return worker is not None and worker.stopping.is_set()


class Worker:
    """Claim due tasks one after the other and run them in the calling thread.

    `long_tasks` says which: those of the queue `long` alone, all others, or (None) every task.
    """

    def __init__(self, *, poll_every: float = POLL_EVERY, long_tasks: bool | None = None):
        self.long_tasks = long_tasks
        self.worker_id = process_registry.own_name()
        self.poll_every = poll_every
        self.wake = Wake()
        self.stopping = threading.Event()
        self._looked_at = float("-inf")
        self._asked_at = timezone.now()

    def run(self) -> None:
        """Run tasks until `stop`, through outages of the database too."""
        outage_delay = 0.1
        while not self.stopping.is_set():
            try:
                close_old_connections()
                busy = self.run_next()
                outage_delay = 0.1
            except (DatabaseError, InterfaceError) as error:
                logger.warning("The task worker waits for the database: %s", type(error).__name__)
                connection.close()
                self.stopping.wait(outage_delay)
                outage_delay = min(outage_delay * 2, LONGEST_OUTAGE_DELAY)
                continue
            except Exception:
                logger.exception("The task worker goes on after a bug")
                self.stopping.wait(LONGEST_OUTAGE_DELAY)
                continue
            if not busy:
                self._rest()
        connection.close()

    def _rest(self) -> None:
        """Wait for the next task: until the database says that there is one, or the time that the first delayed one is due.

        Where the database cannot say so (SQLite, a pooler of transactions), look again after `poll_every`.
        """
        try:
            if not task_notices.can_listen():
                self.wake.wait(self.poll_every)
            elif task_notices.listen():  # tasks enqueued before are found by another query
                self._wait_until(time.monotonic() + self._seconds_until_due())
        except (DatabaseError, InterfaceError):
            connection.close()  # the next look says so, and waits
        self.wake.clear()

    def _wait_until(self, ends: float) -> None:
        """Wait for a notice, but not beyond a moment; meanwhile look for dead workers: what they left is made due, which is a notice."""
        while (rest := ends - time.monotonic()) > 0 and not self.stopping.is_set():
            until_look = rest if self.long_tasks else self._looked_at + TAKE_OVER_EVERY - time.monotonic()
            if task_notices.wait(self.wake, min(rest, until_look)):
                return
            self._look_for_dead()

    def _seconds_until_due(self) -> float:
        """Return how long nothing is due, as far as is known."""
        from django_tasks_db.models import get_date_max  # needs the app registry

        later = self._mine().filter(status=TaskResultStatus.READY, run_after__gt=self._asked_at, run_after__lt=get_date_max())
        due = later.order_by("run_after").values_list("run_after", flat=True).first()
        return min((due - timezone.now()).total_seconds(), LONGEST_REST) if due else LONGEST_REST

    def drain(self) -> int:
        """Run all due tasks and return their number."""
        ran = 0
        while self.run_next():
            ran += 1
        return ran

    def stop(self) -> None:
        """Stop after the running task."""
        self.stopping.set()
        self.wake.set()

    def run_next(self) -> bool:
        """Run one due task. Returns whether there was one."""
        self._look_for_dead()
        row = self._claim()
        if row is None:
            return False
        self._run(row)
        return True

    def _look_for_dead(self) -> None:
        """Take over what dead workers left, if it is time; one of the two workers of a process is enough, the tasks that it makes due wake the other."""
        if not self.long_tasks and time.monotonic() - self._looked_at >= TAKE_OVER_EVERY:
            self._take_over()
            self._looked_at = time.monotonic()

    def _claim(self) -> Any | None:
        """Take the next due row: the conditional update lets one worker win, without a lock held."""
        self._asked_at = timezone.now()
        for row in self._mine().ready()[:5]:
            tries = [*row.worker_ids, self.worker_id]
            taken = _rows().filter(pk=row.pk, status=TaskResultStatus.READY).update(
                status=TaskResultStatus.RUNNING, started_at=timezone.now(), worker_ids=tries
            )
            if taken:
                row.status, row.worker_ids = TaskResultStatus.RUNNING, tries
                return row
        return None

    def _mine(self) -> Any:
        """Return the tasks that this worker runs."""
        if self.long_tasks is None:
            return _rows().all()
        return _rows().filter(queue_name=LONG) if self.long_tasks else _rows().exclude(queue_name=LONG)

    def _run(self, row: Any) -> None:
        _here.worker = self
        try:
            task, result = row.task, row.task_result
            arguments = (TaskContext(task_result=result), *result.args) if task.takes_context else result.args
            task.call(*arguments, **result.kwargs)
        except Exception as error:
            _refresh_connection()
            self._until_stored(_fail, row, error)
        else:
            self._until_stored(_succeed, row)

    def _until_stored(self, store: Any, *arguments: Any) -> None:
        """Store the outcome, waiting for the database if need be; after `stop` another worker takes the task over."""
        while not self.stopping.is_set():
            try:
                return store(*arguments)
            except (DatabaseError, InterfaceError) as error:
                logger.warning("A task's outcome waits for the database: %s", type(error).__name__)
                _refresh_connection()
                self.stopping.wait(1.0)
        return None

    def _take_over(self) -> None:
        """Make the tasks of dead workers due again, and let clients reload what dead processes left unpublished."""
        process_registry.bury_dead()
        with connection.cursor() as cursor:  # by hand, as Django makes a query's SQL each time: that costs an idle process three times the answer
            cursor.execute("SELECT 1 FROM django_tasks_database_dbtaskresult WHERE status = 'RUNNING' LIMIT 1")
            if cursor.fetchone() is None:
                return
        running = _rows().filter(status=TaskResultStatus.RUNNING)
        for pk, worker_ids, started_at in running.order_by().values_list("pk", "worker_ids", "started_at"):
            if process_registry.is_dead(worker_ids[-1] if worker_ids else "", started_at):
                running.filter(pk=pk, started_at=started_at).update(status=TaskResultStatus.READY)
                logger.warning("Took over task %s of a dead worker", pk)


class WorkerThread(threading.Thread):
    """A worker inside the server; enqueuing in this process wakes it after the commit."""

    def __init__(self, *, long_tasks: bool) -> None:
        name = "long-task-worker" if long_tasks else "task-worker"
        super().__init__(name=name, daemon=True)
        self.worker = Worker(long_tasks=long_tasks, poll_every=POLL_LONG_EVERY if long_tasks else POLL_EVERY)
        task_enqueued.connect(self._enqueued, dispatch_uid=name)

    def run(self) -> None:
        """Work until `stop`."""
        self.worker.run()

    def stop(self, timeout: float) -> None:
        """Wait for the running task, for at most `timeout` seconds."""
        self.worker.stop()
        self.join(timeout)

    def _enqueued(self, **_: Any) -> None:
        transaction.on_commit(self.worker.wake.set, robust=True)


@cache
def start() -> tuple[WorkerThread, ...]:
    """Start this process's worker threads, once: one for what is quick, one for what takes long."""
    threads = tuple(WorkerThread(long_tasks=long_tasks) for long_tasks in (False, True))
    for thread in threads:
        thread.start()
    return threads


def stop(timeout: float) -> None:
    """End this process's worker threads, if it has some, after the current task; a longer task is taken over by another worker."""
    if not start.cache_info().currsize:
        return
    ends = time.monotonic() + timeout
    for thread in start():
        thread.worker.stop()
    for thread in start():
        thread.stop(max(ends - time.monotonic(), 0))


def should_run_here() -> bool:
    """Return whether this process's role includes the tasks."""
    return settings.TASK_WORKER and settings.SERVE in {"all", "http"}


def _refresh_connection() -> None:
    """Drop a connection that has seen errors and does not answer; inside a transaction it is the caller's."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def _rows() -> Any:
    from django_tasks_db.models import DBTaskResult  # needs the app registry

    return DBTaskResult.objects


def _succeed(row: Any) -> None:
    _store(row, status=TaskResultStatus.SUCCESSFUL, finished_at=timezone.now(), exception_class_path="")


def _fail(row: Any, error: Exception) -> None:
    """Make a failed task due later, or park it. The text of an error may name people, so only its kind is stored."""
    tries, kind = len(row.worker_ids), f"{type(error).__module__}.{type(error).__qualname__}"
    if tries >= MAX_TRIES:
        trace = "".join(traceback.format_tb(error.__traceback__))
        _store(
            row, status=TaskResultStatus.FAILED, finished_at=timezone.now(), exception_class_path=kind, traceback=trace
        )
        logger.error("Task %s failed %d times (%s) and is parked", row.task_path, tries, kind)
        _tell_parked(row)
        return
    delay = delay_before_retry(tries)
    priority = max(row.priority - PRIORITY_STEP, LOWEST_PRIORITY) if tries == 1 else row.priority
    _store(
        row, status=TaskResultStatus.READY, run_after=timezone.now() + delay, exception_class_path=kind, priority=priority
    )
    logger.warning("Task %s failed (try %d, %s), next in %d s", row.task_path, tries, kind, delay.total_seconds())


def _tell_parked(row: Any) -> None:
    told = task_parked.send_robust(None, task_id=str(row.pk), task_path=row.task_path, arguments=row.args_kwargs["args"])
    for receiver, answer in told:
        if isinstance(answer, Exception):
            logger.error("%s did not hear of task %s: %s", receiver, row.pk, type(answer).__name__)


def _store(row: Any, **values: Any) -> None:
    _rows().filter(pk=row.pk).update(**values)
