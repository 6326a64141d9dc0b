"""The road engine of a host: one OSRM on the loopback address, kept by one of our processes and used by all of them.

A lock in `ROADS_DIR` names the process that keeps it; however that process ends, the engine ends with it and another
process takes over. A file next to the lock holds its address. `ROUTING_URL` names another OSRM, and nothing is kept.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from django.conf import settings

from depannini_dashmap.lib.roads import data

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
LOOK_EVERY = 1.0  # seconds between two looks at the pointer, the engine and the lock
READY_WITHIN = 60.0  # seconds from the start to the first answer; a country's files are mapped, not read
FROZEN_AFTER = 3  # looks without an answer
GRACE = 2.0  # seconds that the engine of the previous build goes on, for requests in progress
RESOLVE_EVERY = 30.0
_MOST = ("--max-table-size", "1000", "--max-viaroute-size", "1000", "--max-matching-size", "1000")
# The engine must not outlive who keeps it: the kernel ends it (Linux's prctl 1, PR_SET_PDEATHSIG), even after a SIGKILL.
_CHILD = (
    "import ctypes, os, sys\n"
    "try: ctypes.CDLL(None).prctl(1, 15)\n"
    "except Exception: pass\n"
    "if os.getppid() != int(sys.argv[1]): sys.exit()\n"
    "os.execv(sys.argv[2], sys.argv[2:])"
)


@dataclass(frozen=True)
class Address:
    """Where an OSRM listens; `ip` is asked, so that no question waits for a name server."""

    host: str
    ip: str
    port: int
    is_tls: bool = False


@dataclass
class _Engine:
    process: subprocess.Popen[bytes]
    port: int
    build: str
    unanswered: int = 0


def address() -> Address | None:
    """Return where to ask for roads; None where nobody can say. Costs one look at a file, or none with `ROUTING_URL`."""
    if settings.ROUTING_URL:
        return None if settings.ROUTING_URL == "off" else _resolved(settings.ROUTING_URL, int(time.monotonic() // RESOLVE_EVERY))
    path = str(_where_file())
    try:
        changed = os.stat(path).st_mtime_ns  # noqa: PTH116 - asked for every question
    except OSError:
        return None
    return _read(path, changed)


@lru_cache(maxsize=4)
def _read(path: str, changed: int) -> Address | None:
    try:
        return Address(HOST, HOST, int(json.loads(Path(path).read_text())["port"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


@lru_cache(maxsize=2)
def _resolved(url: str, moment: int) -> Address | None:
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    port = parts.port or (443 if is_tls else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError as error:
        logger.warning("ROUTING_URL: the host is not found (%s)", type(error).__name__)
        return None
    return Address(parts.hostname or "", str(found[0][4][0]), port, is_tls)


def _where_file() -> Path:
    return data.root() / ".engine.json"


class Keeper(threading.Thread):
    """Keeps the host's engine, if no other process does: starts, watches, exchanges and ends it."""

    def __init__(self) -> None:
        super().__init__(name="road-engine", daemon=True)
        self._ended = threading.Event()
        self._lock: IO[str] | None = None
        self._engine: _Engine | None = None

    def run(self) -> None:
        """Look after the engine until `stop`."""
        while not self._ended.is_set():
            try:
                self._look()
            except Exception:
                logger.exception("The keeper of the road engine goes on after a bug")
            self._ended.wait(LOOK_EVERY)
        self._end()

    def stop(self) -> None:
        """End the engine, if it is kept here."""
        self._ended.set()
        if self.is_alive():
            self.join(GRACE + 1)

    def _look(self) -> None:
        found = _ready()
        if found is None:
            self._end()
            return
        program, base, build = found
        if not self._holds_lock():
            return
        kept = self._engine
        if kept is not None and kept.process.poll() is not None:
            logger.warning("The road engine ended with status %s: starting another", kept.process.returncode)
            self._engine = kept = None
        if kept is not None and kept.build == build:
            self._mind(kept)
        else:
            self._start(program, base, build, before=kept)

    def _holds_lock(self) -> bool:
        if self._lock is not None:
            return True
        lock = (data.root() / ".engine.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return False
        self._lock = lock
        return True

    def _start(self, program: Path, base: Path, build: str, *, before: _Engine | None) -> None:
        port = _free_port()
        process = _launch(program, base, HOST, port)
        started = _Engine(process, port, build)
        deadline = time.monotonic() + READY_WITHIN
        while not self._ended.is_set() and process.poll() is None and time.monotonic() < deadline:
            if _answers(port):
                self._engine = started
                _tell(started)
                logger.info("The road engine answers for the build %s", build)
                if before is not None:
                    self._ended.wait(GRACE)
                    _terminate(before.process)
                return
            self._ended.wait(0.05)
        _terminate(process)
        if not self._ended.is_set():
            logger.error("The road engine does not start with the build %s (status %s): straight lines", build, process.returncode)
            self._ended.wait(10 * LOOK_EVERY)

    def _mind(self, kept: _Engine) -> None:
        kept.unanswered = 0 if _answers(kept.port) else kept.unanswered + 1
        if kept.unanswered >= FROZEN_AFTER:
            logger.warning("The road engine is frozen: starting another")
            kept.process.kill()
            kept.process.wait()
            self._engine = None

    def _end(self) -> None:
        if self._engine is not None:
            _where_file().unlink(missing_ok=True)
            _terminate(self._engine.process)
            self._engine = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _launch(program: Path, base: Path, host: str, port: int) -> subprocess.Popen[bytes]:
    arguments = [str(program.resolve()), base.name, "-i", host, "-p", str(port), "--mmap", "-k", "60", "-t", str(min(os.cpu_count() or 2, 4))]
    command = [sys.executable, "-c", _CHILD, str(os.getpid()), *arguments, "-l", "ERROR", *_MOST]
    # From within its directory: OSRM takes ".osm" anywhere in a path for the end of a file's name.
    return subprocess.Popen(  # noqa: S603 - our own words
        command, cwd=base.parent, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def serve(host: str, port: int, ended: threading.Event) -> None:
    """Answer for roads to other hosts, always with the build in use, until `ended`: what a `ROUTING_URL` of ours names."""
    running: tuple[str, subprocess.Popen[bytes]] | None = None
    while not ended.is_set():
        found = _ready()
        if running is not None and (found is None or running[0] != found[2] or running[1].poll() is not None):
            _terminate(running[1])
            running = None
        if running is None and found is not None:
            program, base, build = found
            running = build, _launch(program, base, host, port)
            logger.info("The road engine serves the build %s on %s:%d", build, host, port)
        ended.wait(LOOK_EVERY)
    if running is not None:
        _terminate(running[1])


def _ready() -> tuple[Path, Path, str] | None:
    """Return the program, its files and the name of the build in use; None where something of it is missing."""
    if (build := data.current()) is None:  # looked at each second, so nothing else is searched for
        return None
    base, program = data.engine_files(build.directory / data.ENGINE_FILES), data.engine_program()
    return (program, base, build.name) if base and program else None


def _tell(started: _Engine) -> None:
    beside = _where_file().with_suffix(".new")
    beside.write_text(json.dumps({"port": started.port, "pid": started.process.pid, "build": started.build}))
    beside.replace(_where_file())


def _answers(port: int) -> bool:
    """Return whether an OSRM answers, with any answer."""
    try:
        with socket.create_connection((HOST, port), timeout=1.0) as line:
            line.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return line.recv(4) == b"HTTP"
    except OSError:
        return False


def _terminate(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


_keeper: Keeper | None = None


def start() -> Keeper | None:
    """Have this process keep the host's engine, or wait to; once. None with `ROUTING_URL`, which names another."""
    global _keeper
    if settings.ROUTING_URL:
        return None
    if _keeper is None:
        _keeper = Keeper()
        _keeper.start()
        atexit.register(_keeper.stop)
    return _keeper
