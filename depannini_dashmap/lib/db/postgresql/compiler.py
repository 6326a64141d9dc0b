"""Django's compilers of SQL; the INSERT of one object is written once a process and planned once a connection."""

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

_inserts: dict[tuple[Any, ...], Statement] = {}


class SQLInsertCompiler(compiler.SQLInsertCompiler):
    """Inserts one object of plain values by a prepared statement; all else as Django does."""

    query: Any

    def execute_sql(self, returning_fields: Any = None) -> Any:  # type: ignore[override]
        if not self._is_plain():
            return super().execute_sql(returning_fields)
        [made], fields = self.query.objs, self.query.fields
        values = [field.get_db_prep_save(self.pre_save_val(field, made), self.connection) for field in fields]
        rows: Any = self._statement([field.column for field in returning_fields or ()]).rows(*values)
        if not returning_fields:
            return []
        table = self.query.get_meta().db_table
        converters = self.get_converters([field.get_col(table) for field in returning_fields])
        return list(self.apply_converters(rows, converters)) if converters else rows

    def _is_plain(self) -> bool:
        """Return whether a statement of values does; a migration's models change while it runs."""
        query = self.query
        return (
            len(query.objs) == 1
            and bool(query.fields)
            and query.on_conflict is None
            and query.model.__module__ != "__fake__"
            and self.connection.alias == DEFAULT_DB_ALIAS
            and not any(hasattr(field, "get_placeholder") for field in query.fields)
            and not any(hasattr(query.objs[0].__dict__.get(field.attname), "resolve_expression") for field in query.fields)
        )

    def _statement(self, returned: list[Any]) -> Statement:
        columns = [field.column for field in self.query.fields]
        key = (self.query.get_meta().db_table, *columns, "", *returned)
        if key not in _inserts:
            quote: Any = self.connection.ops.quote_name
            names = ", ".join(map(quote, columns))
            marks = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
            answer = ", ".join(map(quote, returned)) or "1"
            _inserts[key] = Statement(f"INSERT INTO {quote(key[0])} ({names}) VALUES ({marks}) RETURNING {answer}")  # noqa: S608
        return _inserts[key]
