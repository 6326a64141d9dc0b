"""Queue a task by its dotted path.

A task calls the service whose flow queues it. Named by path, it is loaded when it is queued, so that services and tasks
need no import of each other.
"""

from datetime import datetime
from typing import Any

from django.utils.module_loading import import_string


def enqueue(path: str, *args: Any, run_after: datetime | None = None) -> None:
    """Queue `path`, such as `trips.tasks.solve_plan`, with JSON values; call it inside the transaction that needs it."""
    task = import_string(path)
    (task if run_after is None else task.using(run_after=run_after)).enqueue(*args)
