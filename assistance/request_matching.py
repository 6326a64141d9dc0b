"""Requests that wait in one area, matched together: which assistant each is offered to first, so that all wait the least.

Shape: costs are a table of seconds, a row for each request and a column for each assistant; None where they do not fit.
Source: the linear assignment problem, solved by `scipy.optimize.linear_sum_assignment` in `assistance.matching_solver`.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

LONGEST_SECONDS = 10.0
Costs = Sequence[Sequence[float | None]]


def match(costs: Costs) -> dict[int, int]:
    """Return the column of each row that gets one: as many rows as can be, with the least total of their costs.

    Where every row's cheapest column is its own, that is the answer. Else a child process solves it, so that numpy and
    scipy come into no serving process; if it fails, the cheapest pairs go first.
    """
    best = {row: _cheapest(cells) for row, cells in enumerate(costs)}
    chosen = {row: column for row, column in best.items() if column is not None}
    if len(set(chosen.values())) == len(chosen):
        return chosen
    try:
        return _solved(costs)
    except (OSError, ValueError, subprocess.SubprocessError):
        logger.exception("Requests could not be matched; the cheapest pairs go first")
        return nearest_first(costs)


def nearest_first(costs: Costs) -> dict[int, int]:
    """Return the column of each row when the cheapest pair that is left is taken again and again."""
    pairs = sorted((cost, row, column) for row, cells in enumerate(costs) for column, cost in enumerate(cells) if cost is not None)
    chosen: dict[int, int] = {}
    for _cost, row, column in pairs:
        if row not in chosen and column not in chosen.values():
            chosen[row] = column
    return chosen


def _cheapest(cells: Sequence[float | None]) -> int | None:
    known = [(cost, column) for column, cost in enumerate(cells) if cost is not None]
    return min(known)[1] if known else None


def _solved(costs: Costs) -> dict[int, int]:
    answer = subprocess.run(
        [sys.executable, "-m", "assistance.matching_solver"],
        input=json.dumps(costs).encode(),
        capture_output=True,
        cwd=Path(__file__).resolve().parents[1],
        timeout=LONGEST_SECONDS,
        check=True,
    )
    return {int(row): int(column) for row, column in json.loads(answer.stdout)}
