"""A page of a file as a table of known columns: each cell read, each fault and each correction with its place."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from depannini_dashmap.lib.labels import listed
from depannini_dashmap.lib.sheets.headings import Headings, fold
from depannini_dashmap.lib.sheets.limits import MAX_COLUMNS, MAX_LETTERS, MAX_ROWS
from depannini_dashmap.lib.sheets.sheet_lines import Page, SheetError
from depannini_dashmap.lib.sheets.totals import without_totals
from depannini_dashmap.lib.sheets.values import (
    DAY_FIRST,
    MIXED,
    MONTH_FIRST,
    TEXT,
    CellFault,
    Kind,
    NotComputed,
    date_order,
    is_nowhere,
    read_cell,
    read_coordinates,
    written,
)  # fmt: skip


@dataclass
class Row:
    """One line below the header. By column: the value, the text of the cell, the error, the column's letter."""

    number: int
    sheet: str
    cells: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    letters: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def place(self, column: str = "") -> str:
        """Return the position of the row, or of one cell of it, in the file."""
        if not self.sheet:
            return _("line %(number)d") % {"number": self.number}
        return f"{self.sheet}!{self.letters.get(column, '')}{self.number}"

    @property
    def corrections(self) -> list[tuple[str, str, str]]:
        """Values read differently from how they were written: column, written, read. Kinds of spaces are not distinguished."""
        return [(name, old, text) for name, text in self.cells.items() if " ".join((old := self.written[name]).split()) != " ".join(text.split())]


