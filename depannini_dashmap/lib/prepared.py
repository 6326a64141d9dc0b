"""Queries whose SQL is compiled once: for the single rows that are read all the time.

Django compiles a query's SQL anew each time, which costs more than PostgreSQL needs to answer it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

# Numbers that no table holds stand for the arguments while the SQL is compiled.
_FIRST_SLOT = 2**62


@dataclass(frozen=True)
class Reader:
    """Stands for a signed-in user in `visible_to`, by id and role alone."""

    pk: int
    is_operator: bool


class PreparedRows:
    """The rows of `build(*arguments)`, a `values_list()` query of whole numbers, compiled on first use.

    On SQLite, whose driver knows no instants, Django reads the rows itself.
    """

    def __init__(self, build: Callable[..., QuerySet]) -> None:
        self._build = build
        self._compiled: tuple[str, tuple] | None = None

    def __call__(self, *arguments: int) -> list[tuple]:
        """Return the rows."""
        if connection.vendor != "postgresql":
            return list(self._build(*arguments))
        if self._compiled is None:
            slots = range(_FIRST_SLOT, _FIRST_SLOT + len(arguments))
            self._compiled = self._build(*slots).query.sql_with_params()
        sql, parameters = self._compiled
        real = {_FIRST_SLOT + index: value for index, value in enumerate(arguments)}
        with connection.cursor() as cursor:
            cursor.execute(sql, [real.get(value, value) if isinstance(value, int) else value for value in parameters])
            return cursor.fetchall()
