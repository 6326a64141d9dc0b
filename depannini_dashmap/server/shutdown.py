"""Whether this process has been told to stop."""

import threading

_told = threading.Event()


def begin() -> None:
    """Take this process out of readiness for good."""
    _told.set()


def is_stopping() -> bool:
    """Tell whether the process is on its way out."""
    return _told.is_set()