@dataclass
class Table:
    """The rows of a file, and what became of its columns. Rows are read when they are asked for.

    By column: `units` as the headings name them, `date_orders` where dates of three numbers do not have the day first.
    """

    page: Page
    header: list[str]
    used: dict[int, str]
    kinds: Mapping[str, Kind]
    lines: list[tuple[int, list[Any]]]
    renamed: list[tuple[str, str]]
    unused: list[str]
    remarks: list[str]
    mended: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    date_orders: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The columns that are used, in the order of the file."""
        return list(self.used.values())

    @property
    def decimal_comma(self) -> bool:
        """Whether 1,25 is one and a quarter."""
        return self.page.decimal_comma

    @cached_property
    def rows(self) -> list[Row]:
        """All rows; more than a few hundred are better read one by one."""
        return [self.row(index) for index in range(len(self.lines))]

    def row(self, index: int) -> Row:
        """Read one row. Raises: SheetError."""
        number, cells = self.lines[index]
        notes = [_("hidden in the file")] if number in self.page.hidden_lines else []
        row = _row(Row(number, self.page.name, notes=notes), cells, self)
        if number in self.page.faults and str(number) not in self.mended:
            row.faults["__all__"] = [self.page.faults[number]]
        _look_beyond(self, row, cells)
        return row

    def first_values(self, index: int, count: int = 3) -> list[str]:
        """Return what stands first in a column of the file."""
        values = (written(cells[index]) for _number, cells in self.lines[:50] if index < len(cells))
        return [value[:60] for value in values if value][:count]


def read_table(
    page: Page,
    headings: Headings,
    kinds: Mapping[str, Kind],
    ignored: tuple[str, ...] = (),
    mended: Mapping[str, Mapping[str, str]] | None = None,
) -> Table:
    """Read the lines below the header; `ignored` columns are known, and named as not used. Raises: SheetError."""
    found = page.header(headings)
    if found is None:
        raise SheetError(_("The file has no header row."))
    header = [written(cell) for cell in found.cells]
    while header and not header[-1]:
        header.pop()
    header = _numbered(header, headings)
    if len(header) > MAX_COLUMNS:
        raise SheetError(_("The file has more than %(most)d columns.") % {"most": MAX_COLUMNS})
    used, renamed = _columns(header, headings, ignored)
    remarks = list(page.remarks)
    if found.first:
        remarks.append(_("The header is in line %(number)d; what stands above it was left out.") % {"number": page.lines[found.first][0]})
    if found.last > found.first:
        remarks.append(_("The header takes two lines, which were read together."))
    lines, again = _without_header(page.lines[found.last + 1 :], [cells for _number, cells in page.lines[found.first : found.last + 1]])
    if again:
        remarks.append(_("Lines that repeat the header were left out: %(lines)s.") % {"lines": listed(again[:10])})
    lines, rules = _without_rules(lines)
    if rules:
        remarks.append(_("Lines without a letter or digit were left out: %(lines)s.") % {"lines": listed(rules[:10])})
    lines, about_totals = without_totals(lines, used, kinds, page)
    remarks += about_totals
    remarks += _about_hidden(page, header, [number for number, _cells in lines])
    if not lines:
        raise SheetError(_("The file has no rows below its header."))
    if len(lines) > MAX_ROWS:
        raise SheetError(_("The file has %(count)d rows; import at most %(most)d at once.") % {"count": len(lines), "most": MAX_ROWS})
    units = {column: unit for index, column in used.items() if (unit := kinds.get(column, TEXT).unit_in(header[index]))}
    orders, told = _date_orders(lines, used, kinds)
    told += [
        _("%(heading)s: no unit that is known; numbers without one are read as %(unit)s.") % {"heading": header[index], "unit": kinds[column].unit}
        for index, column in used.items()
        if column not in units and header[index].endswith((")", "]")) and kinds.get(column, TEXT).units
    ]
    unused = _unused(header, used, headings)
    return Table(page, header, used, kinds, lines, renamed, unused, remarks + told, mended or {}, units, orders)


def _date_orders(
    lines: list[tuple[int, list[Any]]], used: Mapping[int, str], kinds: Mapping[str, Kind]
) -> tuple[dict[str, str], list[str]]:
    """Return the order of dates by column, where some have the month first, and remarks that name these columns."""
    orders, told = {}, []
    for index, column in used.items():
        if kinds.get(column, TEXT).name != "date":
            continue
        cells = [cells[index] for _number, cells in lines if index < len(cells)]
        example = next((cell for cell in cells if date_order(cell) == MONTH_FIRST), None)
        if example is None:
            continue
        orders[column] = MIXED if any(date_order(cell) == DAY_FIRST for cell in cells) else MONTH_FIRST
        if orders[column] == MONTH_FIRST:
            told.append(_("Column %(letter)s: dates are read with the month first, as in %(text)s.") % {"letter": letter(index), "text": written(example)})
        if any(isinstance(cell, dt.date) for cell in cells):
            told.append(
                _("Column %(letter)s: the spreadsheet did not take %(text)s for a date, so it may have read others with day and month swapped. Compare them.")
                % {"letter": letter(index), "text": written(example)}
            )
    return orders, told


def _without_header(lines: list[tuple[int, list[Any]]], header: list[list[Any]]) -> tuple[list[tuple[int, list[Any]]], list[str]]:
    """Return the lines that are not the header once more, as printed pages repeat it, and the numbers of those that are."""
    own = {_plain(cells) for cells in header}
    starts = {texts[0] for texts in own if texts}
    again = [number for number, cells in lines if written(cells[0] if cells else None) in starts and _plain(cells) in own]
    if not again:
        return lines, []
    return [line for line in lines if line[0] not in again], [str(number) for number in again]


def _without_rules(lines: list[tuple[int, list[Any]]]) -> tuple[list[tuple[int, list[Any]]], list[str]]:
    """Return the lines that say anything, and the numbers of those that only rule a line below others: `---;---`."""
    rules = {number for number, cells in lines if not any(map(str.isalnum, "".join(map(written, cells))))}
    rules -= {number for number, cells in lines if any(isinstance(cell, NotComputed) or "#" in written(cell) for cell in cells)}
    return [line for line in lines if line[0] not in rules], [str(number) for number in sorted(rules)]


def _plain(cells: list[Any]) -> tuple[str, ...]:
    texts = [written(cell) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return tuple(texts)


def _about_hidden(page: Page, header: list[str], numbers: list[int]) -> list[str]:
    """Say which rows and columns the spreadsheet does not show: they are read like all others."""
    told = []
    if hidden := [str(number) for number in numbers if number in page.hidden_lines]:
        shown = listed(hidden[:10]) + (" …" if len(hidden) > 10 else "")
        told.append(
            _("Rows that the spreadsheet hides are read as well: %(count)d, in the lines %(lines)s. Delete them there if they are not meant.")
            % {"count": len(hidden), "lines": shown}
        )
    columns = [f"{letter(index)} ({name})" for index, name in enumerate(header) if name and index in page.hidden_columns]
    if columns:
        told.append(_("Columns that the spreadsheet hides are read as well: %(names)s.") % {"names": listed(columns)})
    return told


def _columns(header: list[str], headings: Headings, ignored: tuple[str, ...]) -> tuple[dict[int, str], list[tuple[str, str]]]:
    """Return the column of each place of the header. A column's own name goes before its other names."""
    own = [name.lower().replace(" ", "_") for name in header]
    twice = sorted({name for name in own if name and own.count(name) > 1})
    if twice:
        raise SheetError(_("These columns occur twice: %(names)s.") % {"names": listed(twice)})
    used = {index: name for index, name in enumerate(own) if name in headings.columns and fold(header[index]) not in headings.chosen}
    renamed = []
    for index, heading in enumerate(header):
        known = headings.column(heading) if heading else headings.chosen.get(f"#{letter(index)}")
        column = known if index not in used else None
        if column and column not in used.values():
            used[index] = column
            renamed.append((heading, column))
    used = {index: column for index, column in sorted(used.items()) if column not in ignored}
    return used, [pair for pair in renamed if pair[1] not in ignored]


