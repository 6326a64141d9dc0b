"""Django's compilers of SQL; the INSERT of a few objects is written once a process and planned once a connection."""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.backends.postgresql import compiler
from django.db.backends.postgresql.compiler import (
    SQLAggregateCompiler,
    SQLCompiler,
    SQLDeleteCompiler,
    SQLUpdateCompiler,
)

from depannini_dashmap.lib.db.prepared import Statement

__all__ = ["SQLAggregateCompiler", "SQLCompiler", "SQLDeleteCompiler", "SQLInsertCompiler", "SQLUpdateCompiler"]

MOST = 10  # objects of a prepared INSERT: each number of them is a statement of its own
_inserts: dict[tuple[Any, ...], Statement | None] = {}


class SQLInsertCompiler(compiler.SQLInsertCompiler):
    """Inserts a few objects of plain values by a prepared statement; all else as Django does."""

    query: Any

    def execute_sql(self, returning_fields: Any = None) -> Any:  # type: ignore[override]
        statement = self._statement([field.column for field in returning_fields or ()]) if self._is_plain() else None
        if statement is None:
            return super().execute_sql(returning_fields)
        fields, database = self.query.fields, self.connection
        values = [field.get_db_prep_save(self.pre_save_val(field, made), database) for made in self.query.objs for field in fields]
        rows: Any = statement.rows(*values)
        if not returning_fields:
            return []
        table = self.query.get_meta().db_table
        converters = self.get_converters([field.get_col(table) for field in returning_fields])
        return list(self.apply_converters(rows, converters)) if converters else rows

    def _is_plain(self) -> bool:
        """Return whether a statement of values does; a migration's models change while it runs."""
        query = self.query
        return (
            0 < len(query.objs) <= MOST
            and bool(query.fields)
            and query.on_conflict is None
            and query.model.__module__ != "__fake__"
            and self.connection.alias == DEFAULT_DB_ALIAS
            and not any(hasattr(value, "resolve_expression") for made in query.objs for value in made.__dict__.values())
        )

    def _statement(self, returned: list[Any]) -> Statement | None:
        """Return the statement for so many objects; None where a field writes its value by SQL of its own."""
        fields, count = self.query.fields, len(self.query.objs)
        key = (self.query.get_meta().db_table, count, *[field.column for field in fields], "", *returned)
        if key not in _inserts:
            _inserts[key] = None if any(hasattr(field, "get_placeholder") for field in fields) else self._written(returned)
        return _inserts[key]

    def _written(self, returned: list[Any]) -> Statement:
        quote: Any = self.connection.ops.quote_name
        width, count = len(self.query.fields), len(self.query.objs)
        names = ", ".join(quote(field.column) for field in self.query.fields)
        rows = ((f"${row * width + column}" for column in range(1, width + 1)) for row in range(count))
        marks = ", ".join(f"({', '.join(row)})" for row in rows)
        answer = ", ".join(map(quote, returned)) or "1"
        table = quote(self.query.get_meta().db_table)
        return Statement(f"INSERT INTO {table} ({names}) VALUES {marks} RETURNING {answer}")  # noqa: S608
