"""Notice a database that answers nobody, free the threads that wait for it, and keep others from waiting too.

A frozen PostgreSQL keeps its connections open without answering, so its clients wait until it recovers. One thread
asks `SELECT 1` on a connection of its own; only when that too stays without any answer are the connections of this
process cut, which ends each waiting call with an OperationalError, and none is opened until the server speaks again.
A slow query on a living server is nobody's business here.

Where DATABASE_URL names several hosts, a silent one is left for the next, and connections are cut until one of them takes
us: the primary may have died without a word, and another be promoted.
"""

import logging
import os
import select
import socket
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import psycopg2
from django.conf import settings
from django.db import OperationalError, connection
from psycopg2.extensions import POLL_OK, POLL_WRITE

from depannini_dashmap.lib.db import database_hosts

logger = logging.getLogger(__name__)

ASK_EVERY = 1.0  # seconds
SILENT_HOST = 2.0  # seconds that one of several hosts may take for a connection
LOOK_EVERY = 0.25  # seconds: silence is counted in looks, so that a process that did not run itself blames nobody

_frozen = threading.Event()
_lock = threading.RLock()  # re-entered when a connection is collected while it is held
_lines: set[socket.socket] = set()


class Watch(threading.Thread):
    """Asks the database again and again; `returned` is called, in this thread, once it speaks after an interruption."""

    def __init__(self, parameters: dict[str, Any], patience: float, returned: Callable[[], None]):
        super().__init__(name="database-watch", daemon=True)
        self._parameters = parameters
        self._are_several = database_hosts.are_several(parameters)
        self._patience = max(1, round(patience / LOOK_EVERY))
        self._returned = returned
        self._connection: Any = None
        self._looks = 0
        self._met_silence = False
        self._interrupted = False
        self._ended = threading.Event()

    def run(self) -> None:
        """Ask until `end`."""
        while not self._ended.wait(ASK_EVERY):
            try:
                self.ask()
            except Exception:
                logger.exception("The database could not be watched")
                self._drop()

    def end(self) -> None:
        """Stop asking."""
        self._ended.set()

    def ask(self) -> None:
        """Query once and wait for any answer; an error is an answer too, as other clients get it at once."""
        was_interrupted, self._looks, self._met_silence = self._interrupted, 0, False
        try:
            if self._connection is None:
                self._connect()
            cursor = self._connection.cursor()  # held until the answer is there
            cursor.execute("SELECT 1")
            self._wait(self._patience)
            cursor.close()
        except psycopg2.Error:
            self._interrupted = True
            self._drop()
            if self._met_silence:
                freeze()
            elif self._looks < self._patience:
                thaw()
            return
        thaw()
        # Logged at the second answer: statements sent before the outage have been carried out by then.
        self._interrupted = self._looks >= self._patience
        if was_interrupted and not self._interrupted:
            self._returned()

    def _connect(self) -> None:
        """Connect to the first host that takes us. Raises: psycopg2.Error of the last one."""
        *others, last = database_hosts.one_by_one(self._parameters)
        for parameters in others:
            with suppress(psycopg2.Error):
                return self._connect_to(parameters)
            self._drop()
        return self._connect_to(last)

    def _connect_to(self, parameters: dict[str, Any]) -> None:
        self._connection = psycopg2.connect(**parameters, async_=True)
        self._wait(round(SILENT_HOST / LOOK_EVERY))
        database_hosts.remember(self._connection)

    def _wait(self, looks: int) -> None:
        """Wait until the connection is through with what it does; where there are several hosts, for so many looks. Raises: psycopg2.Error."""
        until = self._looks + looks
        while (wish := self._connection.poll()) != POLL_OK and not self._ended.is_set():
            ready = select.poll()
            ready.register(self._connection.fileno(), select.POLLOUT if wish == POLL_WRITE else select.POLLIN)
            if ready.poll(LOOK_EVERY * 1000):
                continue
            self._looks += 1
            if self._looks == self._patience:
                freeze()
            if self._are_several and self._looks >= until:
                self._met_silence = True
                raise psycopg2.OperationalError("This host is silent")

    def _drop(self) -> None:
        with suppress(Exception):
            self._connection.close()
        self._connection = None


def freeze() -> None:
    """Cut every connection that is watched over and refuse new ones."""
    if not _frozen.is_set():
        logger.error("The database answers nobody: its connections are cut")
    _frozen.set()
    with _lock:
        lines = list(_lines)
    for line in lines:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


def thaw() -> None:
    """Allow connections again."""
    if _frozen.is_set():
        logger.warning("The database speaks again")
    _frozen.clear()


def is_frozen() -> bool:
    """Return whether the database answers nobody at present."""
    return _frozen.is_set()


def refuse_while_frozen() -> None:
    """Spare a caller the wait for a connection that will not come. Raises: OperationalError."""
    if _frozen.is_set():
        raise OperationalError("The database answers nobody at present")


def watch_over(psycopg_connection: Any) -> None:
    """Be able to cut a connection, from its opening until it is collected.

    A duplicate of its descriptor is kept: the number itself may belong to somebody else by the time of the cut.
    """
    line = socket.socket(fileno=os.dup(psycopg_connection.fileno()))
    with _lock:
        _lines.add(line)
    weakref.finalize(psycopg_connection, _forget, line).atexit = False


def _forget(line: socket.socket) -> None:
    with _lock:
        _lines.discard(line)
    line.close()


@cache
def start(returned: Callable[[], None] = lambda: None) -> Watch | None:
    """Watch this process's database from now on, once; None where it cannot freeze alone, or must not be watched."""
    if connection.vendor != "postgresql" or settings.DATABASE_PATIENCE <= 0:
        return None
    parameters = connection.get_connection_params()
    for unknown in ("cursor_factory", "connect_timeout"):
        parameters.pop(unknown, None)
    watch = Watch(parameters, settings.DATABASE_PATIENCE, returned)
    watch.start()
    return watch
