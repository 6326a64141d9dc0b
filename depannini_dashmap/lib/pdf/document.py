"""A4 pages with headings, facts and tables, from left to right or from right to left. Knows nothing of what it prints."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from unicodedata import bidirectional

from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos

_FONTS = Path(__file__).parent / "fonts"
_FAMILY = "DejaVu"
MARGIN, LABEL, LINE = 18, 52, 6.5  # mm

# What these say of each table of a font is of no use to whoever runs the application.
for _name in ("fontTools.subset", "fontTools.ttLib"):
    logging.getLogger(_name).setLevel(logging.WARNING)


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
        """Write a heading."""
        self.space(3)
        self._text(text, size=12, style="B")

    def note(self, text: str) -> None:
        """Write a paragraph in small letters."""
        self._text(text, size=8.5)

    def space(self, height: float) -> None:
        """Leave room. Units: mm."""
        self._pdf.ln(height)

    def fact(self, label: str, value: str, *, is_bold: bool = False) -> None:
        """Write a label with its value beside it, on the side on which one reads on."""
        self._row([(label, LABEL, 9, "", 85), (value, self._pdf.epw - LABEL, 10, "B" if is_bold else "", 0)])

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], *, widths: Sequence[int]) -> None:
        """Write a table whose first column stands where a line begins; `widths` are shares of the line."""
        share = self._pdf.epw / sum(widths)
        for number, row in enumerate((head, *rows)):
            style, grey = ("", 0) if number else ("B", 85)
            self._row([(text, width * share, 9, style, grey) for text, width in zip(row, widths, strict=True)])
            self._pdf.set_draw_color(190)
            self._pdf.line(self._pdf.l_margin, self._pdf.y, self._pdf.l_margin + self._pdf.epw, self._pdf.y)

    def _row(self, cells: Sequence[tuple[str, float, float, str, int]]) -> None:
        """Write texts side by side, each with its width, size, style and grey; the next row begins below the longest."""
        pdf = self._pdf
        if pdf.will_page_break(2 * LINE):
            pdf.add_page()
        top = bottom = pdf.y
        offset = 0.0
        for text, width, size, style, grey in cells:
            x = pdf.epw - offset - width if self._is_rtl else offset
            pdf.set_xy(pdf.l_margin + x, top)
            pdf.set_text_color(grey)
            self._write(text, width, LINE, size=size, style=style)
            bottom = max(bottom, pdf.y)
            offset += width
        pdf.set_text_color(0)
        pdf.set_xy(pdf.l_margin, bottom)

    def as_bytes(self) -> bytes:
        """Return the file."""
        return bytes(self._pdf.output())

    def _text(self, text: str, *, size: float, style: str = "") -> None:
        self._write(text, self._pdf.epw, size * 0.5, size=size, style=style)

    def _write(self, text: str, width: float, height: float, *, size: float, style: str) -> None:
        # Each text runs as its first letter does: amounts and names in Latin letters stay as they are inside Arabic.
        self._pdf.set_text_shaping(use_shaping_engine=True, direction="rtl" if runs_from_right(text) else "ltr")
        self._pdf.set_font(_FAMILY, style=style, size=size)
        align = Align.R if self._is_rtl else Align.L
        self._pdf.multi_cell(width, height, text, align=align, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def runs_from_right(text: str) -> bool:
    """Return whether the first letter of a text is of a script that is written from right to left."""
    strong = (kind for character in text if (kind := bidirectional(character)) in ("L", "R", "AL"))
    return next(strong, "L") != "L"
