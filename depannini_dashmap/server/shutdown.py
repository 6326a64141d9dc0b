"""The end of a serving process: whether it has begun, and how it comes although threads are stuck."""

import asyncio
import logging
import os
import threading
import time

from depannini_dashmap.lib.ops import process_registry, worker

LOOK_EVERY = 1.0  # seconds
PATIENCE = 2.0  # seconds for the task at hand

_begun = threading.Event()
_watch: threading.Thread | None = None


def begin() -> None:
    """Take this process out of readiness for good."""
    _begun.set()


def is_stopping() -> bool:
    """Return whether the process is about to end."""
    return _begun.is_set()


def leave() -> None:
    """End the process without waiting for threads that are stuck."""
    process_registry.leave()
    logging.shutdown()
    os._exit(0)


def leave_after(loop: asyncio.AbstractEventLoop) -> None:
    """End the process once this event loop, which serves, has ended; only the first call counts.

    Servers that cut running requests off leave threads behind that wait for the loop for ever, and Python for them.
    """
    global _watch
    if _watch is None:
        _watch = threading.Thread(target=_leave_after, args=(loop,), name="shutdown", daemon=True)
        _watch.start()


def _leave_after(loop: asyncio.AbstractEventLoop) -> None:
    while loop.is_running():
        time.sleep(LOOK_EVERY)
    begin()
    worker.stop(PATIENCE)
    leave()