def _numbered(header: list[str], headings: Headings) -> list[str]:
    """Return the headings with a number behind those that came before, so that each can be chosen by itself."""
    numbered: list[str] = []
    for heading in header:
        is_own = heading.lower().replace(" ", "_") in headings.columns
        count = sum(fold(heading) == fold(earlier) for earlier in header[: len(numbered)]) if heading and not is_own else 0
        numbered.append(f"{heading} ({count + 1})" if count else heading)
    return numbered


def _unused(header: list[str], used: dict[int, str], headings: Headings) -> list[str]:
    names = []
    for index, heading in enumerate(header):
        if heading and index not in used:
            close = "" if headings.column(heading) else guess(heading, headings, set(used.values()))
            names.append(_("%(heading)s (%(column)s?)") % {"heading": heading, "column": close} if close else heading)
    return names


def guess(heading: str, headings: Headings, taken: Container[str]) -> str:
    """Return the column whose name is nearly the heading, empty without one."""
    free = [name for name in headings.columns if name not in taken]
    close = difflib.get_close_matches(heading.lower().replace(" ", "_")[:60], free, n=1, cutoff=0.8)
    return close[0] if close and fold(heading) not in headings.chosen else ""


def _row(row: Row, cells: list[Any], table: Table) -> Row:
    mended = table.mended.get(str(row.number), {})
    pairs = {}
    for index, column in table.used.items():
        value = mended.get(column, cells[index] if index < len(cells) else None)
        if table.kinds.get(column, TEXT).parts:
            pairs[column] = (value, letter(index))
            continue
        _read(row, column, value, table)
        row.letters[column] = letter(index)
    for column, text in mended.items():
        if column not in row.cells and column not in pairs:
            _read(row, column, text, table)
    for column, (value, name) in pairs.items():
        _read_coordinates(row, column, value, name, table)
    for kind in table.kinds.values():
        if kind.parts:
            _mend_place(row, *kind.parts)
    return row


def _mend_place(row: Row, latitude: str, longitude: str) -> None:
    """Read a cell of latitude that holds both, and leave out a place of zeros, which is none."""
    if not row.cells.get(latitude):
        return
    if not row.cells.get(longitude):
        try:
            row.cells[latitude], row.cells[longitude] = read_coordinates(row.written[latitude]) or ("", "")
        except CellFault:
            return
        row.written.setdefault(longitude, "")
        row.letters.setdefault(longitude, row.letters.get(latitude, ""))
        row.faults.pop(latitude, None)
    elif is_nowhere(row.cells[latitude], row.cells[longitude]):
        row.cells[latitude] = row.cells[longitude] = ""
        row.notes.append(_("0, 0 is no place: left out"))


def _read_coordinates(row: Row, column: str, value: Any, name: str, table: Table) -> None:
    """Read one cell as two columns, unless those have values of their own."""
    parts = table.kinds[column].parts
    if any(row.cells.get(part) for part in parts):
        return
    row.written[column], row.letters[column] = written(value), name
    try:
        read = read_coordinates(value)
    except CellFault as fault:
        row.faults[column] = [str(fault)]
        return
    for part, text in zip(parts, read or ("", ""), strict=True):
        row.cells[part], row.written[part], row.letters[part] = text, row.written[column], name


def _read(row: Row, column: str, value: Any, table: Table) -> None:
    row.written[column] = row.cells[column] = written(value)
    if len(row.written[column]) > MAX_LETTERS:
        raise SheetError(_("Row %(row)d has a cell of more than %(most)d letters.") % {"row": row.number, "most": MAX_LETTERS})
    try:
        kind = table.kinds.get(column, TEXT)
        row.cells[column] = read_cell(
            value, kind, decimal_comma=table.decimal_comma, epoch=table.page.epoch,
            unit=table.units.get(column, ""), date_order=table.date_orders.get(column, DAY_FIRST),
        )  # fmt: skip
    except CellFault as fault:
        row.faults[column] = [str(fault)]


def _look_beyond(table: Table, row: Row, cells: list[Any]) -> None:
    """Name what stands where the header has no heading; in text it means that a cell was split."""
    header = table.header
    for index, cell in enumerate(cells):
        if (index >= len(header) or not header[index]) and index not in table.used and written(cell):
            if index >= len(header) and not row.sheet and str(row.number) not in table.mended:
                row.faults["__all__"] = [_("The row has more cells than the header row: a separator inside a cell needs quotes.")]
                return
            name = _("column %(letter)s, without a heading") % {"letter": letter(index)}
            if name not in table.unused:
                table.unused.append(name)


def letter(index: int) -> str:
    """Return the name of a column in a spreadsheet: A for 0."""
    return (chr(64 + index // 26) if index >= 26 else "") + chr(65 + index % 26)
