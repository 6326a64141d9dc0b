"""Text files as spreadsheets save them: encoding, separator and lines are found out; what a line means is not known here."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from depannini_dashmap.lib.labels import listed
from depannini_dashmap.lib.sheets.headings import Headings
from depannini_dashmap.lib.sheets.limits import MAX_CELLS, MAX_COLUMNS, MAX_LINES, MAX_ROWS
from depannini_dashmap.lib.sheets.sheet_lines import HEADER_WITHIN, Page, SheetError

LINE_LOOKED_AT = 10_000  # letters
DELIMITERS = ",;\t|"
_WESTERN = (("cp1252", "Windows-1252"), ("mac_roman", "Mac Roman"), ("cp850", "DOS (850)"))
_FRENCH = frozenset("éèêëàâäçùûüîïôöœÉÈÊËÀÂÇÙÛÎÏÔŒ’‘“”«»–—…€°²³\N{NO-BREAK SPACE}")
_UTF_8_RUN = re.compile(rb"[\xc3\xd8-\xdb][\x80-\xbf]|[\xe2][\x80-\x84][\x80-\xbf]")
_ALONE = re.compile(rb"[\x80-\xff]")
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
        found = [(number + text.first, cells, fault) for number, cells, fault in _csv_lines(text.body, text.delimiter)]
    except csv.Error as error:
        raise SheetError(_("The file cannot be read as CSV.")) from error
    lines = [(number, cells) for number, cells, _fault in found if any(cell.strip() for cell in cells)]
    remarks = [text.remark] if text.remark else []
    if unreadable := [str(number) for number, cells in lines if any("\N{REPLACEMENT CHARACTER}" in cell for cell in cells)]:
        shown = listed(unreadable[:10]) + (" …" if len(unreadable) > 10 else "")
        remarks.append(_("Letters that cannot be read are shown as �, in the lines %(lines)s: save the file as UTF-8.") % {"lines": shown})
    return Page(lines, decimal_comma=text.delimiter == ";", remarks=remarks, faults={number: fault for number, _cells, fault in found if fault})


def _csv_lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str], str]]:
    """Yield each row with how many lines are above it, and what is wrong with it.

    A cell with a line break makes one row of several lines. In a row of one line quotation marks that are misplaced are
    letters; in one of several it is not known how many rows it should have been.
    """
    source = _Kept(io.StringIO(text, newline=""))
    rows = csv.reader(source, delimiter=delimiter)
    above = 0
    for cells in rows:
        own, source.lines = source.lines, []
        fault = ""
        if any('"' in line for line in own) and not _is_well_quoted(own, delimiter):
            if len(own) == 1:
                cells = next(csv.reader(own, delimiter=delimiter, quoting=csv.QUOTE_NONE))
            else:
                fault = _("%(count)d lines were read as one row, as a quotation mark is not closed: close it, and upload the file again.") % {"count": len(own)}
        yield above, cells, fault
        above = rows.line_num


class _Kept:
    """The lines of a text, those read last kept."""

    def __init__(self, source: io.StringIO) -> None:
        self.source, self.lines = source, list[str]()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.lines.append(next(self.source))
        return self.lines[-1]


def _is_well_quoted(lines: list[str], delimiter: str) -> bool:
    try:
        list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return True


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
        # The upper bytes of Latin and of Arabic letters.
        if len(start) > 8 and zeros.count(0) + zeros.count(6) > 0.9 * len(zeros) and zeros.count(0) > 0.1 * len(zeros):
            return _decoded(content, encoding), _("Read as %(encoding)s.") % {"encoding": "UTF-16"}
    if b"\x00" in content:
        raise SheetError(_("The file holds NUL characters: it is not a CSV file."))
    try:
        return content.decode(), ""
    except UnicodeDecodeError:
        encoding, name = _of_before(content)
        return content.decode(encoding, errors="replace"), _("Read as %(encoding)s.") % {"encoding": name}


def _of_before(content: bytes) -> tuple[str, str]:
    """Return the encoding of text that is not all UTF-8, and its name: the one in which most letters are those of people's words."""
    if len(_UTF_8_RUN.findall(content)) > 2 * len(_ALONE.findall(_UTF_8_RUN.sub(b"", content))):
        return "utf-8", "UTF-8"
    if _ARABIC_RUN.search(content):
        return "cp1256", "Windows-1256"
    return max(_WESTERN, key=lambda one: sum(map(_FRENCH.__contains__, content.decode(one[0], errors="replace"))))


def _decoded(content: bytes, encoding: str) -> str:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise SheetError(_("The file is damaged: its letters cannot be read.")) from error
    if "\x00" in text:
        raise SheetError(_("The file holds NUL characters: it is not a CSV file."))
    return text
