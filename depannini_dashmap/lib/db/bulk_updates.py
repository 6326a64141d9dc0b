"""Update many rows of a table, each with values of its own, by one statement; which rows and what for belongs to the apps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import connection, transaction

SQLITE_MAX_VARIABLES = 32_000


class RowUpdate:
    """An UPDATE of rows that are named by their key, whose new values come as a table called `given`.

    Shape: `columns` maps the columns of `given`, the key first, to their types in PostgreSQL; `assignments` and `where`
    are SQL that names them (`given.seen_at`) and the table's own ones.
    """

    def __init__(self, table: str, columns: Mapping[str, str], assignments: str, *, where: str = "") -> None:
        self._columns, key = columns, next(iter(columns))
        condition = f"{table}.{key} = given.{key}" + (f" AND {where}" if where else "")
        self._sql = f"UPDATE {table} SET {assignments} FROM {{given}} WHERE {condition}"  # noqa: S608
        self._lock = f"SELECT {key} FROM {table} WHERE {key} = ANY(%s) ORDER BY {key} FOR NO KEY UPDATE"  # noqa: S608

    def run(self, rows: Sequence[tuple]) -> None:
        """Update them; of several the locks are taken in the order of their keys, so that two calls never deadlock."""
        if not rows:
            return
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                if len(rows) > 1:
                    cursor.execute(self._lock, [[row[0] for row in rows]])
                marks = ", ".join(f"%s::{kind}[]" for kind in self._columns.values())
                given = f"unnest({marks}) AS given ({', '.join(self._columns)})"
                cursor.execute(self._sql.format(given=given), [list(values) for values in zip(*rows, strict=True)])
                return
            for part in self._parts(rows):
                values = [_adapted(value) for row in part for value in row]
                cursor.execute(self._sql.format(given=self._sqlite_table(len(part))), values)

    def _parts(self, rows: Sequence[tuple]) -> Iterator[Sequence[tuple]]:
        size = SQLITE_MAX_VARIABLES // len(self._columns)
        return (rows[start : start + size] for start in range(0, len(rows), size))

    def _sqlite_table(self, count: int) -> str:
        names = ", ".join(f"column{number} AS {name}" for number, name in enumerate(self._columns, 1))
        marks = f"({', '.join(['%s'] * len(self._columns))})"
        return f"(SELECT {names} FROM (VALUES {', '.join([marks] * count)})) AS given"  # noqa: S608


def _adapted(value: Any) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, dt.datetime) else value
