"""A server on the first core: ours as `manage.py serve` starts it, another application by plain uvicorn.

BENCH_SERVER=daphne takes the stock Daphne for both instead.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from testing.servers import APPLICATION, Command, Server, daphne_command, serve_command, start_server, uvicorn_command

ECHO = "bench.echo:application"
PLAIN = ("--no-access-log", "--ws", "websockets-sansio", "--ws-per-message-deflate", "false", "--lifespan", "off")


def pinned_server(application: str = APPLICATION, *, prefix: tuple[str, ...] = (), **environment: str) -> Server:
    """Start a server with the environment of this process and return it once it answers."""
    return start_server(
        _command(application), environment={**os.environ, **environment}, log=Path(os.devnull),
        prefix=("taskset", "-c", "0", *prefix),
    )  # fmt: skip


@contextmanager
def running(application: str = APPLICATION, *, prefix: tuple[str, ...] = (), **environment: str) -> Iterator[Server]:
    """Run a pinned server until the block ends."""
    server = pinned_server(application, prefix=prefix, **environment)
    try:
        yield server
    finally:
        server.stop()


def _command(application: str) -> Command:
    if os.environ.get("BENCH_SERVER") == "daphne":
        return partial(daphne_command, application=application)
    if application == APPLICATION:
        return serve_command
    return lambda port: uvicorn_command(port, *PLAIN, application=application)
