"""Lists whose documents are built from `values_list()` rows: no model instances, no dicts in between."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rest_framework.request import Request

from depannini_dashmap.lib.api import CursorPages


class RowPages(CursorPages):
    """Cursor pages of plain rows; the view's `row_columns` names what each holds."""

    # Rows with equal values are told apart by an offset: a customer may well have more orders than one page holds.
    offset_cutoff = 100_000

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        self.columns: Sequence[str] = view.row_columns
        return super().paginate_queryset(queryset, request, view)

    def _get_position_from_instance(self, instance: Any, ordering: Sequence[str]) -> Any:
        value = instance[self.columns.index(ordering[0].removeprefix("-"))]
        return None if value is None else str(value)


def instant_text(stored: datetime) -> str:
    """Return an instant as read from the database, which is in UTC already, as `YYYY-MM-DDTHH:MM:SSZ`.

    `format_utc` converts from any zone and costs four times as much.
    """
    return stored.isoformat("T", "seconds")[:19] + "Z"


def decimal_text(stored: Any) -> str | None:
    """Return a decimal as read from the database, which keeps the places that the contract shows."""
    return None if stored is None else str(stored)
