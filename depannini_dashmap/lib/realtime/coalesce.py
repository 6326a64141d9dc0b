"""Less work for streams of values: the newest of one now and then, and those of many handled together."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from depannini_dashmap.lib.realtime.async_tasks import keep


class Coalesced:
    """Calls `emit(value)` at most once per `interval` seconds for each key; values in between are replaced."""

    __slots__ = ("_due", "_emit", "_interval", "_waiting")

    def __init__(self, interval: float, emit: Callable[[Any], None]):
        self._interval, self._emit = interval, emit
        self._waiting: dict[Any, Any] = {}
        self._due: dict[Any, asyncio.TimerHandle] = {}

    def put(self, value: Any, key: Any = None) -> None:
        """Emit now if the key was quiet, else keep the value until its turn."""
        if key in self._due:
            self._waiting[key] = value
        else:
            self._rest(key)
            self._emit(value)

    def flush(self) -> None:
        """Emit what waits, at once: the owner goes away."""
        for handle in self._due.values():
            handle.cancel()
        waiting, self._waiting, self._due = self._waiting, {}, {}
        for value in waiting.values():
            self._emit(value)

    def drop(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self.flush()

    def _rest(self, key: Any) -> None:
        self._due[key] = asyncio.get_running_loop().call_later(self._interval, self._next, key)

    def _next(self, key: Any) -> None:
        del self._due[key]
        if key in self._waiting:
            self._rest(key)
            self._emit(self._waiting.pop(key))


class Gathered:
    """Calls `handle` with what has come within `interval` seconds, once for all of it; of a key the newest value.

    What waits outlives its socket.
    """

    def __init__(self, interval: float, handle: Callable[[dict[Any, Any]], Awaitable[None]]):
        self._interval, self._handle = interval, handle
        self._waiting: dict[Any, Any] = {}

    def put(self, key: Any, value: Any = None) -> None:
        """Add a value."""
        if not self._waiting:
            keep(self._run())
        self._waiting[key] = value

    async def _run(self) -> None:
        await asyncio.sleep(self._interval)
        gathered, self._waiting = self._waiting, {}
        await self._handle(gathered)
