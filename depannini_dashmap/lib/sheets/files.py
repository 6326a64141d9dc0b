"""Files as spreadsheets save them, taken apart into lines that know their place; what a line means is not known here."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from depannini_dashmap.lib.sheets.limits import (
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_LINES,
    MAX_ROWS,
    TooMuch,
    Unreadable,
    measure_workbook,
)
from depannini_dashmap.lib.sheets.values import EPOCH, EPOCH_1904
from depannini_dashmap.lib.sheets.words import Headings

HEADER_WITHIN = 30  # lines that may stand above the header
MAX_SHEETS = 20
LINE_LOOKED_AT = 10_000  # letters
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_DELIMITERS = ",;\t|"
_ARABIC_RUN = re.compile(rb"[\xc0-\xfe]{3}")
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell [^>]*ref="([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"')


class SheetError(Exception):
    """The file as a whole cannot be read; the message is for people."""


@dataclass
class Page:
    """One sheet of a file: its lines with their own numbers, whether 1,25 is one and a quarter, and how it was read."""

    lines: list[tuple[int, list[Any]]]
    name: str = ""
    decimal_comma: bool = False
    remarks: list[str] = field(default_factory=list)
    epoch: dt.date = EPOCH

    def header(self, headings: Headings) -> int:
        """Return the index of the line that names most columns, of equals the first; -1 without a line."""
        counts = [headings.count(map(_word, cells)) for _number, cells in self.lines[:HEADER_WITHIN]]
        return counts.index(max(counts)) if counts else -1


def _word(cell: Any) -> str:
    return "" if cell is None else str(cell)


def read_page(content: bytes, headings: Headings) -> Page:
    """Read a workbook or text, whatever the file is called. Raises: SheetError."""
    refuse_other_kinds(content)
    return read_workbook(content, headings) if content.startswith(b"PK") else read_csv(content, headings)


def refuse_other_kinds(content: bytes, name: str = "") -> None:
    """Refuse what is neither, and say what to do. Raises: SheetError."""
    if name.lower().endswith(".xlsx") and not content.startswith((b"PK", _OLD_WORKBOOK)):
        raise SheetError(_("The file is not an XLSX workbook."))
    if content.startswith(_OLD_WORKBOOK):
        raise SheetError(_("This is a workbook of the old kind (.xls): save it as .xlsx and try again."))
    if content.startswith(b"PK") and b"opendocument" in content[:200]:
        raise SheetError(_("This is an OpenDocument sheet (.ods): save it as .xlsx or CSV and try again."))
    if content.lstrip()[:5].lower() in (b"<html", b"<!doc", b"<?xml") or content.lstrip()[:6].lower() == b"<table":
        raise SheetError(_("This is a web page or XML, whatever its name ends in: open it in the spreadsheet and save it as .xlsx."))
    if content.startswith(b"%PDF"):
        raise SheetError(_("This is a PDF: export the table as .xlsx or CSV."))


@dataclass(frozen=True)
class _Text:
    """A CSV file before it is taken apart."""

    body: str
    delimiter: str
    first: int
    remark: str


def look_over_csv(content: bytes, headings: Headings) -> _Text:
    """Decode text, find its separator and refuse what is too much, without taking it apart. Raises: SheetError."""
    text, remark = decode(content)
    if text.count("\n") + text.count("\r") > 2 * MAX_LINES:
        raise SheetError(_("The file has too many lines; import at most %(most)d rows at once.") % {"most": MAX_ROWS})
    named = re.match(r"sep=(.)\r?\n", text, re.IGNORECASE)
    body, first = (text[named.end() :], 2) if named else (text, 1)
    if (delimiter := named[1] if named else _delimiter(body, headings)) not in _DELIMITERS:
        raise SheetError(_("The file cannot be read as CSV."))
    if body.split("\n", 1)[0].rstrip(delimiter + " \r").count(delimiter) >= MAX_COLUMNS:
        raise SheetError(_("The file has more than %(most)d columns.") % {"most": MAX_COLUMNS})
    if text.count(delimiter) > MAX_CELLS:
        raise SheetError(_("The file has too many cells; import at most %(most)d rows at once.") % {"most": MAX_ROWS})
    return _Text(body, delimiter, first, remark)


def read_csv(content: bytes, headings: Headings) -> Page:
    """Read text separated by comma, semicolon, tab or bar, in the encodings of spreadsheets. Raises: SheetError."""
    text = look_over_csv(content, headings)
    try:
        found = _csv_lines(text.body, text.delimiter)
        lines = [(number + text.first, cells) for number, cells in found if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise SheetError(_("The file cannot be read as CSV.")) from error
    return Page(lines, decimal_comma=text.delimiter == ";", remarks=[text.remark] if text.remark else [])


def _csv_lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with how many lines are above it; a cell with a line break makes one row of several lines."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    above = 0
    for cells in rows:
        yield above, cells
        above = rows.line_num


def _delimiter(text: str, headings: Headings) -> str:
    """Return the character that makes most known headings of one of the first lines, else the most frequent one."""
    lines = [line[:LINE_LOOKED_AT] for line in text[: HEADER_WITHIN * LINE_LOOKED_AT].splitlines()[:HEADER_WITHIN]]
    return max(
        _DELIMITERS,
        key=lambda mark: max(
            ((headings.count(part.strip(' "') for part in line.split(mark)), line.count(mark)) for line in lines),
            default=(0, 0),
        ),
    )


def decode(content: bytes) -> tuple[str, str]:
    """Return the text of a file and a remark when it was in none of the usual encodings of today. Raises: SheetError."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return _decoded(content, encoding), "" if encoding == "utf-8-sig" else _("Read as %(encoding)s.") % {"encoding": "UTF-16"}
    start = content[:400]
    for encoding, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if len(start) > 8 and zeros.count(0) > 0.7 * len(zeros):
            return _decoded(content, encoding), _("Read as %(encoding)s.") % {"encoding": "UTF-16"}
    if b"\x00" in content:
        raise SheetError(_("The file holds NUL characters: it is not a CSV file."))
    try:
        return content.decode(), ""
    except UnicodeDecodeError:
        encoding, name = ("cp1256", "Windows-1256") if _ARABIC_RUN.search(content) else ("cp1252", "Windows-1252")
        return content.decode(encoding, errors="replace"), _("Read as %(encoding)s.") % {"encoding": name}


