"""Server processes on free ports of this machine: how they are started, asked and ended. Nothing here imports Django."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from testing.clients import SocketClient
from testing.ports import free_port
from testing.process_control import cpu_s, memory_mb
from testing.waiting import PATIENCE_S, wait_until

ROOT = Path(__file__).resolve().parent.parent
APPLICATION = "depannini_dashmap.asgi:application"
Command = Callable[[int], list[str]]


def serve_command(port: int, *options: str, module: str = "manage") -> list[str]:
    """Return the command of `manage.py serve`, or of another module that takes the same arguments."""
    program = ["manage.py"] if module == "manage" else ["-m", module]
    return [sys.executable, *program, "serve", "--host", "127.0.0.1", "--port", str(port), *options]


def daphne_command(port: int, *options: str, application: str = APPLICATION) -> list[str]:
    """Return the command of stock Daphne."""
    return [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), *options, application]


def uvicorn_command(port: int, *options: str, application: str = APPLICATION) -> list[str]:
    """Return the command of stock uvicorn."""
    return [sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port), *options, application]


class Server:
    """One server process; `url` is its base URL."""

    def __init__(
        self, command: Sequence[str], port: int, *, environment: Mapping[str, str], log: Path,
        tree: Path = ROOT, inherited: Sequence[int] = (),
    ) -> None:  # fmt: skip
        self.port, self.log = port, log
        self.url = f"http://127.0.0.1:{port}"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=tree, env=environment, stdout=output, stderr=subprocess.STDOUT, pass_fds=inherited
            )

    def wait_until_ready(self, path: str = "/healthz", seconds: float = 60) -> None:
        """Return once `path` is answered by 200. Raises: AssertionError with the log if that does not happen."""
        wait_until(lambda: self._answers(path), f"the server starts; its log is {self.log}", seconds)

    def _answers(self, path: str) -> bool:
        assert self.process.poll() is None, f"the server ended:\n{self.output()[-3000:]}"
        try:
            return httpx.get(self.url + path, timeout=2).status_code == 200
        except httpx.HTTPError:  # a port that was inherited listens before the process does
            return False

    def output(self) -> str:
        """Return what the process has written."""
        return self.log.read_text(errors="replace")

    def call(self, method: str, path: str, token: str = "", **body: Any) -> httpx.Response:
        """Make one API call with a bearer token; the keywords are its JSON body."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.request(method, self.url + path, json=body or None, headers=headers, timeout=PATIENCE_S)

    def socket(self, path: str, token: str = "", **options: Any) -> SocketClient:
        """Open a socket; `token` goes into the Authorization header."""
        return SocketClient(f"ws://127.0.0.1:{self.port}{path}", f"Bearer {token}" if token else "", **options)

    def cpu_s(self) -> float:
        """Return the processor seconds of all threads so far."""
        return cpu_s(self.process)

    def memory_mb(self) -> float:
        """Return the resident memory in MB."""
        return memory_mb(self.process)

    def stop(self, how: int = signal.SIGTERM) -> int:
        """End the process and return its status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def start_server(
    command: Command = serve_command, *, environment: Mapping[str, str], log: Path, port: int = 0,
    prefix: Sequence[str] = (), tree: Path = ROOT, inherited: Sequence[int] = (), ready: str = "/healthz",
) -> Server:  # fmt: skip
    """Start a server and return it once `ready` is answered by 200.

    `port` is a listening one, whose descriptor is among the `inherited` ones; `prefix` goes before the command.
    """
    port = port or free_port()
    server = Server([*prefix, *command(port)], port, environment=environment, log=log, tree=tree, inherited=inherited)
    try:
        server.wait_until_ready(ready)
    except BaseException:
        server.stop()
        raise
    return server
