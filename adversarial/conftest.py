"""Starts the servers once, offers users, and prints the table of groups at the end."""

import os
import random
import re
import socket
from collections import defaultdict
from pathlib import Path

import pytest

from adversarial.environment import AttackedEnvironment
from testing.samples import accepted_request
from testing.users import Caller, Users
from testing.waiting import wait_until

SEED = int(os.environ.get("SEED") or random.randrange(10**6))
random.seed(SEED)


@pytest.fixture(scope="session")
def environment():
    """The servers and their database."""
    attacked = AttackedEnvironment()
    try:
        attacked.start()
        yield attacked
    finally:
        attacked.close()


@pytest.fixture(scope="module", autouse=True)
def _stop_servers_of_the_module(environment):
    before = set(environment.processes)
    yield
    environment.stop([name for name in environment.processes if name not in before])


@pytest.fixture(scope="session")
def users(environment):
    """Registers users."""
    return Users(environment)


@pytest.fixture(scope="session")
def anyone(environment):
    """A caller without credentials."""
    return Caller(environment)


@pytest.fixture
def job(users):
    """A client, an assistant and their accepted request."""
    return accepted_request(users)


@pytest.fixture(scope="session", autouse=True)
def six_digit_numbers():
    """Collect each number of six digits in an answer about accounts, by the path of the request."""
    numbers, call = defaultdict(set), Caller.call

    def recording(self, method, path, *arguments, **options):
        answer = call(self, method, path, *arguments, **options)
        if path.startswith(("/api/auth/", "/api/profile/")):
            text = answer.text + " ".join(answer.headers.values())
            numbers[path] |= set(re.findall(r"(?<![\w.-])\d{6}(?![\w-])", text))
        return answer

    Caller.call = recording
    yield numbers
    Caller.call = call


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
        wait_until(lambda: len(self.held_by_the_server()) == len(self.lines), seconds=10)

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
def idlers(environment):
    """Five hundred half handshakes, and a few bodies that stop: opened once, held to the end."""
    gathered = Idlers(environment.urls[0])
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
