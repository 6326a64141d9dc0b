"""Raises the stage once, gives the cast, and prints the table of groups at the end."""

import os
import random
import re
from collections import defaultdict

import pytest

from adversarial.actors import Actor, Cast
from adversarial.stage import Stage

SEED = int(os.environ.get("SEED") or random.randrange(10**6))
random.seed(SEED)


@pytest.fixture(scope="session")
def stage():
    """The servers and their database."""
    play = Stage()
    play.raise_curtain()
    yield play
    play.lower_curtain()


@pytest.fixture(scope="session")
def cast(stage):
    """Makes actors."""
    return Cast(stage)


@pytest.fixture(scope="session")
def anyone(stage):
    """Somebody without credentials."""
    return Actor(stage)


GROUPS = {
    "a": "accounts, codes, login", "b": "tokens", "c": "sockets", "d": "isolation", "e": "races", "f": "logic",
    "g": "hostile input", "h": "telematics", "j": "files, admin, mail", "k": "privacy, configuration", "m": "authorization matrix",
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
