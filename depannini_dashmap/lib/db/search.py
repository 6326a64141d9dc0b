"""Searching a list for words: conditions that an index of the table's trigrams can answer, where there is one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.operations.base import Operation
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Upper
from django.db.models.sql import Query

from depannini_dashmap.lib.db.phone_and_plate_search import (
    holds_itself,
    in_any_spelling,
    is_written_in_many_ways,
    without_marks,
)

FEWEST_LETTERS = 3  # of a word that is found anywhere in a long list
FEW = 1000  # rows are sooner sorted than looked for in the list
NEWEST = 10_000  # rows of a list are read in its order in 20 ms
SORTED = 20_000  # rows at most are found by their trigrams and sorted, in 0.1 s
_LOOKUPS = {"^": "istartswith", "=": "iexact"}


def search(rows: QuerySet, fields: Sequence[str], words: Iterable[str], text: str) -> QuerySet:
    """Keep the rows that hold each word in one of `fields`, or the whole text as a number in any notation.

    A field may say `^` or `=` before its name, as in Django's admin. Where the rows have numbers of their own
    (`numbered`) and the text is one, only the number counts; of such rows, words of one or two letters are looked for at the
    beginnings of words, as an index of trigrams knows them there alone.
    """
    numbered = rows.numbered(text) if hasattr(rows, "numbered") else None
    if numbered is not None:
        return numbered
    words, spelled = list(words), in_any_spelling(fields, text)
    if words == [text] and spelled and holds_itself(text):  # the long numbers' trigrams are searched once
        fields = [name for name in fields if not is_written_in_many_ways(name)]
    fewest = FEWEST_LETTERS if hasattr(rows, "numbered") else 0  # what has numbers of its own is what grows for ever
    each = [reduce(or_, (_holds(field, word, fewest) for field in fields), Q()) for word in words]
    return rows.filter(reduce(and_, each, Q()) | spelled)


def joined_last(page: QuerySet) -> QuerySet:
    """Return a page, an ordered slice without annotations, as a query that first finds its rows and then joins others to them.

    PostgreSQL joins before it sorts what an index of words has found. That makes the index look dear, so that it rather
    reads the whole list in its order, in search of enough rows for a page.
    """
    rows = page.model._base_manager.filter(pk__in=page.values("pk")).order_by(*page.query.order_by)
    rows.query.select_related = page.query.select_related
    return rows


def read_soon(page: QuerySet, whole: QuerySet, count: int) -> QuerySet:
    """Return a page of what a search found in the `whole` of a long list, newest first, so that it reads few rows.

    `count` is of the rows found, as far as they were counted. PostgreSQL takes the rows that hold a word to be spread
    over all years: if they are old alone, it reads the list in its order down to them.
    """
    order, start, end = page.query.order_by, page.query.low_mark, page.query.high_mark
    if end is None:
        return page
    if connection.vendor != "postgresql" or not hasattr(page, "numbered") or order[:2] != ("-created_at", "-id"):
        return page
    found = page.all()
    found.query.clear_limits()
    if count > FEW:
        oldest = whole.order_by(*order).values_list("created_at", flat=True)[NEWEST : NEWEST + 1].first()
        newest = list(found.filter(created_at__gte=oldest).values_list("pk", flat=True)[start:end]) if oldest else []
        if newest and len(newest) == end - start:
            return found.filter(pk__in=newest)[: len(newest)]
        if oldest is None or _expected(found) > SORTED:
            return page
    # In an order that no index has: the trigrams find the rows, and these are sorted.
    return found.order_by((F("created_at") + Value(timedelta())).desc(), "-id")[start:end]


def _expected(rows: QuerySet) -> int:
    """Return how many rows PostgreSQL expects to find, by its statistics."""
    [plan] = json.loads(rows.order_by().explain(format="json"))
    return int(plan["Plan"]["Plan Rows"])


def _holds(field: str, word: str, fewest: int) -> Q:
    """Return the condition that a field holds a word; a shorter one has to stand at the beginning of the field or of a word in it."""
    name, lookup = field.lstrip("^=@"), _LOOKUPS.get(field[0], "icontains")
    if lookup == "icontains" and len(word) < fewest:
        return Q(**{f"{name}__istartswith": word}) | Q(**{f"{name}__icontains": f" {word}"})
    return Q(**{f"{name}__{lookup}": word})


class AddSearchIndex(Operation):
    """Index what is searched by its trigrams, on a PostgreSQL that has pg_trgm or lets us create it; else change nothing.

    Wants a migration that is not atomic: nobody is kept from writing. It counts the values too, without which the
    planner does not know rare words from common ones.
    """

    reversible = True

    def __init__(self, model_name: str, name: str, fields: Sequence[str]) -> None:
        self.model_name, self.name, self.fields = model_name, name, fields

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Leave the models as they are: the index may be absent."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Rebuild the index."""
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model) or not _has_trigrams(schema_editor):
            return
        marks = [without_marks(name) for name in self.fields if is_written_in_many_ways(name)]
        query = Query(model, alias_cols=False)
        compiler = query.get_compiler(connection=schema_editor.connection)
        columns = []
        for column in (*map(F, self.fields), *marks):
            sql, values = compiler.compile(Upper(column).resolve_expression(query))
            columns.append(f"{sql % tuple(map(schema_editor.quote_value, values))} gin_trgm_ops")
        table, name = schema_editor.quote_name(model._meta.db_table), schema_editor.quote_name(self.name)
        self._drop(schema_editor)
        schema_editor.execute(f"CREATE INDEX CONCURRENTLY {name} ON {table} USING gin ({', '.join(columns)})")
        schema_editor.execute(f"ANALYZE {table}")

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Drop the index; the extension may serve others."""
        if schema_editor.connection.vendor == "postgresql":
            self._drop(schema_editor)

    def describe(self) -> str:
        """Return what it does."""
        return f"Index {self.model_name} for searches, where pg_trgm is to be had"

    def _drop(self, schema_editor: Any) -> None:
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.name)}")


def _has_trigrams(schema_editor: Any) -> bool:
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        try:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        except DatabaseError:  # not installed on the server, or not this role's to create
            pass
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")
        return cursor.fetchone() is not None
