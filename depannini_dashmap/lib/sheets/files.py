"""Read an uploaded file as the lines of one sheet, for any supported kind of file."""

from __future__ import annotations

import csv
from typing import Any

from django.utils.translation import gettext as _

from depannini_dashmap.lib.sheets.csv_files import DELIMITERS, read_csv
from depannini_dashmap.lib.sheets.headings import Headings
from depannini_dashmap.lib.sheets.limits import MAX_COLUMNS
from depannini_dashmap.lib.sheets.other_files import refuse_other_kinds
from depannini_dashmap.lib.sheets.sheet_lines import Page
from depannini_dashmap.lib.sheets.workbooks import read_workbook


def read_page(content: bytes, headings: Headings) -> Page:
    """Read a workbook or text, with any file name. Raises: SheetError."""
    refuse_other_kinds(content)
    page = read_workbook(content, headings) if content.startswith(b"PK") else read_csv(content, headings)
    return _taken_apart(page, headings)


def _taken_apart(page: Page, headings: Headings) -> Page:
    """Split a page whose every line is one cell into its columns: text that was opened with another separator."""
    if not page.lines or any(not isinstance(cells[0], str) or any(cells[1:]) for _number, cells in page.lines):
        return page
    for mark in DELIMITERS:
        try:
            lines: list[tuple[int, list[Any]]] = [(number, next(csv.reader([cells[0]], delimiter=mark))) for number, cells in page.lines]
        except (csv.Error, StopIteration):
            continue
        apart = Page(lines, page.name, mark == ";", page.remarks, page.epoch)
        header = apart.header(headings)
        if header and header.named > 1 and len(header.cells) <= MAX_COLUMNS:
            apart.remarks.append(_("Every line was one cell; it was taken apart at “%(mark)s”.") % {"mark": mark})
            apart.hidden_lines = page.hidden_lines
            return apart
    return page
