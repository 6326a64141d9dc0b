"""What the import page shows of a file: what becomes of its columns and rows, and a sheet of the refused rows alone."""

from __future__ import annotations

import csv
import io
from typing import Any

from import_export.results import Result, RowResult

from depannini_dashmap.lib.sheets.resources import RowResource, safe_cell
from depannini_dashmap.lib.sheets.tables import Row

MOST_CORRECTIONS = 200
REASON = "error"


def report(result: Result, resource: type[RowResource]) -> dict[str, Any]:
    """Return the context of the page for a dry run."""
    good = [row for row in result.rows if row.import_type in RowResult.valid_import_types]
    filled = [index for index in range(len(resource.columns)) if any(row.diff[index] not in ("", None) for row in good)]
    headers = list(resource.columns)
    corrections = [(row.line.place(name), name, old, new) for row in good for name, old, new in row.line.corrections]
    return {
        "table": result.table,
        "refused": [_refusal(row) for row in _bad(result)],
        "preview_headers": [headers[index] for index in filled],
        "preview_rows": [(row.line.place(), row.import_type, row.line.notes, [row.diff[index] for index in filled]) for row in good],
        "corrections": corrections[:MOST_CORRECTIONS],
        "more_corrections": max(0, len(corrections) - MOST_CORRECTIONS),
        "good_count": sum(row.import_type != RowResult.IMPORT_TYPE_SKIP for row in good),
    }


def refused_sheet(result: Result) -> str:
    """Return a CSV of the refused rows as they were written, with the reason in a column; empty without such rows."""
    if not (bad := _bad(result)):
        return ""
    columns = result.table.columns
    text = io.StringIO()
    sheet = csv.writer(text, delimiter=";" if result.table.decimal_comma else ",")
    sheet.writerow([*columns, REASON])
    for row in bad:
        place, faults = _refusal(row)
        reasons = "; ".join(f"{name}: {fault}" if name else fault for _place, name, _written, fault in faults)
        cells = [row.line.written[name] for name in columns]
        sheet.writerow([safe_cell(cell) for cell in (*cells, f"{place}: {reasons}")])
    return "\ufeff" + text.getvalue()


def _bad(result: Result) -> list[RowResult]:
    return [row for row in result.rows if row.import_type == RowResult.IMPORT_TYPE_INVALID]


def _refusal(row: RowResult) -> tuple[str, list[tuple[str, str, str, str]]]:
    """Return the place of a row and its faults: place, column, what stands there, what is wrong."""
    line: Row = row.line
    error = row.validation_error
    faults = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    return line.place(), [
        (line.place(name), "" if name == "__all__" else name, line.written.get(name, ""), text)
        for name, texts in faults.items()
        for text in texts
    ]
