"""Pages that lose no row, and how values read from the database look in documents built from `values_list()` rows."""

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

from depannini_dashmap.lib.api.cursor_pagination import CursorPages
from depannini_dashmap.lib.db.search import joined_last
from depannini_dashmap.lib.errors import InvalidData


class RowPages(CursorPages):
    """Pages of plain rows that start after (or end before) one row: its values of the order, the id last.

    The view's `row_columns` names what a tuple holds; without it rows are dicts or model instances. DRF's own cursor
    remembers one value alone and counts rows of equal value, at most a thousand; going back it loses one of them.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        """Return the rows of the page that the cursor in the query asks for."""
        self.address: str = request.build_absolute_uri()
        order = self.get_ordering(request, queryset, view)
        self.names = [name.removeprefix("-") for name in order]
        columns: Sequence[str] | None = getattr(view, "row_columns", None)
        self.keys = self.names if columns is None else [columns.index(name) for name in self.names]
        start = self._start(request.query_params.get(self.cursor_query_param), queryset.model)
        backwards = start is not None and start[0]
        lowers = [name.startswith("-") != backwards for name in order]
        if start is not None:
            queryset = queryset.filter(_beyond(self.names, start[1], lowers))
        size = self.get_page_size(request) or self.max_page_size
        directions = (f"-{name}" if lower else name for name, lower in zip(self.names, lowers, strict=True))
        page = queryset.order_by(*directions)[: size + 1]
        if columns is not None and request.query_params.get("search"):
            page = joined_last(page).values_list(*columns)
        found = list(page)
        more = len(found) > size
        self.rows: list[Any] = found[:size]
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

    def _link(self, row: Any, *, backwards: bool) -> str:
        values = (
            [getattr(row, name) for name in self.names] if isinstance(row, Model) else [row[key] for key in self.keys]
        )
        cursor = base64.urlsafe_b64encode(orjson.dumps([backwards, *map(str, values)])).decode().rstrip("=")
        return replace_query_param(self.address, self.cursor_query_param, cursor)

    def _start(self, cursor: str | None, model: type[Model]) -> tuple[bool, list[Any]] | None:
        if cursor is None:
            return None
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            backwards, *texts = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            if type(backwards) is not bool or any(type(text) is not str or "\x00" in text for text in texts):
                raise ValueError("not ours")
            fields = [model._meta.get_field(name) for name in self.names]
            values = [field.to_python(text) for field, text in zip(fields, texts, strict=True)]  # type: ignore[union-attr]
            if not -(2**63) <= values[-1] < 2**63:
                raise ValueError("no id")
            return backwards, values
        except (ValueError, TypeError, binascii.Error, ValidationError, OverflowError) as error:
            raise InvalidData(fields={"cursor": ["Unknown cursor."]}) from error


def _beyond(names: Sequence[str], values: Sequence[Any], lowers: Sequence[bool]) -> Q:
    *before, (_, pk, lower) = zip(names, values, lowers, strict=True)
    beyond = Q(**{f"pk__{'lt' if lower else 'gt'}": pk})
    for name, value, lower in reversed(before):
        way = "lt" if lower else "gt"
        # The first condition says nothing new; an index is searched by it.
        beyond = Q(**{f"{name}__{way}e": value}) & (Q(**{f"{name}__{way}": value}) | beyond)
    return beyond


def instant_text(stored: datetime) -> str:
    """Return an instant as read from the database, which is in UTC already, as `YYYY-MM-DDTHH:MM:SSZ`.

    `format_utc` converts from any zone and costs four times as much.
    """
    return stored.isoformat("T", "seconds")[:19] + "Z"


def decimal_text(stored: Any) -> str | None:
    """Return a decimal as read from the database, which keeps the places that the contract shows."""
    return None if stored is None else str(stored)
