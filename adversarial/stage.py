"""The stage of the hostile cases: a database and servers of their own on loopback."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg2

ROOT = Path(__file__).resolve().parent.parent
POSTGRES = os.environ.get("ADVERSARIAL_POSTGRES", "postgres://postgres@127.0.0.1:5432")
REDIS = os.environ.get("ADVERSARIAL_REDIS", "redis://127.0.0.1:6379/13")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stage:
    """Two servers without rate limits and one with them, over one database."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dashmap-adversarial-"))
        self.name = os.environ.get("ADVERSARIAL_DATABASE") or f"adversarial_{uuid.uuid4().hex[:10]}"
        self.processes: list[subprocess.Popen] = []
        self.held: list[Any] = []
        self.secrets: set[str] = set()  # every credential that anybody was given
        self.mail, self.sms = self.folder / "mail", self.folder / "sms"
        self.mail.mkdir()
        self.sms.mkdir()
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("DJANGO_", "PYTEST"))},
            "DATABASE_URL": f"{POSTGRES}/{self.name}",
            "REDIS_URL": REDIS,
            "SECRET_KEY": "adversarial-" + uuid.uuid4().hex + uuid.uuid4().hex,
            "ENV_FILE": str(self.folder / "none.env"),
            "EMAIL_URL": f"filemail://{self.mail}",
            "SMS_URL": f"file://{self.sms}",
            "MEDIA_ROOT": str(self.folder / "media"),
            "ALLOW_FAKE_DATA": "off",
            "THROTTLING": "off",
            "GOOGLE_CLIENT_IDS": "client-id.example",
            "JWT_ROTATE_REFRESH": "off",
        }
        self.unguarded = self.environment.get("UNGUARDED", "").split()
        self.urls: list[str] = []
        self.throttled_url = ""

    def raise_curtain(self) -> None:
        """Create the database and start the servers."""
        self._sql_outside(f'CREATE DATABASE "{self.name}"')
        self._manage("migrate", "--noinput", "-v0")
        for guard in self.unguarded:
            if guard.startswith("constraint:"):
                self._drop_constraint(guard.removeprefix("constraint:"))
        self.urls = [self.start(), self.start(TASK_WORKER="off")]
        self.throttled_url = self.start(THROTTLING="on", TASK_WORKER="off")

    def start(self, **environment: str) -> str:
        """Start one more server and return its base URL."""
        port = free_port()
        log = (self.folder / f"server-{port}.log").open("wb")
        module = "adversarial.unguarded" if self.unguarded else "manage"
        process = subprocess.Popen(
            [sys.executable, "-m", module, "serve", "--port", str(port)],
            cwd=ROOT,
            env={**self.environment, **environment},
            stdout=log,
            stderr=log,
        )
        self.processes.append(process)
        log.close()
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError((self.folder / f"server-{port}.log").read_text()[-3000:])
            try:
                if httpx.get(f"{url}/readyz", timeout=2).status_code == 200:
                    return url
            except httpx.HTTPError:
                time.sleep(0.1)
        raise RuntimeError(f"no answer from {url}")

    def end_servers(self, first: int = 0) -> None:
        """Stop the servers from the `first` one on, in the order of their start; each holds connections of PostgreSQL."""
        ending, self.processes[first:] = self.processes[first:], []
        for process in ending:
            process.terminate()
        for process in ending:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

    def lower_curtain(self) -> None:
        """Stop the servers and drop the database."""
        for client in self.held:
            client.close()
        self.end_servers()
        self._sql_outside(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')

    def _manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
        return done.stdout

    def python(self, code: str) -> str:
        """Run a few lines inside the project (for what no door offers: making staff) and return what they print."""
        return self._manage("shell", "-v0", "-c", code).strip()

    @staticmethod
    def _sql_outside(statement: str) -> None:
        connection = psycopg2.connect(f"{POSTGRES}/postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()

    def rows(self, statement: str, parameters: Iterable[Any] = ()) -> list[tuple]:
        """Return the rows of one query on the stage's database."""
        connection = psycopg2.connect(f"{POSTGRES}/{self.name}")
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, tuple(parameters))
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    @contextmanager
    def locking(self) -> Iterator[Any]:
        """Give the cursor of a transaction of somebody else's, who holds locks until the block ends."""
        connection = psycopg2.connect(f"{POSTGRES}/{self.name}")
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def _drop_constraint(self, name: str) -> None:
        """Drop a constraint, or the index that a partial one is."""
        tables = self.rows("SELECT conrelid::regclass::text FROM pg_constraint WHERE conname = %s", [name])
        self.rows(f'ALTER TABLE {tables[0][0]} DROP CONSTRAINT "{name}"' if tables else f'DROP INDEX "{name}"')

    def logs(self) -> str:
        """Return everything that the servers have logged."""
        return "".join(path.read_text(errors="replace") for path in self.folder.glob("server-*.log"))

    def messages(self, folder: Path, needle: str) -> list[str]:
        """Return the stored mails or texts that hold `needle`, oldest first."""
        # a hidden file is a text still being written: it is gone as soon as it is whole
        whole = (path for path in folder.rglob("*") if not path.name.startswith(".") and path.is_file())
        paths = sorted(whole, key=lambda path: path.stat().st_mtime_ns)
        # Django's file of mails may hold several of one second, parted by a line.
        texts = (text.lstrip() for path in paths for text in path.read_text(errors="replace").split(f"\n{'-' * 79}\n"))
        return [text for text in texts if needle in text]

    def code_for(self, address: str, after: int = 0) -> str:
        """Wait for the message number `after` (from 0) to an address and return its six digits."""
        folder = self.sms if address.startswith("+") else self.mail
        found: list[str] = []

        def arrived() -> bool:
            found[:] = [
                match.group(1)
                for text in self.messages(folder, address)
                if (match := re.search(r"(?<!\d)(\d{6})(?!\d)", text.split("\n\n", 1)[-1]))
            ]
            return len(found) > after

        wait_until(arrived, 15)
        return found[after]


def wait_until(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """Return the condition's first true value. Raises: AssertionError when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError("it never came")
        time.sleep(0.05)
