"""Sheets that go out: row by row from the database, so that a long one takes no more memory than a short one; CSV.

XLSX is in workbook_exports.py.
"""

from __future__ import annotations

import csv
import io
from array import array
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import QuerySet
from django.utils import translation

from depannini_dashmap.lib.sheets.resources import RowResource

AT_ONCE = 100  # a row and its stops refer to each other, so they wait for the search for cycles: 500 took 32 MB more, 100 take 8


def in_pieces(rows: QuerySet) -> Iterator[list[Any]]:
    """Yield the rows of a query in its order, some at a time.

    Their keys are read beforehand: no transaction stays open for as long as somebody takes to fetch the file. A row is
    read when it is written; a row deleted by then is left out.
    """
    keys = array("q", rows.values_list("pk", flat=True).iterator(chunk_size=2000))
    unordered = rows.order_by()
    for start in range(0, len(keys), AT_ONCE):
        piece = keys[start : start + AT_ONCE].tolist()
        found = {row.pk: row for row in unordered.filter(pk__in=piece)}
        yield [found[key] for key in piece if key in found]


def as_csv(resource: RowResource, rows: QuerySet) -> Iterator[bytes]:
    """Yield a CSV file piece by piece; the mark at its beginning shows spreadsheets that it is UTF-8."""
    language = translation.get_language()
    yield "\ufeff".encode() + _lines([resource.get_export_headers()])
    for piece in in_pieces(rows):
        with translation.override(language):  # by now the thread may have answered others
            lines = _lines(resource.export_resource(row) for row in piece)
        yield lines


def _lines(rows: Iterable[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
