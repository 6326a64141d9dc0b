"""Cursor pages of the history, newest first, that read little more than the page, however long the history is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from math import ceil
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.utils.dateparse import parse_datetime
from rest_framework.request import Request

from depannini_dashmap.lib import errors
from depannini_dashmap.lib.api.cursor_pagination import CursorPages

# The index is (vehicle, timestamp): each vehicle has its own fixes in order, and a page merges those of many.
RUN = """
SELECT {column} FROM telematics_position
WHERE vehicle_id = vehicle.id AND timestamp >= %s AND timestamp <= %s
ORDER BY timestamp {direction} LIMIT %s OFFSET %s
"""
EDGES = f"SELECT ({RUN}) AS edge FROM unnest(%s::bigint[]) AS vehicle(id)"  # noqa: S608
CANDIDATES = f"SELECT fix.id FROM unnest(%s::bigint[]) AS vehicle(id) CROSS JOIN LATERAL ({RUN}) AS fix"  # noqa: S608


class PositionPages(CursorPages):
    """Pages by `timestamp`; the view names the vehicles (`vehicle_ids`) and instants (`span`) in question."""

    ordering = ("-timestamp", "-id")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        """Narrow the rows before they are sorted: the database would sort the whole history of many vehicles."""
        cursor = self.decode_cursor(request)
        newest_first = not (cursor and cursor.reverse)
        start, end = getattr(view, "span", (None, None))
        if cursor and cursor.position:
            # DRF says the same with `OR timestamp IS NULL`, which no index serves.
            instant = _instant(cursor.position)
            queryset = queryset.filter(**{"timestamp__lt" if newest_first else "timestamp__gt": instant})
            start, end = _cut(start, end, instant, newest_first)
        vehicle_ids = getattr(view, "vehicle_ids", ())
        if connection.vendor == "postgresql" and len(vehicle_ids) > 1:
            size = (self.get_page_size(request) or 0) + 1 + (cursor.offset if cursor else 0)
            queryset = narrowed(queryset, vehicle_ids, (start, end), newest_first=newest_first, size=size)
        return super().paginate_queryset(queryset, request, view)


def narrowed(
    queryset: QuerySet,
    vehicle_ids: Sequence[int],
    span: tuple[dt.datetime | None, dt.datetime | None],
    *,
    newest_first: bool,
    size: int,
) -> QuerySet:
    """Keep the fixes among which the first `size` of the span are, by a few index reads for each vehicle.

    If k vehicles have at least m fixes beyond an instant, and k * m >= size, the page lies beyond that instant: the
    edges are each vehicle's m-th fix, and the instant is the k-th of them. A vehicle fills at most the whole page.
    """
    start, end = span[0] or dt.datetime.min, span[1] or dt.datetime.max
    lowest, highest = start.replace(tzinfo=dt.UTC), end.replace(tzinfo=dt.UTC)
    direction = "DESC" if newest_first else "ASC"
    depth = 2 * ceil(size / len(vehicle_ids))
    with connection.cursor() as cursor:
        sql = EDGES.format(column="timestamp", direction=direction)
        cursor.execute(sql, [lowest, highest, 1, depth - 1, list(vehicle_ids)])
        edges = sorted((edge for (edge,) in cursor.fetchall() if edge), reverse=newest_first)
    needed = ceil(size / depth)
    if len(edges) >= needed:
        if newest_first:
            lowest = edges[needed - 1]
        else:
            highest = edges[needed - 1]
    sql = CANDIDATES.format(column="id", direction=direction)
    return queryset.filter(pk__in=RawSQL(sql, [list(vehicle_ids), lowest, highest, size, 0]))  # noqa: S611


def _instant(position: str) -> dt.datetime:
    """Read the cursor's place. Raises: InvalidData for a cursor that no page returned."""
    try:
        instant = parse_datetime(position)
        if instant is None or instant.tzinfo is None:
            raise ValueError("not an instant")
        return instant.astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        raise errors.InvalidData(fields={"cursor": ["Unknown cursor."]}) from error


def _cut(
    start: dt.datetime | None, end: dt.datetime | None, instant: dt.datetime, newest_first: bool
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Shorten the span to what lies at and beyond the cursor; the page itself leaves out the cursor's instant."""
    if newest_first:
        return start, instant if end is None else min(end, instant)
    return instant if start is None else max(start, instant), end
