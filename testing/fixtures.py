"""Fixtures of pytest: a server on the database of this test run. `conftest.py` offers `server` to every test."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from testing.servers import Server, daphne_command, serve_command, start_server

COMMANDS = {"serve": serve_command, "daphne": daphne_command}


@contextmanager
def running_server(
    log: Path, *, runner: str = "serve", options: Sequence[str] = (), port: int = 0, inherited: Sequence[int] = (), **environment: str
) -> Iterator[Server]:
    """Run a server on the test database: by `serve` or stock `daphne`, with further options of it."""

    def command(number: int) -> list[str]:
        return COMMANDS[runner](number, *options)

    server = start_server(command, environment=server_environment() | environment, log=log, port=port, inherited=inherited)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def session_server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for a module of tests; left running, its worker would take the tasks of the tests that follow."""
    with running_server(tmp_path_factory.mktemp("server") / "server.log") as server:
        yield server


@pytest.fixture
def server(transactional_db: None, session_server: Server) -> Server:
    """The running server; what the test writes is committed, so the server sees it."""
    return session_server


def database_url() -> str:
    """Return the URL of the database of this test run."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    login = f"{database['USER']}:{database['PASSWORD']}@" if database["USER"] else ""
    return f"postgres://{login}{database['HOST']}:{database['PORT'] or 5432}/{database['NAME']}"


def server_environment() -> dict[str, str]:
    """Return the environment that points a server at the database of this test run."""
    # The worker's name would move the server one numbered Redis database further than the tests are.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    return inherited | {
        "DJANGO_SETTINGS_MODULE": "depannini_dashmap.settings_test",
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": settings.SECRET_KEY,
        "DEPLOYMENT": settings.DEPLOYMENT,  # derived from the name of the database, which a test run changes
        "TASK_WORKER": "on",
        "PYTHONUNBUFFERED": "1",
    }
