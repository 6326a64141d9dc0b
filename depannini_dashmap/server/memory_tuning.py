"""How a serving process keeps its memory: one heap for all threads, what is free given back, few searches for garbage."""

import ctypes
import gc

# Python's own 700 makes a long list pay for dozens of searches, each through all that it has built so far.
OBJECTS_BEFORE_A_SEARCH = 10_000
_M_ARENA_MAX = -8  # glibc's malloc.h; mallopt(3)
_libc = ctypes.CDLL(None)


def share_one_heap() -> None:
    """Have all threads take memory from one heap of the C library's; call it before the first thread is started.

    glibc gives threads heaps of their own, up to eight for each core. Each grows to its own busiest moment and returns
    little back, and Python's threads, which take turns anyway, gain nothing by it. Other C libraries are left alone.
    """
    mallopt = getattr(_libc, "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        gc.callbacks.append(_give_back)


def _give_back(phase: str, about: dict[str, int]) -> None:
    """Return to the system what a burst has left free in the midst of the heap; glibc itself does so at its end only."""
    if phase == "stop" and about["generation"] >= 1:
        _libc.malloc_trim(0)


def spare_what_stays() -> None:
    """Leave what is loaded now out of all later searches, and search less often; call it once, when all is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BEFORE_A_SEARCH, 10, 10)
