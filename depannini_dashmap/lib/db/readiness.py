"""Whether the database answers and has its tables, asked so that a frozen one cannot hold up who asks."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TimedOut

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

WITHIN = 1.0  # seconds
MIGRATIONS_WITHIN = 5.0  # seconds: once, the migrations are read from their files

_asking = ThreadPoolExecutor(max_workers=1, thread_name_prefix="readiness")
_lock = threading.Lock()
_pending: dict[str, Future[bool]] = {}
_migrated = threading.Event()


def database_answers(within: float = WITHIN) -> bool:
    """Return whether a new connection answers within so many seconds.

    One question is under way at a time: while an earlier one still waits, the answer is no.
    """
    return _asked("database", _ask, within)


def is_migrated(within: float = MIGRATIONS_WITHIN) -> bool:
    """Return whether all migrations of this release have run; once they have, nobody is asked again."""
    if not _migrated.is_set() and _asked("migrations", _ask_migrations, within):
        _migrated.set()
    return _migrated.is_set()


def _asked(name: str, ask: Callable[[], bool], within: float) -> bool:
    with _lock:
        if name not in _pending or _pending[name].done():
            _pending[name] = _asking.submit(ask)
        question = _pending[name]
    try:
        return question.result(within)
    except TimedOut:
        return False


def _ask() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return True
    except DatabaseError:
        return False
    finally:
        connection.close()


def _ask_migrations() -> bool:
    try:
        executor = MigrationExecutor(connection)
        return not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return False
    finally:
        connection.close()
