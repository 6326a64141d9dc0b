"""What servers need around them: variables, a folder for mails, texts, photos and logs, and databases of their own."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg2

from testing.databases import PostgresServer, RedisServer, execute
from testing.process_control import memory_mb, stop_all
from testing.servers import ROOT, Server, serve_command, start_server
from testing.waiting import wait_until


class Environment:
    """Servers over one PostgreSQL database and one Redis; `tree` is the folder whose code they run."""

    serve_module = "manage"

    def __init__(self, database_url: str, redis_url: str, **variables: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dashmap-"))
        self.folder.chmod(0o755)  # a PostgreSQL of its own runs as another user
        self.tree = ROOT
        self.database_url = database_url
        self.processes: dict[str, subprocess.Popen] = {}
        self.urls: list[str] = []
        self.http_clients: list[httpx.Client] = []
        self.secrets: set[str] = set()  # every credential that was given to anybody
        self.mail, self.sms = self.folder / "mail", self.folder / "sms"
        for name in ("mail", "sms", "media"):
            (self.folder / name).mkdir()
        self.variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))},
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": secrets.token_urlsafe(48),
            "ENV_FILE": str(self.folder / "none.env"),
            "THROTTLING": "off",
            "EMAIL_URL": f"filemail://{self.mail}",
            "SMS_URL": f"file://{self.sms}",
            "MEDIA_ROOT": str(self.folder / "media"),
            **variables,
        }

    # --- Servers ------------------------------------------------------------------------------------------------------
    def start_server(self, name: str = "", **variables: str) -> str:
        """Start one more server and return its base URL; its process is kept under its name, else its URL."""
        label = name or str(len(list(self.folder.glob("server-*.log"))))
        server: Server = start_server(
            partial(serve_command, module=self.serve_module), environment={**self.variables, **variables},
            log=self.folder / f"server-{label}.log", tree=self.tree, ready="/readyz",
        )  # fmt: skip
        self.processes[name or server.url] = server.process
        return server.url

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one process."""
        self.processes[name].send_signal(number)

    def stop(self, names: Iterable[str] | None = None) -> None:
        """Stop all processes or those named, in the order of their start; each server holds connections of PostgreSQL."""
        stop_all([self.processes.pop(name) for name in (list(self.processes) if names is None else names)])

    def close(self) -> None:
        """Stop everything and remove the folder."""
        for client in self.http_clients:
            client.close()
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def memory_mb(self, name: str) -> float:
        """Return a process's resident memory in MB."""
        return memory_mb(self.processes[name])

    def logs(self) -> str:
        """Return everything that the servers have logged."""
        return "".join(path.read_text(errors="replace") for path in self.folder.glob("server-*.log"))

    # --- The project --------------------------------------------------------------------------------------------------
    def manage(self, *words: str) -> str:
        """Run a command of `manage.py` and return what it prints. Raises: RuntimeError with its errors if it fails."""
        done = subprocess.run([sys.executable, "manage.py", *words], cwd=self.tree, env=self.variables, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        return done.stdout

    def python(self, code: str) -> str:
        """Run a few lines inside the project, for what no API offers, and return what they print."""
        return self.manage("shell", "-v0", "-c", code).strip()

    # --- The database -------------------------------------------------------------------------------------------------
    def rows(self, statement: str, parameters: Iterable[Any] = ()) -> list[tuple]:
        """Return the rows of one query."""
        return execute(self.database_url, statement, parameters)

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """Yield the cursor of another session's transaction, which keeps its locks until the block ends."""
        with closing(psycopg2.connect(self.database_url)) as connection, connection.cursor() as cursor:
            yield cursor

    # --- Messages -----------------------------------------------------------------------------------------------------
    def messages(self, folder: Path, needle: str) -> list[str]:
        """Return the stored mails or texts that contain `needle`, oldest first."""
        # A hidden file is a text that is still being written: it is renamed as soon as it is whole.
        whole = (path for path in folder.rglob("*") if not path.name.startswith(".") and path.is_file())
        paths = sorted(whole, key=lambda path: path.stat().st_mtime_ns)
        # Django's file of mails may hold several of one second, separated by a line.
        texts = (text.lstrip() for path in paths for text in path.read_text(errors="replace").split(f"\n{'-' * 79}\n"))
        return [text for text in texts if needle in text]

    def code_for(self, address: str, after: int = 0) -> str:
        """Wait for the message number `after` (from 0) to an address and return its six digits."""
        folder = self.sms if address.startswith("+") else self.mail

        def codes() -> list[str]:
            bodies = (text.split("\n\n", 1)[-1] for text in self.messages(folder, address))
            return [match[1] for body in bodies if (match := re.search(r"(?<!\d)(\d{6})(?!\d)", body))]

        return wait_until(lambda: codes()[after:], f"a code for {address}", 15)[0]


class IsolatedEnvironment(Environment):
    """An environment with a PostgreSQL and a Redis of its own, which may be stopped, frozen and killed; a context manager."""

    DATABASE = "drill"

    def __init__(self, **variables: str) -> None:
        super().__init__("", "", PRUNE_AT="off", **variables)
        self.postgres = PostgresServer(self.folder)
        self.redis = RedisServer(self.folder)
        self.database_url = self.postgres.url(self.DATABASE)
        self.variables |= {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis.url}
        self.processes["redis"] = self.redis.process

    def __enter__(self) -> IsolatedEnvironment:
        try:
            self.start_postgres()
            self.postgres.create(self.DATABASE)
            self.manage("migrate", "-v0")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stop(self, names: Iterable[str] | None = None) -> None:
        """Stop all processes or those named; databases after the servers that use them."""
        chosen = list(self.processes) if names is None else list(names)
        super().stop(sorted(chosen, key=lambda name: name in ("postgres", "redis")))

    def start_postgres(self) -> None:
        """Start PostgreSQL and wait until it accepts queries."""
        self.processes["postgres"] = self.postgres.start()

    def start_redis(self) -> None:
        """Restart Redis, empty."""
        self.processes["redis"] = self.redis.start()

    def freeze_postgres(self, number: signal.Signals) -> None:
        """Stop or continue PostgreSQL with all its backends."""
        self.postgres.signal(number)

    def rows_of(self, database: str, statement: str) -> list[tuple]:
        """Return the rows of one query in any database of the environment."""
        return execute(self.postgres.url(database), statement)


class MemoryGrowth:
    """By how much the resident memory of processes has grown since this was made, to be printed."""

    def __init__(self, environment: Environment, *names: str) -> None:
        self.environment, self.before = environment, {name: environment.memory_mb(name) for name in names}

    def __str__(self) -> str:
        return ", ".join(f"{name} {self.environment.memory_mb(name) - before:+.1f}" for name, before in self.before.items())
