"""Being woken when a task is enqueued: PostgreSQL notifies who listens, in whichever process the task was made.

A trigger on the table of tasks says so (`migrations/0008_task_notices.py`). A worker listens on its own connection of Django,
so that a lost connection, once reopened, needs no further care. Through a pooler that shares connections
between transactions (`DATABASE_PREPARE=off`) nothing would arrive, so nobody listens.
"""

from __future__ import annotations

import os
import select
import weakref
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import connection

CHANNEL = "dashmap_tasks"
# The driver's listening connections; a closed one is removed by itself.
_listening: weakref.WeakSet[Any] = weakref.WeakSet()


class Wake:
    """An event that a thread can wait for together with its database connection."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            os.set_blocking(end, False)
            weakref.finalize(self, os.close, end)

    def set(self) -> None:
        """Wake who waits, or who will wait next."""
        with suppress(BlockingIOError):  # full: nobody has waited for long, and it is set
            os.write(self._write, b".")

    def is_set(self) -> bool:
        """Return whether a wait would end at once."""
        return _is_readable(0, self._read)

    def clear(self) -> None:
        """Let the next wait last."""
        with suppress(BlockingIOError):
            while os.read(self._read, 4096):
                pass

    def wait(self, seconds: float, *others: int) -> None:
        """Wait until it is set, or one of the `others` descriptors can be read, but no longer than so many seconds."""
        _is_readable(seconds, self._read, *others)


def _is_readable(seconds: float, *descriptors: int) -> bool:
    ready = select.poll()
    for descriptor in descriptors:
        ready.register(descriptor, select.POLLIN)
    return bool(ready.poll(max(seconds, 0) * 1000))


def can_listen() -> bool:
    """Return whether this database notifies who listens."""
    return connection.vendor == "postgresql" and bool(settings.DATABASE_PREPARE)


def listen() -> bool:
    """Listen on this thread's connection. Returns whether it did so before. Raises: DatabaseError."""
    connection.ensure_connection()
    if connection.connection in _listening:
        return True
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
    _listening.add(connection.connection)
    return False


def wait(wake: Wake, seconds: float) -> bool:
    """Wait for a notice on this thread's connection, or to be woken; for neither where a notice came before. Returns whether one of them came.

    Raises: DatabaseError when the connection is lost.
    """
    if _arrived():
        return True
    wake.wait(seconds, connection.connection.fileno())
    return _arrived() or wake.is_set()


def _arrived() -> bool:
    """Take the notices that came. Returns whether there were any."""
    raw = connection.connection
    with connection.wrap_database_errors:
        raw.poll()
    came = bool(raw.notifies)
    del raw.notifies[:]
    return came