def _decoded(content: bytes, encoding: str) -> str:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise SheetError(_("The file is damaged: its letters cannot be read.")) from error
    if "\x00" in text:
        raise SheetError(_("The file holds NUL characters: it is not a CSV file."))
    return text


def read_workbook(content: bytes, headings: Headings) -> Page:
    """Read the sheet that has the header, whichever was open when saved; merged cells are filled downwards.

    Raises: SheetError.
    """
    try:
        measure_workbook(content)
    except Unreadable as error:
        raise SheetError(_("The file is not an XLSX workbook.")) from error
    except TooMuch as error:
        raise SheetError(_("The workbook holds too much; import at most %(most)d rows at once.") % {"most": MAX_ROWS}) from error
    try:
        pages = _pages(content)
    except Exception as error:
        raise SheetError(_("The workbook cannot be read.")) from error
    found = [(headings.count(map(_word, page.lines[page.header(headings)][1])) if page.lines else -1, page) for page in pages]
    if not found:
        raise SheetError(_("The workbook cannot be read."))
    page = max(found, key=lambda one: one[0])[1]
    if len(pages) > 1:
        others = ", ".join(one.name for one in pages if one is not page)
        page.remarks.append(_("Read from the sheet %(name)s, not from: %(others)s.") % {"name": page.name, "others": others})
    return page


def _pages(content: bytes) -> list[Page]:
    import openpyxl
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    pages = []
    for sheet in book.worksheets[:MAX_SHEETS]:
        rows = sheet.iter_rows(values_only=True, max_row=MAX_LINES, max_col=MAX_COLUMNS + 1)
        filled = enumerate(rows, start=1)
        page = Page([(number, list(cells)) for number, cells in filled if any(cell not in (None, "") for cell in cells)], sheet.title)
        with sheet._get_source() as source:
            _fill_merged(page, source.read())
        if book.epoch == CALENDAR_MAC_1904:
            page.epoch = EPOCH_1904
        pages.append(page)
    return pages


def _fill_merged(page: Page, source: bytes) -> None:
    from openpyxl.utils import column_index_from_string

    lines, steps = dict(page.lines), 0
    for left, top, _right, bottom in _MERGED.findall(source):
        column, first, last = column_index_from_string(left.decode()) - 1, int(top), min(int(bottom), MAX_LINES)
        steps += max(1, last - first)
        if steps > MAX_CELLS:
            return
        value = lines[first][column] if first in lines and column < len(lines[first]) else None
        for number in range(first + 1, last + 1):
            cells = lines.get(number, [])
            if column < len(cells) and cells[column] is None:
                cells[column] = value
