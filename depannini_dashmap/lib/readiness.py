"""Whether the database answers, asked so that a frozen one cannot hold up who asks."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TimedOut

from django.db import DatabaseError, connection

WITHIN = 1.0  # seconds

_asking = ThreadPoolExecutor(max_workers=1, thread_name_prefix="readiness")
_lock = threading.Lock()
_pending: Future[bool] | None = None


def database_answers(within: float = WITHIN) -> bool:
    """Tell whether a new connection answers within so many seconds.

    One question is under way at a time: while an earlier one still waits, the answer is no.
    """
    global _pending
    with _lock:
        if _pending is None or _pending.done():
            _pending = _asking.submit(_ask)
        question = _pending
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
