"""XLSX that goes out, written on disk.

Imported by who writes one, when it is written: openpyxl, and numpy, which it takes where it is installed, cost an idle
process 17 MB.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from typing import IO, Any

from django.db.models import QuerySet
from django.utils import translation
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from depannini_dashmap.lib.sheets.exports import AT_ONCE, in_pieces
from depannini_dashmap.lib.sheets.resources import RowResource

NARROWEST, WIDEST = 14, 60  # characters
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\]")  # of sheets


def as_workbook(resource: RowResource, rows: QuerySet, title: str) -> IO[bytes]:
    """Return an XLSX file, written on disk; its rows are never in memory together."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    headers = []
    for number, name in enumerate(resource.get_export_headers(), 1):
        head = WriteOnlyCell(sheet, name)
        head.font = Font(bold=True)
        headers.append(head)
        sheet.column_dimensions[get_column_letter(number)].width = max(len(name) + 2, NARROWEST)
    sheet.append(headers)
    for piece in in_pieces(rows):
        for row in piece:
            sheet.append([_cell(sheet, value) for value in resource.export_resource(row, force_native_type=True)])
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    book.save(file)
    file.seek(0)
    return file


def _cell(sheet: Any, value: Any) -> Any:
    if not isinstance(value, str) or "\n" not in value:
        return value
    cell = WriteOnlyCell(sheet, value)
    cell.alignment = Alignment(wrap_text=True)
    return cell


def tables_as_workbook(tables: Iterable[tuple[str, list[str], list[list[Any]]]], *, title: str) -> IO[bytes]:
    """Return an XLSX file with a sheet for each table, given as title, headings and rows; a text is never a formula."""
    book = Workbook(write_only=True)
    book.properties.title = title
    for name, head, rows in tables:
        sheet = book.create_sheet(_NOT_IN_NAMES.sub(" ", name)[:31])
        sheet.freeze_panes = "B2"
        sheet.sheet_view.rightToLeft = translation.get_language_bidi()
        for number, heading in enumerate(head, 1):
            widest = max([len(heading), *(len(str(row[number - 1])) for row in rows[:AT_ONCE])])
            sheet.column_dimensions[get_column_letter(number)].width = min(max(widest + 2, NARROWEST), WIDEST)
        headings = [_text_cell(sheet, heading) for heading in head]
        for cell in headings:
            cell.font = Font(bold=True)
        sheet.append(headings)
        for row in rows:
            sheet.append([_text_cell(sheet, value) if isinstance(value, str) else value for value in row])
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    book.save(file)
    file.seek(0)
    return file


def _text_cell(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", text))
    cell.data_type = "s"
    return cell
