"""A4 pages with headings, facts and tables, from left to right or from right to left. Knows nothing of what it prints."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple
from unicodedata import bidirectional

from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos

_FONTS = Path(__file__).parent / "fonts"
_FAMILY = "DejaVu"
MARGIN, LABEL, LINE = 18, 52, 6.5  # mm

# What these say of each table of a font is of no use to whoever runs the application.
for _name in ("fontTools.subset", "fontTools.ttLib"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class _Cell(NamedTuple):
    """A text with the room that it has. Units: width in mm, size in points."""

    text: str
    width: float
    size: float
    style: str = ""
    grey: int = 0


class Document:
    """A document that is written from top to bottom; `language` says on which side a line begins."""

    def __init__(self, title: str, language: str, *, is_rtl: bool) -> None:
        self._pdf = FPDF(format="A4")
        self._is_rtl = is_rtl
        self._pdf.set_margins(MARGIN, MARGIN, MARGIN)
        self._pdf.set_auto_page_break(True, margin=MARGIN)
        self._pdf.add_font(_FAMILY, fname=_FONTS / "DejaVuSans.ttf")
        self._pdf.add_font(_FAMILY, style="B", fname=_FONTS / "DejaVuSans-Bold.ttf")
        self._pdf.set_title(title)
        self._pdf.set_lang(language)
        self._pdf.add_page()
        self._text(title, size=17, style="B")
        self.space(2)

    def heading(self, text: str) -> None:
        """Write a heading, on the page of what follows it."""
        self.space(3)
        if self._pdf.will_page_break(4 * LINE):
            self._pdf.add_page()
        self._text(text, size=12, style="B")

    def note(self, text: str) -> None:
        """Write a paragraph in small letters."""
        self._text(text, size=8.5)

    def space(self, height: float) -> None:
        """Leave room. Units: mm."""
        self._pdf.ln(height)

    def fact(self, label: str, value: str, *, is_bold: bool = False) -> None:
        """Write a label with its value beside it, on the side on which one reads on."""
        self._row([_Cell(label, LABEL, 9, grey=85), _Cell(value, self._pdf.epw - LABEL, 10, "B" if is_bold else "")])

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], *, widths: Sequence[int]) -> None:
        """Write a table whose first column stands where a line begins, its head again on each page; `widths` are shares of the line."""
        share = self._pdf.epw / sum(widths)

        def write_head() -> None:
            self._row([_Cell(text, width * share, 9, "B", 85) for text, width in zip(head, widths, strict=True)])
            self._rule()

        write_head()
        for row in rows:
            self._row([_Cell(text, width * share, 9) for text, width in zip(row, widths, strict=True)], on_new_page=write_head)
            self._rule()

    def _rule(self) -> None:
        self._pdf.set_draw_color(190)
        self._pdf.line(self._pdf.l_margin, self._pdf.y, self._pdf.l_margin + self._pdf.epw, self._pdf.y)

    def _row(self, cells: Sequence[_Cell], *, on_new_page: Callable[[], None] = lambda: None) -> None:
        """Write texts side by side; the next row begins below the longest. A row stays on one page, unless it is longer than one."""
        pdf = self._pdf
        columns = [self._lines(cell) for cell in cells]
        left = max(map(len, columns))
        done, whole_page = 0, int(pdf.eph // LINE) - 1
        while done < left:
            room = self._lines_left()
            if room < (1 if done else 2) or (room < left - done <= whole_page):
                pdf.add_page()
                on_new_page()
                room = self._lines_left()
            self._write_lines(cells, [lines[done : done + room] for lines in columns])
            done += room

    def _lines_left(self) -> int:
        return int((self._pdf.page_break_trigger - self._pdf.y) / LINE - 1e-6)

    def _write_lines(self, cells: Sequence[_Cell], columns: Sequence[Sequence[str]]) -> None:
        pdf, top, offset = self._pdf, self._pdf.y, 0.0
        align = Align.R if self._is_rtl else Align.L
        for cell, lines in zip(cells, columns, strict=True):
            x = pdf.epw - offset - cell.width if self._is_rtl else offset
            pdf.set_text_color(cell.grey)
            self._prepare(cell.text, size=cell.size, style=cell.style)
            for number, line in enumerate(lines):
                pdf.set_xy(pdf.l_margin + x, top + number * LINE)
                pdf.cell(cell.width, LINE, line, align=align)
            offset += cell.width
        pdf.set_text_color(0)
        pdf.set_xy(pdf.l_margin, top + max(map(len, columns)) * LINE)

    def _lines(self, cell: _Cell) -> list[str]:
        """Return the lines of a text, each no wider than its cell: broken between words, and within one that is wider."""
        self._prepare(cell.text, size=cell.size, style=cell.style)
        room = cell.width - 2 * self._pdf.c_margin
        lines: list[str] = []
        for paragraph in cell.text.splitlines() or [""]:
            line = ""
            for word in paragraph.split():
                longer = f"{line} {word}" if line else word
                if self._pdf.get_string_width(longer) <= room:
                    line = longer
                    continue
                if line:
                    lines.append(line)
                *full, line = self._pieces(word, room)
                lines += full
            lines.append(line)
        return lines

    def _pieces(self, word: str, room: float) -> list[str]:
        pieces = []
        while len(word) > 1 and self._pdf.get_string_width(word) > room:
            # The most letters that fit, by halving; one at the least.
            fits, too_many = 1, len(word)
            while too_many - fits > 1:
                middle = (fits + too_many) // 2
                if self._pdf.get_string_width(word[:middle]) <= room:
                    fits = middle
                else:
                    too_many = middle
            pieces.append(word[:fits])
            word = word[fits:]
        return [*pieces, word]

    def as_bytes(self) -> bytes:
        """Return the file."""
        return bytes(self._pdf.output())

    def _text(self, text: str, *, size: float, style: str = "") -> None:
        self._write(text, self._pdf.epw, size * 0.5, size=size, style=style)

    def _write(self, text: str, width: float, height: float, *, size: float, style: str) -> None:
        self._prepare(text, size=size, style=style)
        align = Align.R if self._is_rtl else Align.L
        self._pdf.multi_cell(width, height, text, align=align, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _prepare(self, text: str, *, size: float, style: str) -> None:
        # Each text runs as its first letter does: amounts and names in Latin letters stay as they are inside Arabic.
        self._pdf.set_text_shaping(use_shaping_engine=True, direction="rtl" if runs_from_right(text) else "ltr")
        self._pdf.set_font(_FAMILY, style=style, size=size)


def runs_from_right(text: str) -> bool:
    """Return whether the first letter of a text is of a script that is written from right to left."""
    strong = (kind for character in text if (kind := bidirectional(character)) in ("L", "R", "AL"))
    return next(strong, "L") != "L"
