"""Workbooks (.xlsx) as people save them: merged cells, hidden rows, formulas, several sheets; what a line means is not known here."""

from __future__ import annotations

import io
import re
import zipfile

from django.utils.translation import gettext as _

from depannini_dashmap.lib.labels import listed
from depannini_dashmap.lib.sheets.headings import Headings
from depannini_dashmap.lib.sheets.limits import (
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_LINES,
    MAX_ROWS,
    TooMuch,
    Unreadable,
    measure_workbook,
)
from depannini_dashmap.lib.sheets.sheet_lines import HEADER_WITHIN, Page, SheetError
from depannini_dashmap.lib.sheets.values import EPOCH_1904, NotComputed

MAX_SHEETS = 20
# Tags of spreadsheets are short: bounds keep a file that was made to be slow from being so.
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell [^>]{0,300}ref="([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"')
_HIDDEN = rb'\bhidden="(?:1|true)"'
_HIDDEN_ROW = re.compile(rb"<(?:\w+:)?row\b(?=[^>]{0,300}" + _HIDDEN + rb')[^>]{0,300}\br="([0-9]{1,7})"')
_HIDDEN_COLUMNS = re.compile(rb"<(?:\w+:)?col\b(?=[^>]{0,300}" + _HIDDEN + rb')(?=[^>]{0,300}\bmin="([0-9]{1,5})")(?=[^>]{0,300}\bmax="([0-9]{1,5})")')
# A formula whose result is not in the file. An empty result is one: its cell says that it is a text.
_NOT_COMPUTED = re.compile(
    rb'<(?:\w+:)?c (?![^>]{0,300}\bt="str")[^>]{0,300}\br="([A-Z]{1,3})([0-9]{1,7})"[^>]{0,300}>\s*'
    rb"<(?:\w+:)?f\b(?:[^>]{0,300}/>|[^>]{0,300}>([^<]{0,9000})</(?:\w+:)?f>)\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_FORMULA = re.compile(rb"<(?:\w+:)?f[ >/]")


def read_workbook(content: bytes, headings: Headings) -> Page:
    """Read the sheet that has the header, whichever was open when saved; merged cells are filled downwards.

    A hidden sheet counts only where no other one names a column. Raises: SheetError.
    """
    try:
        measure_workbook(content)
    except Unreadable as error:
        raise SheetError(_("The file is not an XLSX workbook.")) from error
    except TooMuch as error:
        raise SheetError(
            _("The workbook holds too much; import at most %(most)d rows at once. Rows below the table that are empty but formatted count too: delete them.")
            % {"most": MAX_ROWS}
        ) from error
    try:
        sheets = _sheets(content)
    except Exception as error:
        raise SheetError(_("The workbook cannot be read.")) from error
    ranked = [((header.named > 0 and is_shown, header.named), page) for page, is_shown in sheets if (header := page.header(headings))]
    if not ranked:
        raise SheetError(_("The workbook cannot be read.") if not sheets else _("The file has no header row."))
    page = max(ranked, key=lambda one: one[0])[1]
    if len(sheets) > 1:
        others = listed(one.name for one, _is_shown in sheets if one is not page)
        page.remarks.append(_("Read from the sheet %(name)s, not from: %(others)s.") % {"name": page.name, "others": others})
    return page


def _sheets(content: bytes) -> list[tuple[Page, bool]]:
    """Return the sheets of a workbook, each with whether the spreadsheet shows it."""
    import openpyxl
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    is_for_others_to_compute = _is_for_others_to_compute(content)
    found = []
    for sheet in book.worksheets[:MAX_SHEETS]:
        rows = sheet.iter_rows(values_only=True, max_row=MAX_LINES, max_col=MAX_COLUMNS + 1)
        filled = enumerate(rows, start=1)
        page = Page([(number, list(cells)) for number, cells in filled if any(cell not in (None, "") for cell in cells)], sheet.title)
        with sheet._get_source() as source:
            _look_at_source(page, source.read())
        if is_for_others_to_compute and page.has_formulas:
            page.remarks.append(_("No spreadsheet has computed the formulas of this file yet: look at the numbers, or open and save it first."))
        if book.epoch == CALENDAR_MAC_1904:
            page.epoch = EPOCH_1904
        found.append((page, sheet.sheet_state == "visible"))
    return found


def _is_for_others_to_compute(content: bytes) -> bool:
    """Return whether a program wrote the workbook that leaves its formulas to the spreadsheet that opens it."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return "xl/workbook.xml" in archive.namelist() and b'fullCalcOnLoad="1"' in archive.read("xl/workbook.xml")


def _look_at_source(page: Page, source: bytes) -> None:
    """Take from a sheet's XML what openpyxl leaves out when it reads row by row."""
    page.has_formulas = bool(_FORMULA.search(source))
    if page.has_formulas:
        _mark_not_computed(page, source)
    _fill_merged(page, source)
    page.hidden_lines = frozenset(int(number) for number in _HIDDEN_ROW.findall(source)) & {number for number, _cells in page.lines}
    spans = [(int(first) - 1, min(int(last), MAX_COLUMNS)) for first, last in _HIDDEN_COLUMNS.findall(source)]
    page.hidden_columns = frozenset(index for first, last in spans for index in range(first, last))


def _mark_not_computed(page: Page, source: bytes) -> None:
    from openpyxl.utils import column_index_from_string

    lines = dict(page.lines)
    for column, number, formula in _NOT_COMPUTED.findall(source):
        index = column_index_from_string(column.decode()) - 1
        if int(number) > MAX_LINES or index > MAX_COLUMNS:
            continue
        cells = lines.setdefault(int(number), [])
        cells += [None] * (index + 1 - len(cells))
        if cells[index] is None:
            cells[index] = NotComputed("=" + formula.decode(errors="replace"))
    page.lines = sorted(lines.items())


def _fill_merged(page: Page, source: bytes) -> None:
    from openpyxl.utils import column_index_from_string

    lines, steps = dict(page.lines), 0
    page.spans = {}
    for left, top, right, bottom in _MERGED.findall(source):
        column, first, last = column_index_from_string(left.decode()) - 1, int(top), min(int(bottom), MAX_LINES)
        if right != left and first in lines and len(page.spans) <= HEADER_WITHIN:
            page.spans.setdefault(first, []).append((column, min(column_index_from_string(right.decode()) - 1, MAX_COLUMNS)))
        steps += max(1, last - first)
        if steps > MAX_CELLS:
            return
        value = lines[first][column] if first in lines and column < len(lines[first]) else None
        for number in range(first + 1, last + 1):
            cells = lines.get(number, [])
            if column < len(cells) and cells[column] is None:
                cells[column] = value
