"""Has alarms raised and closed, six times a minute, by one of the processes that run tasks."""

from functools import cache

from django.core.cache import cache as shared

from alarms import services
from depannini_dashmap.lib.ops.periodic import PeriodicThread

LOOK_EVERY = 10.0  # seconds


def look() -> bool:
    """Look, unless another process just did; return whether this call did. Two at once would raise nothing twice."""
    if not shared.add("alarms.looked", 1, timeout=LOOK_EVERY - 1):
        return False
    services.look(actor=None)
    return True


@cache
def start() -> PeriodicThread:
    """Start this process's thread, once."""
    thread = PeriodicThread("alarms", look, LOOK_EVERY)
    thread.start()
    return thread
