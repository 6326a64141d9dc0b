"""Statements that run all the time: their SQL is made once a process, and planned once a connection by PostgreSQL.

Django compiles a query's SQL each time and PostgreSQL plans it each time; for a single row either costs more
than reading it. Which statements are worth it, and the queries themselves, belong to the apps.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, NotSupportedError, connection, connections
from django.db.models import JSONField, Model, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.query import get_related_populators
from django.db.transaction import TransactionManagementError

# What each of the driver's connections has prepared, by statement; it is forgotten with the connection.
_prepared: WeakKeyDictionary[Any, dict[Statement, str]] = WeakKeyDictionary()
_numbers = itertools.count(1)
_MARK = re.compile(r"\$(\d+)")


class Statement:
    """SQL with `$1`, `$2`… for its values, each with a type that PostgreSQL can infer from its context.

    `is_prepared=False` is for what is better planned for its very values.
    """

    def __init__(self, sql: str, *, is_prepared: bool = True) -> None:
        self.sql = sql
        self._is_prepared = is_prepared
        self._with_names = _MARK.sub(r"%(v\1)s", sql.replace("%", "%%"))

    def rows(self, *values: Any) -> list[tuple]:
        """Run it and return its rows."""
        database = connections[DEFAULT_DB_ALIAS]  # once, as `connection` looks it up at each use
        with database.cursor() as cursor:
            if self._is_prepared and database.vendor == "postgresql" and settings.DATABASE_PREPARE:
                self._execute(database, cursor, values)
            else:
                cursor.execute(self._with_names, {f"v{number}": value for number, value in enumerate(values, 1)})
            return cursor.fetchall()

    def _execute(self, database: Any, cursor: Any, values: tuple) -> None:
        try:
            cursor.execute(self._call(database, values), values)
        except NotSupportedError:
            # A migration changed the type of a column that the statement gives ("cached plan must not change result type").
            stale = _prepared[database.connection].pop(self, None)
            if stale is None or database.in_atomic_block:
                raise
            with database.wrap_database_errors, database.connection.cursor() as raw:
                raw.execute(f"DEALLOCATE {stale}")
            cursor.execute(self._call(database, values), values)

    def _call(self, database: Any, values: tuple) -> str:
        marks = f" ({', '.join(['%s'] * len(values))})" if values else ""
        return f"EXECUTE {self._name(database)}{marks}"

    def _name(self, database: Any) -> str:
        """Return the statement's name on this connection, prepared if need be by the driver itself: it is no query."""
        database.validate_no_broken_transaction()
        known = _prepared.setdefault(database.connection, {})
        if self not in known:
            name = f"statement_{next(_numbers)}"
            with database.wrap_database_errors, database.connection.cursor() as raw:
                raw.execute(f"PREPARE {name} AS {self.sql}")
            known[self] = name
        return known[self]


@dataclass(frozen=True)
class Reader:
    """Stands for a signed-in user in `visible_to`, by id and role alone."""

    pk: int
    is_operator: bool


def among(ids: Any) -> Any:
    """Return what `__in` takes in a prepared query: many ids as a single value."""
    return RawSQL("SELECT unnest(%s::bigint[])", [ids]) if connection.vendor == "postgresql" else ids


def typed(value: Any, kind: str) -> Any:
    """Return what a prepared query of values that are no numbers compares with: an instant, a word; `kind` is PostgreSQL's type."""
    return RawSQL(f"%s::{kind}", [value]) if connection.vendor == "postgresql" else value  # noqa: S611


class PreparedRows:
    """The rows of `build(reader, *values)`, a `values_list()` query that knows of the reader only what Reader holds.

    The reader is None where the query asks for no rights. On SQLite, whose driver knows no instants, Django reads the
    rows itself.
    """

    def __init__(self, build: Callable[..., QuerySet]) -> None:
        self._build = build
        self._compiled: dict[bool, tuple[Statement, list[int], list[int], bool]] = {}

    def __call__(self, reader: Any, *values: Any) -> list[tuple]:
        """Return the rows. Raises: TransactionManagementError for a lock outside a transaction."""
        if connection.vendor != "postgresql":
            return list(self._build(reader, *values))
        is_operator = reader is not None and reader.is_operator
        if is_operator not in self._compiled:
            self._compiled[is_operator] = self._compile(is_operator, len(values))
        statement, used, documents, locks = self._compiled[is_operator]
        if locks:
            _require_transaction()
        given = (reader and reader.pk, *values)
        rows = statement.rows(*(given[index] for index in used))
        return [_with_documents(row, documents) for row in rows] if documents else rows

    def _compile(self, is_operator: bool, count: int) -> tuple[Statement, list[int], list[int], bool]:
        """Return the statement, which of the reader's id and the values it takes, which columns hold JSON, and whether it locks.

        Django's backend has the driver leave JSON as text, and Django's own rows read it afterwards.
        """
        slots = _slots(count + 1)
        query = self._build(Reader(slots[0], is_operator), *slots[1:]).query
        compiler = query.get_compiler(connection=connection)
        statement, used = _statement_of(compiler, slots)
        documents = [number for number, (column, *_) in enumerate(compiler.select) if isinstance(column.output_field, JSONField)]
        return statement, used, documents, query.select_for_update


