"""Text files as spreadsheets save them: encoding, separator and lines are found out; what a line means is not known here."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from depannini_dashmap.lib.sheets.headings import Headings
from depannini_dashmap.lib.sheets.limits import MAX_CELLS, MAX_COLUMNS, MAX_LINES, MAX_ROWS
from depannini_dashmap.lib.sheets.sheet_lines import HEADER_WITHIN, Page, SheetError

LINE_LOOKED_AT = 10_000  # letters
DELIMITERS = ",;\t|"
_ARABIC_RUN = re.compile(rb"[\xc0-\xfe]{3}")


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
    if (delimiter := named[1] if named else _delimiter(body, headings)) not in DELIMITERS:
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
        DELIMITERS,
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
