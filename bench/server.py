"""A server on the first core, and what it costs there: ours as `manage.py serve` starts it, another application by plain uvicorn.

BENCH_SERVER=daphne takes the stock Daphne for both instead.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
OURS = "depannini_dashmap.asgi:application"
ECHO = "bench.echo:application"
PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")


class Server:
    """One server process, ready for requests."""

    def __init__(self, application: str, *, prefix: tuple[str, ...] = (), **environment: str):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [sys.executable, *_arguments(application, self.port)]
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", *prefix, *command], cwd=ROOT, env={**os.environ, **environment},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=1)
                return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise SystemExit("the server did not start")

    def cpu(self) -> float:
        """Return the CPU seconds used so far, all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self) -> float:
        """Return the resident KiB."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * PAGE / 1024

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def _arguments(application: str, port: int) -> list[str]:
    if os.environ.get("BENCH_SERVER") == "daphne":
        return ["-m", "daphne", "-b", "127.0.0.1", "-p", str(port), application]
    if application == OURS:
        return ["manage.py", "serve", "--port", str(port)]
    plain = ["--no-access-log", "--ws", "websockets-sansio", "--ws-per-message-deflate", "false", "--lifespan", "off"]
    return ["-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port), *plain, application]
