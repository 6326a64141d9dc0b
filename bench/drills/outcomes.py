"""What a drill reports: its table, what its writers lost, and why it cannot be run here."""

from __future__ import annotations

from collections import Counter

from bench.drills.load import Writers
from testing.environments import Environment


class NotRun(Exception):
    """A drill cannot be run here, which says nothing about what it tries; the text says why."""


def print_table(title: str, **figures: object) -> None:
    """Print one figure a line."""
    print(f"\n{title}")
    for name, value in figures.items():
        print(f"  {name.replace('_', ' '):<44} {value}", flush=True)


def lost_writes(environment: Environment, writers: Writers) -> int:
    """Return how many acknowledged positions the database does not have."""
    stored = {row[0] for row in environment.rows("SELECT id FROM telematics_position")}
    return len(writers.acknowledged - stored)


def server_errors(writers: Writers, allowed: tuple[str, ...] = ()) -> Counter[str]:
    """Return the answers that no fault excuses: from 500 up but for `allowed`, and requests without any answer."""
    return Counter(
        {kind: number for kind, number in writers.statuses.items() if kind[0] in "5c" and kind not in allowed}
    )
