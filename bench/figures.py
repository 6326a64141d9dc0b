"""Figures of the one table: a bench reports the value of each of its runs, `bench.run_all` collects and shows them.

A bench that runs alone reports to nobody: the file that takes the figures is named by `BENCH_FIGURES` alone.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "BENCH_FIGURES"


@dataclass(frozen=True)
class Figure:
    """One row: the quantity, its value in each run, and the goal with its unit."""

    what: str
    values: list[float]
    relation: str
    limit: float
    unit: str
    is_strict: bool

    @property
    def median(self) -> float:
        """Return the middle of the runs."""
        return statistics.median(self.values)

    @property
    def is_met(self) -> bool:
        """Say whether the median, not rounded, keeps the goal; if it is strict, whether each run does."""
        judged = self.values if self.is_strict else [self.median]
        return all(value <= self.limit if self.relation == "≤" else value >= self.limit for value in judged)

    def cells(self) -> tuple[str, str, str, str]:
        """Return the row as it is shown."""
        spread = f" ({_number(min(self.values))} to {_number(max(self.values))})" if len(self.values) > 1 else ""
        goal = f"{self.relation} {self.limit:,.6g}{' in every run' if self.is_strict else ''} {self.unit}".rstrip()
        return self.what, f"{_number(self.median)}{spread}", goal, "met" if self.is_met else "MISSED"


def _number(value: float) -> str:
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.2f}"


def report(
    what: str,
    values: Sequence[float],
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    unit: str = "",
    is_strict: bool = False,
) -> None:
    """Hand over one row, a value for each run; one of the two limits is its goal, of the median or of every run."""
    assert values and (at_most is None) != (at_least is None), what
    relation, limit = ("≤", at_most) if at_most is not None else ("≥", at_least)
    assert limit is not None
    path = os.environ.get(FILE)
    if path:
        with open(path, "a", encoding="utf-8") as file:
            figure = Figure(what, list(values), relation, limit, unit, is_strict)
            file.write(json.dumps(asdict(figure), ensure_ascii=False) + "\n")


def collect(path: Path) -> list[Figure]:
    """Return what the benches reported, in the order of reporting."""
    return [Figure(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def table(figures: list[Figure]) -> str:
    """Return the rows as a Markdown table, which also reads well in a terminal."""
    runs = {len(figure.values) for figure in figures}
    least, most = min(runs), max(runs)
    number = f"{least}" if least == most else f"{least} to {most}"
    second = f"median of {number} runs (least to most)" if most > 1 else "1 run: a first look"
    rows = [("what", second, "goal", ""), *(figure.cells() for figure in figures)]
    widths = [max(len(cells) for cells in column) for column in zip(*rows, strict=True)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
