"""A PostgreSQL, a Redis and servers of a drill's own, on loopback in a temporary folder, and ways to break them."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg2

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def postgres_binaries() -> Path:
    """Return the folder with `initdb` and `postgres`. Raises: SystemExit where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        raise SystemExit("The drills need PostgreSQL's own programs (Debian: apt-get install postgresql).")
    return found[-1].parent


class NotRun(Exception):
    """A drill cannot be run here, which says nothing about what it tries; the text says why."""


class Rig:
    """Everything that a drill may break; `processes` by name."""

    def __init__(self, **environment: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dashmap-drill-"))
        self.folder.chmod(0o755)
        self.tree = ROOT  # whose code migrates and serves
        self.ports = {"postgres": free_port(), "redis": free_port()}
        self.processes: dict[str, subprocess.Popen] = {}
        self.urls: list[str] = []
        self.database_url = f"postgres://postgres@127.0.0.1:{self.ports['postgres']}/drill"
        self.environment = {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": f"redis://127.0.0.1:{self.ports['redis']}/0",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "ENV_FILE": str(self.folder / "none"),
            "THROTTLING": "off",
            "PRUNE_AT": "off",
            "EMAIL_URL": f"filemail://{self.folder}/mail",
            "SMS_URL": f"file://{self.folder}/sms",
            "MEDIA_ROOT": str(self.folder / "media"),
            **environment,
        }
        for name in ("mail", "sms", "media"):
            (self.folder / name).mkdir()

    def __enter__(self) -> Rig:
        try:
            self._init_postgres()
            self.start_postgres()
            self.start_redis()
            done = subprocess.run(
                [sys.executable, "manage.py", "migrate", "-v0"], cwd=self.tree, env=self.environment, capture_output=True, text=True
            )
            if done.returncode:
                raise SystemExit(done.stderr)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- Databases --------------------------------------------------------------------------------------------------------
    def _as_postgres(self, command: list[str]) -> list[str]:
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command] if os.geteuid() == 0 else command

    def _init_postgres(self) -> None:
        data = self.folder / "postgres"
        data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(data, "postgres", "postgres")
        command = [str(postgres_binaries() / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(self._as_postgres(command), check=True, capture_output=True)

    def start_postgres(self) -> None:
        """Start the database server and wait until it takes connections."""
        command = [
            str(postgres_binaries() / "postgres"), "-D", str(self.folder / "postgres"), "-p", str(self.ports["postgres"]),
            "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder / 'postgres'}",
        ]  # fmt: skip
        self.processes["postgres"] = subprocess.Popen(self._as_postgres(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            try:
                connection = psycopg2.connect(f"postgres://postgres@127.0.0.1:{self.ports['postgres']}/postgres", connect_timeout=1)
                break
            except psycopg2.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = 'drill'")
            if not cursor.fetchone():
                cursor.execute("CREATE DATABASE drill")
        connection.close()

    def start_redis(self) -> None:
        """Start Redis, empty, and wait until it answers."""
        command = ["redis-server", "--port", str(self.ports["redis"]), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        self.processes["redis"] = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_for_port("redis")

    def wait_for_port(self, name: str) -> None:
        """Wait until somebody listens on a database's port."""
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.ports[name]), timeout=1):
                return
            time.sleep(0.02)
        raise SystemExit(f"{name} did not start")

    def rows(self, statement: str) -> list[tuple]:
        """Return the rows of one query."""
        return self.rows_of("drill", statement)

    def rows_of(self, database: str, statement: str) -> list[tuple]:
        """Return the rows of one query in any database of the rig."""
        connection = psycopg2.connect(f"postgres://postgres@127.0.0.1:{self.ports['postgres']}/{database}")
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    # --- Servers ------------------------------------------------------------------------------------------------------------
    def start_server(self, name: str, **environment: str) -> str:
        """Start one server and return its base URL; the name is that of its process."""
        port = free_port()
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--host", "127.0.0.1", "--port", str(port)],
            cwd=self.tree, env={**self.environment, **environment}, stdout=log, stderr=log,
        )  # fmt: skip
        log.close()
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{url}/readyz", timeout=2).status_code == 200:
                    self.urls.append(url)
                    return url
            time.sleep(0.1)
        raise SystemExit((self.folder / f"{name}.log").read_text()[-3000:])

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one process of the rig."""
        self.processes[name].send_signal(number)

    def freeze_postgres(self, number: signal.Signals) -> None:
        """Stop or continue the database server with all its backends."""
        parent = self.processes["postgres"].pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for pid in [parent, *map(int, children)]:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def memory_mb(self, name: str) -> float:
        """Return a process's resident memory in MB."""
        for line in Path(f"/proc/{self.processes[name].pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0.0


class Growth:
    """By how much the resident memory of servers has grown since this was made, to be printed."""

    def __init__(self, rig: Rig, *names: str) -> None:
        self.rig, self.before = rig, {name: rig.memory_mb(name) for name in names}

    def __str__(self) -> str:
        return ", ".join(f"{name} {self.rig.memory_mb(name) - before:+.1f}" for name, before in self.before.items())
