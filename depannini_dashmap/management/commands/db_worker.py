"""`manage.py db_worker`: run the tasks in a process of their own, where the server has TASK_WORKER=off."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from depannini_dashmap.lib.ops import process_registry
from depannini_dashmap.lib.ops.worker import POLL_EVERY, Worker, WorkerThread
from depannini_dashmap.operations import nightly, periodic_jobs


class Command(BaseCommand):
    """Runs until SIGTERM or Ctrl-C, then finishes the task at hand."""

    help = "Run the tasks that wait in the database (mail, SMS, waves of offers)"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the interval and the batch mode."""
        parser.add_argument("--interval", type=float, default=POLL_EVERY, help="seconds between looks when idle, where the database does not wake us")
        parser.add_argument("--batch", action="store_true", help="run what is due now, then exit")

    def handle(self, *, interval: float, batch: bool, **options: Any) -> None:
        """Work."""
        if batch:
            self.stdout.write(f"{Worker().drain()} tasks")
            return
        worker, beside = Worker(poll_every=interval, long_tasks=False), WorkerThread(long_tasks=True)

        def stop(*_: Any) -> None:
            worker.stop()
            beside.worker.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        self.stdout.write("Working - Ctrl-C stops")
        self.stdout.flush()
        process_registry.enter()
        nightly.start()
        periodic_jobs.start()
        beside.start()
        worker.run()
        beside.join()
        process_registry.leave()
