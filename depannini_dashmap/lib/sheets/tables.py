"""A page of a file as a table of known columns: each cell read, each fault and each correction with its place."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from depannini_dashmap.lib.sheets.files import Page, SheetError
from depannini_dashmap.lib.sheets.limits import MAX_COLUMNS, MAX_LETTERS, MAX_ROWS
from depannini_dashmap.lib.sheets.values import TEXT, CellFault, Kind, read_cell, written
from depannini_dashmap.lib.sheets.words import Headings


@dataclass
class Row:
    """One line below the header. By column: what was read, what stood there, what is wrong with it, its letter."""

    number: int
    sheet: str
    cells: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    letters: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def place(self, column: str = "") -> str:
        """Return where the row, or one cell of it, stands in the file."""
        if not self.sheet:
            return _("line %(number)d") % {"number": self.number}
        return f"{self.sheet}!{self.letters.get(column, '')}{self.number}"

    @property
    def corrections(self) -> list[tuple[str, str, str]]:
        """What was read differently from how it was written: column, written, read. Kinds of spaces are not told apart."""
        return [(name, old, text) for name, text in self.cells.items() if " ".join((old := self.written[name]).split()) != " ".join(text.split())]


@dataclass
class Table:
    """The rows of a file, and what became of its columns."""

    columns: list[str]
    rows: list[Row]
    renamed: list[tuple[str, str]]
    unused: list[str]
    remarks: list[str]
    decimal_comma: bool = False


def read_table(page: Page, headings: Headings, kinds: Mapping[str, Kind], ignored: tuple[str, ...] = ()) -> Table:
    """Read the lines below the header; `ignored` columns are known, and named as not used. Raises: SheetError."""
    at = page.header(headings)
    if at < 0:
        raise SheetError(_("The file has no header row."))
    header = [written(cell) for cell in page.lines[at][1]]
    while header and not header[-1]:
        header.pop()
    if len(header) > MAX_COLUMNS:
        raise SheetError(_("The file has more than %(most)d columns.") % {"most": MAX_COLUMNS})
    used, renamed = _columns(header, headings, ignored)
    table = Table(list(used.values()), [], renamed, _unused(header, used, headings), list(page.remarks), page.decimal_comma)
    if at:
        table.remarks.append(_("The header is in line %(number)d; what stands above it was left out.") % {"number": page.lines[at][0]})
    lines = page.lines[at + 1 :]
    if not lines:
        raise SheetError(_("The file has no rows below its header."))
    if len(lines) > MAX_ROWS:
        raise SheetError(_("The file has %(count)d rows; import at most %(most)d at once.") % {"count": len(lines), "most": MAX_ROWS})
    for number, cells in lines:
        table.rows.append(_row(Row(number, page.name), cells, used, kinds, page))
        _look_beyond(table, table.rows[-1], cells, header)
    return table


def _columns(header: list[str], headings: Headings, ignored: tuple[str, ...]) -> tuple[dict[int, str], list[tuple[str, str]]]:
    """Return the column of each place of the header. A column's own name goes before its other names."""
    own = [name.lower().replace(" ", "_") for name in header]
    twice = sorted({name for name in own if name and own.count(name) > 1})
    if twice:
        raise SheetError(_("These columns occur twice: %(names)s.") % {"names": ", ".join(twice)})
    used = {index: name for index, name in enumerate(own) if name in headings.columns}
    renamed = []
    for index, heading in enumerate(header):
        column = headings.column(heading) if index not in used else None
        if column and column not in used.values():
            used[index] = column
            renamed.append((heading, column))
    used = {index: column for index, column in sorted(used.items()) if column not in ignored}
    return used, [pair for pair in renamed if pair[1] not in ignored]


def _unused(header: list[str], used: dict[int, str], headings: Headings) -> list[str]:
    names = []
    for index, heading in enumerate(header):
        if heading and index not in used:
            free = [name for name in headings.columns if name not in used.values()]
            close = difflib.get_close_matches(heading.lower().replace(" ", "_")[:60], free, n=1, cutoff=0.8)
            meant = _("%(heading)s (%(column)s?)") % {"heading": heading, "column": close[0]} if close and not headings.column(heading) else heading
            names.append(meant)
    return names


def _row(row: Row, cells: list[Any], used: dict[int, str], kinds: Mapping[str, Kind], page: Page) -> Row:
    for index, column in used.items():
        value = cells[index] if index < len(cells) else None
        row.letters[column] = _letter(index)
        row.written[column] = row.cells[column] = written(value)
        if len(row.written[column]) > MAX_LETTERS:
            raise SheetError(_("Row %(row)d has a cell of more than %(most)d letters.") % {"row": row.number, "most": MAX_LETTERS})
        try:
            row.cells[column] = read_cell(value, kinds.get(column, TEXT), decimal_comma=page.decimal_comma, epoch=page.epoch)
        except CellFault as fault:
            row.faults[column] = [str(fault)]
    return row


def _look_beyond(table: Table, row: Row, cells: list[Any], header: list[str]) -> None:
    """Name what stands where the header has no heading; in text it means that a cell was split."""
    for index, cell in enumerate(cells):
        if (index >= len(header) or not header[index]) and written(cell):
            if index >= len(header) and not row.sheet:
                row.faults["__all__"] = [_("The row has more cells than the header row: a separator inside a cell needs quotes.")]
                return
            name = _("column %(letter)s, without a heading") % {"letter": _letter(index)}
            if name not in table.unused:
                table.unused.append(name)


def _letter(index: int) -> str:
    return (chr(64 + index // 26) if index >= 26 else "") + chr(65 + index % 26)
