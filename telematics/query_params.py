"""Typed query parameters of the position endpoints."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

from rest_framework import serializers
from rest_framework.request import Request

from depannini_dashmap.lib.api.fields import StrictIntegerField, UtcDateTimeField


class HistoryQuery(serializers.Serializer):
    """Filters of the history; `from` and `to` are included, `updated_since` is about arrival."""

    vehicle = StrictIntegerField(required=False)
    updated_since = UtcDateTimeField(required=False)

    def get_fields(self) -> dict[str, Any]:
        """Add the two whose names Python keeps for itself."""
        span = {"from": UtcDateTimeField(required=False), "to": UtcDateTimeField(required=False)}
        return {**super().get_fields(), **span}


class TrackQuery(HistoryQuery):
    """Which vehicle's track, and when."""

    vehicle = StrictIntegerField()
    updated_since = None
    matched = serializers.BooleanField(required=False, default=False, help_text="put the line on roads, and leave gaps open")


class Wanted(NamedTuple):
    """A checked query."""

    vehicle_id: int | None
    start: dt.datetime | None
    end: dt.datetime | None
    updated_since: dt.datetime | None
    matched: bool = False


def wanted(query: type[HistoryQuery], request: Request) -> Wanted:
    """Read the query string. Raises: ValidationError with the names of the wrong filters."""
    checked = query(data=request.query_params.dict())
    checked.is_valid(raise_exception=True)
    given = checked.validated_data
    return Wanted(given.get("vehicle"), given.get("from"), given.get("to"), given.get("updated_since"), given.get("matched", False))
