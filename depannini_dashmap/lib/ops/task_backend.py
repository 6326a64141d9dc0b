"""django-tasks' database backend, which writes a task's row and leaves its result to who asks for one: no request does."""

from __future__ import annotations

from typing import Any

from django.utils.functional import SimpleLazyObject
from django_tasks.signals import log_task_enqueued, task_enqueued
from django_tasks_db import backend

# It reads the whole result of each task for a line at DEBUG.
task_enqueued.disconnect(log_task_enqueued)


class DatabaseBackend(backend.DatabaseBackend):
    """Queues without validating a task again, which was validated when it was made, and without building results."""

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Write the row and return its result, which is built when it is looked at."""
        row = self._task_to_db_task(task, args, kwargs)
        result = SimpleLazyObject(lambda: row.task_result)
        task_enqueued.send(type(self), task_result=result)
        return result
