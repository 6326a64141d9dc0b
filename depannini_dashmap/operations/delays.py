"""Has the running trips looked at, twice a minute, by one of the processes that run tasks."""

from functools import cache

from django.core.cache import cache as shared

from depannini_dashmap.lib.ops.periodic import PeriodicThread
from trips.services import delays

LOOK_EVERY = 30.0  # seconds


def look() -> bool:
    """Look, unless another process just did; return whether this call did. Two at once would say nothing twice."""
    if not shared.add("delays.looked", 1, timeout=LOOK_EVERY - 1):
        return False
    delays.look(actor=None)
    return True


@cache
def start() -> PeriodicThread:
    """Start this process's thread, once."""
    thread = PeriodicThread("delays", look, LOOK_EVERY)
    thread.start()
    return thread
