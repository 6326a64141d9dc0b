"""Waits for what another process or thread does, up to a limit; nothing sleeps for a fixed time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 10.0


def wait_until(condition: Callable[[], Any], what: str = "the condition holds", seconds: float = PATIENCE_S) -> Any:
    """Return the condition's first true value. Raises: AssertionError when the time is up."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return value


async def wait_until_async(condition: Callable[[], Any], seconds: float = PATIENCE_S) -> None:
    """Wait in an event loop. Raises: TimeoutError when the time is up."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def seconds_until(condition: Callable[[], Any], at_most: float) -> float:
    """Return after how many seconds the condition held; `at_most` or a little more if it never did."""
    started = time.monotonic()
    while not condition() and time.monotonic() - started < at_most:
        time.sleep(0.1)
    return time.monotonic() - started