class PreparedObjects:
    """The objects of `build(*values)`, a query of whole models and what they select beside, perhaps locked.

    On SQLite, and where DATABASE_PREPARE is off, Django reads them itself.
    """

    def __init__(self, build: Callable[..., QuerySet]) -> None:
        self._build = build
        self._compiled: tuple[Statement, list[int]] | None = None

    def __call__(self, *values: Any) -> list[Any]:
        """Return the objects. Raises: TransactionManagementError for a lock outside a transaction."""
        if connection.vendor != "postgresql" or not settings.DATABASE_PREPARE:
            return list(self._build(*values))
        if self._compiled is None:
            self._compile(len(values))
        if self._locks:
            _require_transaction()
        statement, used = self._compiled  # type: ignore[misc]
        rows: Any = statement.rows(*(values[index] for index in used))
        if self._converters:
            rows = self._compiler.apply_converters(rows, self._converters)
        return [self._object(row) for row in rows]

    def _compile(self, count: int) -> None:
        slots = _slots(count)
        query = self._build(*slots).query
        compiler = self._compiler = query.get_compiler(connection=connection)
        compiled = _statement_of(compiler, slots)
        chosen = compiler.klass_info["select_fields"]
        self._model, self._span = compiler.klass_info["model"], slice(chosen[0], chosen[-1] + 1)
        self._names = [column.target.attname for column, *_ in compiler.select[self._span]]
        self._beside = get_related_populators(compiler.klass_info, compiler.select, connection.alias)  # type: ignore[call-arg]
        self._converters = compiler.get_converters([column for column, *_ in compiler.select])
        self._locks = query.select_for_update
        self._compiled = compiled  # last, as other threads look at it

    def _object(self, row: Any) -> Any:
        found = self._model.from_db(connection.alias, self._names, row[self._span])
        for other in self._beside:
            other.populate(row, found)
        return found


_updates: dict[tuple[Any, ...], Statement] = {}


def update_row(model: type[Model], pk: Any, **changes: Any) -> bool:
    """Change the columns of one row, as `filter(pk=pk).update(**changes)` does; tell whether it is there.

    Shape: plain values, and foreign keys by their id.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    if database.vendor != "postgresql":
        return bool(model._default_manager.filter(pk=pk).update(**changes))
    meta: Any = model._meta
    fields = [meta.get_field(name) for name in changes]
    key = (meta.db_table, *(field.column for field in fields))
    if key not in _updates:
        quoted = [database.ops.quote_name(name) for name in (*key, meta.pk.column)]
        told = ", ".join(f"{name} = ${number}" for number, name in enumerate(quoted[1:-1], 1))
        _updates[key] = Statement(f"UPDATE {quoted[0]} SET {told} WHERE {quoted[-1]} = ${len(key)} RETURNING 1")  # noqa: S608
    values = [field.get_db_prep_save(value, database) for field, value in zip(fields, changes.values(), strict=True)]
    return bool(_updates[key].rows(*values, pk))


def _require_transaction() -> None:
    if not connection.in_atomic_block:
        raise TransactionManagementError("A row is locked until the end of a transaction: open one")


def _slots(count: int) -> range:
    """Return numbers that no table holds, which stand for the values while Django writes the SQL."""
    return range(2**62, 2**62 + count)


def _statement_of(compiler: Any, slots: range) -> tuple[Statement, list[int]]:
    """Return a query as a statement, and which of the slots it takes."""
    from psycopg2.extensions import AsIs

    sql, parameters = compiler.as_sql()
    used = [slot for slot in slots if slot in parameters]
    marks = {slot: AsIs(f"${number}") for number, slot in enumerate(used, 1)}
    # All else is constant in the SQL, so that partial indexes are used.
    with connection.cursor() as cursor:
        whole = cursor.mogrify(sql, [marks.get(value, value) if type(value) is int else value for value in parameters])
    return Statement(whole.decode()), [slots.index(slot) for slot in used]


def _with_documents(row: tuple, documents: list[int]) -> tuple:
    values = list(row)
    for number in documents:
        if values[number] is not None:
            values[number] = orjson.loads(values[number])
    return tuple(values)
