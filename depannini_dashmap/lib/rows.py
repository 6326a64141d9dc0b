"""Lists whose documents are built from `values_list()` rows: no model instances, no dicts in between."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.db.models import Model, Q
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from depannini_dashmap.lib.api import CursorPages
from depannini_dashmap.lib.errors import InvalidData


class RowPages(CursorPages):
    """Pages of plain rows that start after (or end before) one row: its value of the order and its id.

    The view's `row_columns` names what a row holds. DRF's own cursor remembers the value alone and counts rows of
    equal value; going back it loses one of them.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        """Return the rows of the page that the cursor in the query asks for."""
        self.address: str = request.build_absolute_uri()
        self.columns: Sequence[str] = view.row_columns
        ordering = self.get_ordering(request, queryset, view)[0]
        self.name, descending = ordering.removeprefix("-"), ordering.startswith("-")
        start = self._start(request.query_params.get(self.cursor_query_param), queryset.model)
        backwards = start is not None and start[0]
        lower = descending != backwards
        if start is not None:
            queryset = queryset.filter(_beyond(self.name, *start[1:], lower=lower))
        size = self.get_page_size(request) or self.max_page_size
        found = list(queryset.order_by(*(f"-{name}" if lower else name for name in (self.name, "id")))[: size + 1])
        more = len(found) > size
        self.rows: list[tuple] = found[:size]
        if backwards:
            self.rows.reverse()
        self.has_next = bool(self.rows) and (more or backwards)
        self.has_previous = bool(self.rows) and (more if backwards else start is not None)
        return self.rows

    def get_next_link(self) -> str | None:
        """Return the address of the page after this one."""
        return self._link(self.rows[-1], backwards=False) if self.has_next else None

    def get_previous_link(self) -> str | None:
        """Return the address of the page before this one."""
        return self._link(self.rows[0], backwards=True) if self.has_previous else None

    def _link(self, row: tuple, *, backwards: bool) -> str:
        value, pk = row[self.columns.index(self.name)], row[self.columns.index("id")]
        cursor = base64.urlsafe_b64encode(orjson.dumps([backwards, str(value), pk])).decode().rstrip("=")
        return replace_query_param(self.address, self.cursor_query_param, cursor)

    def _start(self, cursor: str | None, model: type[Model]) -> tuple[bool, Any, int] | None:
        if cursor is None:
            return None
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            backwards, text, pk = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            if type(backwards) is not bool or type(text) is not str or type(pk) is not int or "\x00" in text:
                raise ValueError("not ours")
            return backwards, model._meta.get_field(self.name).to_python(text), pk  # type: ignore[union-attr]
        except (ValueError, TypeError, binascii.Error, ValidationError, OverflowError) as error:
            raise InvalidData(fields={"cursor": ["Unknown cursor."]}) from error


def _beyond(name: str, value: Any, pk: int, *, lower: bool) -> Q:
    way = "lt" if lower else "gt"
    # The first condition says nothing new; an index is searched by it.
    return Q(**{f"{name}__{way}e": value}) & (Q(**{f"{name}__{way}": value}) | Q(**{f"id__{way}": pk}))


def instant_text(stored: datetime) -> str:
    """Return an instant as read from the database, which is in UTC already, as `YYYY-MM-DDTHH:MM:SSZ`.

    `format_utc` converts from any zone and costs four times as much.
    """
    return stored.isoformat("T", "seconds")[:19] + "Z"


def decimal_text(stored: Any) -> str | None:
    """Return a decimal as read from the database, which keeps the places that the contract shows."""
    return None if stored is None else str(stored)
