"""A sheet as its lines, which know their own numbers, and which of them is its header; what a line means is not known here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from depannini_dashmap.lib.sheets.headings import Headings, fold
from depannini_dashmap.lib.sheets.values import EPOCH

HEADER_WITHIN = 30  # lines that may stand above the header


class SheetError(Exception):
    """The file as a whole cannot be read; the message is for people."""


class Header(NamedTuple):
    """The line of a sheet that names its columns, or two lines that do it together; `first` and `last` are their indexes, `named` how many columns it names."""

    first: int
    last: int
    cells: list[str]
    named: int


@dataclass
class Page:
    """One sheet of a file: its lines with their own numbers, whether 1,25 is one and a quarter, and how it was read.

    `spans` holds, by line, from where to where (indexes, both included) cells of a workbook are merged sideways; None
    where a file cannot say it. `hidden_lines` and `hidden_columns` are what the spreadsheet does not show. `faults` says
    which lines are broken, by number.
    """

    lines: list[tuple[int, list[Any]]]
    name: str = ""
    decimal_comma: bool = False
    remarks: list[str] = field(default_factory=list)
    epoch: dt.date = EPOCH
    spans: dict[int, list[tuple[int, int]]] | None = None
    hidden_lines: frozenset[int] = frozenset()
    hidden_columns: frozenset[int] = frozenset()
    has_formulas: bool = False
    faults: dict[int, str] = field(default_factory=dict)

    def header(self, headings: Headings) -> Header | None:
        """Return the line that names most columns, of equals the first; or it and its neighbour, where both name more."""
        counts = [headings.count(map(_word, cells)) for _number, cells in self.lines[:HEADER_WITHIN]]
        if not counts:
            return None
        at = counts.index(max(counts))
        best = Header(at, at, [_word(cell) for cell in self.lines[at][1]], counts[at])
        for double in self._doubles(at, headings):
            # A line of data below names nothing, so that there a tie is enough.
            if double.named > best.named or (double.named == best.named > 0 and best.first == best.last and double.first == at):
                best = double
        return best

    def _doubles(self, at: int, headings: Headings) -> Iterator[Header]:
        """Yield the header with the line below and the one above it, each pair as one line."""
        for top in (at, at - 1):
            if top < 0 or top + 1 >= len(self.lines):
                continue
            number, above = self.lines[top]
            below = [_word(cell) for cell in self.lines[top + 1][1]]
            groups = _groups([_word(cell) for cell in above], None if self.spans is None else self.spans.get(number, []))
            # A title is one cell; and where nothing stands below anything, there is nothing to join.
            if len({_word(cell) for cell in above} - {""}) < 2 or not any(a and b for a, b in zip(groups, below, strict=False)):
                continue
            cells = _joined([_word(cell) for cell in above], groups, below, headings)
            yield Header(top, top + 1, cells, len({column for cell in cells if (column := headings.named(cell))}))


def _word(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


def _groups(above: list[str], spans: Sequence[tuple[int, int]] | None) -> list[str]:
    """Return the upper line with each cell said over all columns that it spans; in text, up to the next one."""
    groups = list(above)
    if spans is not None:
        for left, right in spans:
            for index in range(left + 1, min(right + 1, len(groups))):
                groups[index] = groups[left]
        return groups
    for index in range(1, len(groups)):
        groups[index] = groups[index] or groups[index - 1]
    return groups


def _joined(above: list[str], groups: list[str], below: list[str], headings: Headings) -> list[str]:
    """Return one heading for each column: `Livraison` over `Adresse` is `Livraison Adresse`."""
    width = max(len(groups), len(below))
    pad = [""] * width
    columns = zip((above + pad)[:width], (groups + pad)[:width], (below + pad)[:width], strict=True)
    return [_one(own, group, name, headings) for own, group, name in columns]


def _one(own: str, group: str, name: str, headings: Headings) -> str:
    if not name or fold(group) == fold(name):
        return name or own
    both = f"{group} {name}".strip()
    return name if headings.named(both) is None and headings.named(name) else both
