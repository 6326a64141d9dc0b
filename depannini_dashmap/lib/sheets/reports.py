"""The import page's view of a sheet: its columns and rows, the refused rows to correct, and a sheet of these alone."""

from __future__ import annotations

import csv
import io
from typing import Any

from django.utils.translation import gettext
from import_export.results import Result, RowResult

from depannini_dashmap.lib.sheets import heading_choices, imports
from depannini_dashmap.lib.sheets.forms import MOST_MENDED
from depannini_dashmap.lib.sheets.resources import RowResource, safe_cell

REASON = "error"


def report(result: Result, resource: type[RowResource]) -> dict[str, Any]:
    """Return the context of the page for a dry run."""
    good = [row for row in result.rows if row.import_type in RowResult.valid_import_types]
    rows = [[row.line.place(), row.import_type, row.line.notes, row.diff] for row in good]
    corrections = [[row.line.place(name), name, old, new] for row in good for name, old, new in row.line.corrections]
    return {
        "good_count": sum(row.import_type != RowResult.IMPORT_TYPE_SKIP for row in good),
        **_shown(imports.about_columns(result.table), rows, corrections[: imports.MOST_CORRECTIONS], resource),
        "more_corrections": max(0, len(corrections) - imports.MOST_CORRECTIONS),
    }


def of_large(sheet: Any, resource: type[RowResource]) -> dict[str, Any]:
    """Return the context of the page for a large sheet, as its check or import left it."""
    found = sheet.report
    if "preview" not in found or sheet.state in ("done", "cancelled"):
        return {}
    return {
        "good_count": sheet.taken,
        **_shown(found, found["preview"], found["corrections"], resource),
        "more_corrections": found["more_corrections"],
        "more_rows": max(0, sheet.taken + sheet.skipped - len(found["preview"])),
        "choices": found["choices"],
        "offered": heading_choices.offered(resource),
    }


def _shown(table: dict[str, Any], rows: list[Any], corrections: list[Any], resource: type[RowResource]) -> dict[str, Any]:
    filled = [index for index in range(len(resource.columns)) if any(cells[index] not in ("", None) for *_, cells in rows)]
    names = [resource.label(name) for name in resource.columns]
    return {
        "table": columns_shown(table, resource),
        "preview_headers": [names[index] for index in filled],
        "preview_rows": [
            (place, kind, notes, [_cell(resource, index, cells[index]) for index in filled]) for place, kind, notes, cells in rows
        ],
        "corrections": [(place, resource.label(name), old, new) for place, name, old, new in corrections],
    }


def columns_shown(table: dict[str, Any], resource: type[RowResource]) -> dict[str, Any]:
    """Return what became of the columns, which go by their names on pages."""
    return {**table, "renamed": [(heading, resource.label(column)) for heading, column in table["renamed"]]}


def _cell(resource: type[RowResource], index: int, value: Any) -> Any:
    is_chosen = list(resource.columns)[index] in resource.chosen_from
    return gettext(str(value).replace("_", " ").title()) if is_chosen and value else value


def mending(sheet: Any, resource: type[RowResource]) -> dict[str, Any]:
    """Return the first refused rows with their errors, and the cells that can be corrected.

    Shape: `rows` of `{place, reasons, cells, others}`; a fault of the whole row opens all of its cells.
    """
    rows, known = [], [*resource.columns, *resource.import_only]
    for row in imports.refusals().filter(sheet=sheet)[:MOST_MENDED]:
        wrong: dict[str, list[str]] = {}
        for _place, column, _text, fault in row.faults:
            wrong.setdefault(column if column in known else "", []).append(fault)
        columns = [name for name in known if name in wrong or ("" in wrong and name in row.written)]
        rows.append(
            {
                "place": row.place,
                "reasons": wrong.get("", []),
                "cells": [
                    {
                        "name": f"cell-{row.line}-{column}",
                        "label": resource.label(column),
                        "text": row.written.get(column, ""),
                        "faults": wrong.get(column, []),
                    }
                    for column in columns
                ],
                "others": [
                    (resource.label(name), row.written[name])
                    for name in known
                    if row.written.get(name) and name not in columns
                ],
            }
        )
    return {"rows": rows, "more": max(0, sheet.refused - len(rows))}


def bad_rows(result: Result) -> list[RowResult]:
    """Return the refused rows."""
    return [row for row in result.rows if row.import_type == RowResult.IMPORT_TYPE_INVALID]


def refused_sheet(sheet: Any) -> str:
    """Return a CSV of the refused rows as they were written, with the reason in a column."""
    refused = list(imports.refusals().filter(sheet=sheet))
    # Databases keep no order of names.
    columns = list(dict.fromkeys([*sheet.report.get("columns", ()), *sorted({name for row in refused for name in row.written})]))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";" if sheet.report.get("decimal_comma") else ",")
    writer.writerow([*columns, REASON])
    for row in refused:
        reasons = "; ".join(f"{name}: {fault}" if name else fault for _place, name, _written, fault in row.faults)
        cells = [row.written.get(name, "") for name in columns]
        writer.writerow([safe_cell(cell) for cell in (*cells, f"{row.place}: {reasons}")])
    return "\ufeff" + text.getvalue()
