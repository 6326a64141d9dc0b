"""Work next to the sockets of an event loop: database calls on a few threads, and tasks that nobody waits for."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from django.conf import settings
from django.db import close_old_connections

BACKGROUND: set[asyncio.Task] = set()  # what outlives its socket; a graceful stop waits for it
_running: set[asyncio.Task] = set()  # a loop alone does not keep its tasks alive


def spawn(work: Coroutine) -> asyncio.Task:
    """Start a task of a socket that is still open."""
    return _hold(work, _running)


def keep(work: Coroutine) -> asyncio.Task:
    """Start a task that outlives its socket."""
    return _hold(work, BACKGROUND)


async def in_thread(function: Callable, *arguments: Any, **named: Any) -> Any:
    """Run what reads or writes the database on one of this process's few socket threads."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), _call, function, arguments, named)


def leave_to_thread(function: Callable) -> None:
    """Have one of those threads run it some time; nobody waits."""
    _threads().submit(function)


def _hold(work: Coroutine, where: set[asyncio.Task]) -> asyncio.Task:
    task = asyncio.get_running_loop().create_task(work)
    where.add(task)
    task.add_done_callback(where.discard)
    return task


def _call(function: Callable, arguments: tuple, named: dict[str, Any]) -> Any:
    close_old_connections()
    try:
        return function(*arguments, **named)
    finally:
        close_old_connections()


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=settings.SOCKET_THREADS, thread_name_prefix="sockets")
