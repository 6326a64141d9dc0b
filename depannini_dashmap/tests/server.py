"""A real server on the test database, and clients for its REST and sockets: fixtures for tests over TCP.

Import `server` (and `redis_server_only` …) into a conftest or test module; the tests use `transactional_db`.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings
from django.db import connection
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

BASE_DIR = Path(__file__).resolve().parent.parent.parent
PATIENCE = 10.0


class Server:
    """One server process."""

    def __init__(
        self, command: list[str], port: int, environment: dict[str, str], log: Path, inherited: Sequence[int] = ()
    ):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=BASE_DIR, env=environment, stdout=output, stderr=subprocess.STDOUT, pass_fds=inherited
            )

    def wait_until_ready(self) -> None:
        """Return once requests are answered."""
        eventually(self._answers, "the server starts:\n" + self.output(), timeout=30)

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"the server ended:\n{self.output()}"
        try:
            return requests.get(f"{self.url}/healthz", timeout=2).status_code == 200
        except (requests.ConnectionError, requests.ReadTimeout):  # a port that was inherited listens before the process does
            return False

    def output(self) -> str:
        """Return what the process has written."""
        return self.log.read_text(errors="replace")

    def call(self, method: str, path: str, token: str = "", **body: Any) -> requests.Response:
        """Make one API call."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.request(method, self.url + path, json=body or None, headers=headers, timeout=PATIENCE)

    def socket(self, path: str, token: str = "", **options: Any) -> "Client":
        """Open a socket; `token` goes into the Authorization header.

        What it hears waits without a limit: over one, websockets reads nothing more, not even the end of a connection
        that the test is about to speak on, and holds that call for ten seconds.
        """
        options.setdefault("max_queue", None)
        if token:
            options.setdefault("additional_headers", {})["Authorization"] = f"Bearer {token}"
        return Client(connect(f"ws://127.0.0.1:{self.port}{path}", open_timeout=PATIENCE, **options))

    def stop(self, how: int = signal.SIGTERM) -> int:
        """End the process and return its status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Client:
    """A socket that speaks JSON and remembers what it heard."""

    def __init__(self, opening: Any):
        self._opening = opening
        self.connection: ClientConnection = opening.__enter__()
        self.heard: list[dict] = []

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._opening.__exit__(None, None, None)

    def say(self, frame: Any) -> None:
        """Send a frame: an object as JSON, text and bytes as they are."""
        self.connection.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    def hear(self, kind: str | None = None, timeout: float = PATIENCE, **keys: Any) -> dict:
        """Return the next frame, or the next of a type with these values; others are skipped but remembered."""
        end = time.monotonic() + timeout
        while True:
            frame = json.loads(self.connection.recv(timeout=max(0.01, end - time.monotonic())))
            self.heard.append(frame)
            if kind is None or (frame["type"] == kind and all(frame.get(k) == v for k, v in keys.items())):
                return frame

    def hear_close(self, timeout: float = PATIENCE) -> int:
        """Return the code that the server closes with, keeping the frames before it."""
        end = time.monotonic() + timeout
        try:
            while True:
                self.heard.append(json.loads(self.connection.recv(timeout=max(0.01, end - time.monotonic()))))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006


def eventually(condition: Callable[[], Any], what: str, timeout: float = PATIENCE) -> Any:
    """Wait for something to come true and return it."""
    end = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {timeout} s: {what}"
        time.sleep(0.02)
    return value


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(
    log: Path, *, runner: str = "serve", options: Sequence[str] = (), port: int = 0, inherited: Sequence[int] = (),
    **environment: str,
) -> Iterator[Server]:  # fmt: skip
    """Run a server on the test database: by `serve` or stock `daphne`, with further options of it.

    `port` is one that listens already, whose descriptor is among the `inherited` ones.
    """
    port = port or free_port()
    commands = {
        "serve": [sys.executable, "manage.py", "serve", "--port", str(port)],
        "daphne": [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port)],
    }
    command = [*commands[runner], *options] + ([] if runner == "serve" else ["depannini_dashmap.asgi:application"])
    server = Server(command, port, _environment() | environment, log, inherited)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def session_server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for a module of tests; left running, its worker would take the tasks of the tests that follow."""
    with running(tmp_path_factory.mktemp("server") / "server.log") as server:
        yield server


@pytest.fixture
def server(transactional_db: None, session_server: Server) -> Server:
    """The running server; what the test writes is committed, so the server sees it."""
    return session_server


def _environment() -> dict[str, str]:
    """Return the environment that points a server at the database of this test run."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{database['NAME']}"
    else:
        login = f"{database['USER']}:{database['PASSWORD']}@" if database["USER"] else ""
        url = f"postgres://{login}{database['HOST']}:{database['PORT'] or 5432}/{database['NAME']}"
    # The worker's name would move the server one numbered Redis database further than the tests are.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    return inherited | {
        "DJANGO_SETTINGS_MODULE": "depannini_dashmap.settings_test",
        "DATABASE_URL": url,
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": settings.SECRET_KEY,
        "DEPLOYMENT": settings.DEPLOYMENT,  # derived from the name of the database, which a test run changes
        "TASK_WORKER": "on",
        "PYTHONUNBUFFERED": "1",
    }
