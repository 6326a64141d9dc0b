"""Let the newest of a stream of values through now and then: the first at once, the last always."""

import asyncio
from collections.abc import Callable
from typing import Any


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
