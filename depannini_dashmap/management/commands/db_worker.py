"""`manage.py db_worker`: run the tasks in a process of their own, where the server has TASK_WORKER=off."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from depannini_dashmap import nightly
from depannini_dashmap.lib import processes
from depannini_dashmap.lib.worker import POLL_EVERY, Worker


class Command(BaseCommand):
    """Runs until SIGTERM or Ctrl-C, then finishes the task at hand."""

    help = "Run the tasks that wait in the database (mail, SMS, waves of offers)"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the interval and the batch mode."""
        parser.add_argument("--interval", type=float, default=POLL_EVERY, help="seconds between looks when idle")
        parser.add_argument("--batch", action="store_true", help="run what is due now, then exit")

    def handle(self, *, interval: float, batch: bool, **options: Any) -> None:
        """Work."""
        worker = Worker(poll_every=interval)
        if batch:
            self.stdout.write(f"{worker.drain()} tasks")
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop())
        self.stdout.write("Working - Ctrl-C stops")
        self.stdout.flush()
        processes.enter()
        nightly.start()
        worker.run()
        processes.leave()
