"""Raises the stage once, gives the cast, and prints the table of groups at the end."""

import os
import random
import re
import socket
from collections import defaultdict
from pathlib import Path

import pytest

from adversarial.actors import Actor, Cast
from adversarial.stage import Stage, wait_until

SEED = int(os.environ.get("SEED") or random.randrange(10**6))
random.seed(SEED)


@pytest.fixture(scope="session")
def stage():
    """The servers and their database."""
    play = Stage()
    play.raise_curtain()
    yield play
    play.lower_curtain()


@pytest.fixture(scope="module", autouse=True)
def servers_of_the_module(stage):
    """End the servers that a module has started for itself."""
    first = len(stage.processes)
    yield
    stage.end_servers(first)


@pytest.fixture(scope="session")
def cast(stage):
    """Makes actors."""
    return Cast(stage)


@pytest.fixture(scope="session")
def anyone(stage):
    """Somebody without credentials."""
    return Actor(stage)


@pytest.fixture(scope="session", autouse=True)
def six_digits_told():
    """Collect each number of six digits that an answer about accounts has held, by the path that was asked."""
    told, call = defaultdict(set), Actor.call

    def listening(self, method, path, *arguments, **options):
        answer = call(self, method, path, *arguments, **options)
        if path.startswith(("/api/auth/", "/api/profile/")):
            held = answer.text + " ".join(answer.headers.values())
            told[path] |= set(re.findall(r"(?<![\w.-])\d{6}(?![\w-])", held))
        return answer

    Actor.call = listening
    yield told
    Actor.call = call


class Idlers:
    """Connections to the first server that have sent half of something and stay."""

    HANDSHAKES = 500
    HANDSHAKE = b"GET /ws/assistance/1/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSoc"
    BODY = b"POST /api/auth/register/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"

    def __init__(self, url):
        host, port = url.removeprefix("http://").split(":")
        self.port = int(port)
        self.lines = [socket.create_connection((host, self.port), timeout=10) for _ in range(520)]
        for number, line in enumerate(self.lines):
            line.sendall(self.HANDSHAKE if number < self.HANDSHAKES else self.BODY)
        self._ports = {line.getsockname()[1] for line in self.lines}
        wait_until(lambda: len(self.held_by_the_server()) == len(self.lines), 10)

    def held_by_the_server(self):
        """Return those of the connections for which the server still has a handle."""
        held = set()
        for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, near, far, _, _, _, _, _, _, inode, *_ = row.split()
            far_port = int(far.split(":")[1], 16)
            if int(near.split(":")[1], 16) == self.port and far_port in self._ports and inode != "0":
                held.add(far_port)
        return held


@pytest.fixture(scope="session")
def idlers(stage):
    """Five hundred half handshakes, and a few bodies that stop: opened once, held to the end."""
    gathered = Idlers(stage.urls[0])
    yield gathered
    for line in gathered.lines:
        line.close()


GROUPS = {
    "a": "accounts, codes, login", "b": "tokens", "c": "sockets", "d": "isolation", "e": "races", "f": "logic",
    "g": "hostile input", "h": "telematics", "j": "files, admin, mail", "k": "privacy, configuration",
}  # fmt: skip


def pytest_terminal_summary(terminalreporter):
    """Print a table: group, cases, held."""
    tally = defaultdict(lambda: [0, 0])
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            if outcome != "error" and report.when != "call":
                continue
            match = re.search(r"test_([a-z])\d\d", report.nodeid.split("::")[-1])
            group = match.group(1) if match else "?"
            tally[group][0] += 1
            tally[group][1] += outcome == "passed"
    terminalreporter.write_line(f"\nseed {SEED}: SEED={SEED} runs the same again")
    for group in sorted(tally):
        cases, held = tally[group]
        terminalreporter.write_line(f"{group.upper()}  {GROUPS.get(group, 'other'):<28} {cases:>4} cases  {held:>4} held")
