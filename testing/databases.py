"""PostgreSQL and Redis of one's own: a database on a server that is there, or whole servers that may be broken."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from testing.ports import free_port, is_listening
from testing.process_control import signal_with_children
from testing.waiting import wait_until


def execute(url: str, statement: str, parameters: Iterable[Any] = ()) -> list[tuple]:
    """Run one statement in a PostgreSQL database, in a transaction of its own, and return its rows."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, tuple(parameters) or None)
            return cursor.fetchall() if cursor.description else []


def sibling(url: str, name: str) -> str:
    """Return the URL of another database of the same PostgreSQL."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def commit_without_waiting(url: str) -> None:
    """Let no commit of later connections to a PostgreSQL database wait for the disk; for tests that ask nothing about crashes."""
    if url.startswith("postgres"):
        execute(url, f'ALTER DATABASE "{urlsplit(url).path[1:]}" SET synchronous_commit = off')


TO_COPY = "DATABASE_TO_COPY"


@contextmanager
def own_database(url: str, prefix: str = "own", copy_of: str = "") -> Iterator[str]:
    """Yield the URL of a database of one's own, which is dropped at the end.

    It is on the PostgreSQL of the given URL, else a SQLite file; empty, or a copy of the database of the URL `copy_of`,
    to which nobody may be connected meanwhile. DATABASE_TO_COPY in the environment names one for programs that others start.
    """
    copy_of = copy_of or os.environ.get(TO_COPY, "")
    if not url.startswith("postgres"):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/{prefix}.sqlite3"
            if copy_of:
                shutil.copy(copy_of.removeprefix("sqlite:///"), path)
            yield f"sqlite:///{path}"
        return
    name = f"{prefix}_{secrets.token_hex(6)}"
    template = f" TEMPLATE {urlsplit(copy_of).path[1:]}" if copy_of else ""
    with _exit_on_sigterm():
        execute(sibling(url, "postgres"), f"CREATE DATABASE {name}{template}")
        try:
            yield sibling(url, name)
        finally:
            execute(sibling(url, "postgres"), f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """Let a program that is terminated clean up, too."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class RedisServer:
    """A Redis without persistence, on a port of its own; `options` are more of redis-server's."""

    def __init__(self, folder: Path, port: int = 0, *options: str) -> None:
        self.folder, self.port, self.options = folder, port or free_port(), options
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process = self.start()

    def start(self) -> subprocess.Popen:
        """Start it, empty, and wait until it accepts connections."""
        command = [
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self.folder),
            *self.options,
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: is_listening(self.port), "Redis starts", 15)
        return self.process

    def kill(self) -> None:
        """Kill it, frozen or not, and wait for its end."""
        self.process.kill()
        self.process.wait()


@contextmanager
def redis_server(port: int, folder: Path) -> Iterator[subprocess.Popen]:
    """Run a Redis on a port until the block ends; yields its process."""
    server = RedisServer(folder, port)
    try:
        yield server.process
    finally:
        server.kill()


class SentinelServer:
    """A Sentinel that watches the primary `main` on a port of this machine, and takes it for dead after a second."""

    def __init__(self, folder: Path, primary: int, quorum: int = 1, *lines: str) -> None:
        self.port = free_port()
        file = folder / f"sentinel-{self.port}.conf"
        file.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor main 127.0.0.1 {primary} {quorum}\n"
            "sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\n" + "".join(f"{line}\n" for line in lines)
        )
        self.process = subprocess.Popen(["redis-server", str(file), "--sentinel"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: is_listening(self.port), "the Sentinel starts", 15)

    def kill(self) -> None:
        """Kill it and wait for its end."""
        self.process.kill()
        self.process.wait()


class PostgresServer:
    """A PostgreSQL with a data folder and a port of its own; run as root, it serves as the user postgres."""

    def __init__(self, folder: Path) -> None:
        self.data, self.port = folder / "postgres", free_port()
        self.process: subprocess.Popen | None = None
        self.data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.data, "postgres", "postgres")
        command = [str(postgres_programs() / "initdb"), "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(self._as_postgres(command), check=True, capture_output=True)

    @staticmethod
    def _as_postgres(command: list[str]) -> list[str]:
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command] if os.geteuid() == 0 else command

    def url(self, database: str = "postgres") -> str:
        """Return the URL of one of its databases."""
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> subprocess.Popen:
        """Start it and wait until it accepts queries."""
        command = [
            str(postgres_programs() / "postgres"), "-D", str(self.data), "-p", str(self.port),
            "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.data}",
        ]  # fmt: skip
        self.process = subprocess.Popen(self._as_postgres(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers, "PostgreSQL starts", 30)
        return self.process

    def _answers(self) -> bool:
        with suppress(psycopg2.OperationalError):
            return bool(execute(self.url(), "SELECT 1"))
        return False

    def create(self, database: str) -> None:
        """Create a database unless it is there."""
        if not execute(self.url(), "SELECT 1 FROM pg_database WHERE datname = %s", [database]):
            execute(self.url(), f'CREATE DATABASE "{database}"')

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to all its backends."""
        assert self.process is not None
        signal_with_children(self.process, number)


def postgres_programs() -> Path:
    """Return the folder with `initdb` and `postgres`. Raises: SystemExit where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        raise SystemExit("PostgreSQL's own programs are needed (Debian: apt-get install postgresql).")
    return found[-1].parent
