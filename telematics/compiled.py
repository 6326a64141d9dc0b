"""Queries that run all the time: their SQL is built once per process, by the same QuerySet verbs as everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import QuerySet

from telematics.readings import MAX_ID

_ACTOR, _WANTED = MAX_ID, MAX_ID - 1


class _StandIn(NamedTuple):
    """An actor whose id can be found again in compiled SQL."""

    pk: int
    is_operator: bool


class Compiled:
    """A query for an actor, and perhaps for a value; building it would cost more than running it.

    `build(actor, wanted)` gives a `values_list` queryset that depends on nothing of the actor but `pk` and
    `is_operator`. Rows come as the driver gives them, so on SQLite no column may be an instant.
    """

    def __init__(self, build: Callable[[Any, Any], QuerySet]) -> None:
        self.build = build
        self.sql: dict[tuple[str, bool], tuple[str, tuple]] = {}

    def rows(self, actor: Any, wanted: Any = None) -> list[tuple]:
        """Run it."""
        variant = (connection.vendor, actor.is_operator)
        if variant not in self.sql:
            self.sql[variant] = self.build(_StandIn(_ACTOR, actor.is_operator), _WANTED).query.sql_with_params()
        sql, params = self.sql[variant]
        real = {_ACTOR: actor.pk, _WANTED: wanted}
        with connection.cursor() as cursor:
            cursor.execute(sql, [real.get(value, value) for value in params])
            return cursor.fetchall()
