"""A pytest plugin for an older suite on a newer schema: emptying tables reaches those that the older code does not know.

A new table that refers to an old one would otherwise keep TRUNCATE from emptying that one between tests.
"""

from __future__ import annotations

from typing import Any


def pytest_sessionstart() -> None:
    """Let every TRUNCATE cascade."""
    from django.db.backends.postgresql.operations import DatabaseOperations

    plain = DatabaseOperations.sql_flush

    def cascading(
        self: DatabaseOperations, style: Any, tables: Any, *, reset_sequences: bool = False, allow_cascade: bool = False
    ) -> list[str]:
        return plain(self, style, tables, reset_sequences=reset_sequences, allow_cascade=True)

    DatabaseOperations.sql_flush = cascading
