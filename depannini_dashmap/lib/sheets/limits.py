"""How much an uploaded sheet may hold, found out before anybody takes it apart: a small file may unpack to a large one."""

from __future__ import annotations

import codecs
import io
import zipfile
from collections.abc import Iterator
from typing import IO, NamedTuple

MAX_ROWS = 20_000
SMALL_ROWS = 300  # are read and written while somebody waits; more are a task's
SMALL_BYTES = 512 * 1024
SMALL_UNPACKED_BYTES = 3 * 1024 * 1024
MAX_BYTES = 10 * 1024 * 1024
MAX_UNPACKED_BYTES = 80 * 1024 * 1024
MAX_COLUMNS = 100
MAX_CELLS = 500_000
MAX_TAGS = 6_000_000
MAX_MEMBERS = 500
MAX_LETTERS = 5_000  # of one cell
MAX_TOKEN_BYTES = 1024 * 1024  # of one tag, comment or text; Excel's longest cell has 32,767 letters
# Excel keeps rows that are empty but were formatted once.
MAX_LINES = 5 * MAX_ROWS
_CHUNK = 256 * 1024
_OVERLAP = 16
_DECLARATIONS = (b"<!DOCTYPE", b"<!ENTITY")
_UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be", b"<\x00": "utf-16-le", b"\x00<": "utf-16-be"}
_ENCLOSED = ((b"<!--", b"-->"), (b"<?", b"?>"))  # may hold a "<" of their own


class Measure(NamedTuple):
    """How many rows a workbook has, headers and empty ones too, and how long it is unpacked."""

    rows: int
    unpacked_bytes: int


def is_large(content: bytes) -> bool:
    """Return whether a file is more than anybody should wait for. Raises: TooMuch, Unreadable, for workbooks."""
    if content.startswith(b"PK"):
        measure = measure_workbook(content)
        return measure.rows > SMALL_ROWS + 50 or measure.unpacked_bytes > SMALL_UNPACKED_BYTES
    return len(content) > SMALL_BYTES or max(content.count(b"\n"), content.count(b"\r")) > SMALL_ROWS + 50


class TooMuch(Exception):
    """The workbook holds more than is read at once."""


class Unreadable(Exception):
    """The file is not a workbook, or not of any real spreadsheet."""


def measure_workbook(content: bytes) -> Measure:
    """Look over the packed parts of a workbook. Raises: TooMuch, Unreadable. Nothing is kept of what is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
                raise TooMuch
            tally = _Tally()
            for member in members:
                if member.filename.endswith((".xml", ".rels", ".vml")):
                    with archive.open(member) as part:
                        tally.count(part, is_sheet="worksheets/" in member.filename)
            return Measure(tally.rows, sum(member.file_size for member in members))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise Unreadable from error


class _Tally:
    """Counts tags, rows and cells over all parts, and refuses what declares entities or is slow to read.

    Expat before 2.6 reads a token from its start with each piece that it is fed: a comment of 60 MB took a minute.
    """

    def __init__(self) -> None:
        self.tags = self.cells = self.rows = 0

    def count(self, part: IO[bytes], *, is_sheet: bool) -> None:
        rest, text_bytes, enclosed_bytes = b"", 0, [0] * len(_ENCLOSED)
        for text in _in_utf_8(part):
            seam = rest + text
            if any(name in seam for name in _DECLARATIONS):
                raise Unreadable("entities are declared")
            text_bytes = len(text) - text.rfind(b"<") if b"<" in text else text_bytes + len(text)
            enclosed_bytes = [_open_bytes(seam, *marks, before) for marks, before in zip(_ENCLOSED, enclosed_bytes, strict=True)]
            if max(text_bytes, *enclosed_bytes) > MAX_TOKEN_BYTES:
                raise TooMuch
            self.tags += text.count(b"<")
            if is_sheet:
                # What lies across the seam of two chunks is not worth counting.
                self.cells += text.count(b"<c ") + text.count(b"<c>") + text.count(b"<c/")
                self.rows += text.count(b"<row")
            if self.tags > MAX_TAGS or self.cells > MAX_CELLS or self.rows > MAX_LINES:
                raise TooMuch
            rest = text[-_OVERLAP:]


def _in_utf_8(part: IO[bytes]) -> Iterator[bytes]:
    """Yield a part piece by piece; one in UTF-16, whose letters may look like marks, is read as expat does. Raises: ValueError."""
    chunk = part.read(_CHUNK)
    encoding = next((name for beginning, name in _UTF_16.items() if chunk.startswith(beginning)), None)
    decoder = codecs.getincrementaldecoder(encoding)() if encoding else None
    while chunk:
        yield decoder.decode(chunk).encode() if decoder else chunk
        chunk = part.read(_CHUNK)


def _open_bytes(text: bytes, opening: bytes, closing: bytes, before: int) -> int:
    """Return how much of a comment or the like has been read that is still open at the end of a text."""
    opened = text.rfind(opening)
    closed = text.rfind(closing, opened + len(opening) if opened >= 0 else 0)  # `<!-->` opens a comment and ends none
    if opened >= 0 and closed < 0:
        closed = text.rfind(closing, 0, opened)
    if opened > closed:
        return len(text) - opened if closed >= 0 or not before else before + len(text)
    return before + len(text) if before and closed < 0 else 0
