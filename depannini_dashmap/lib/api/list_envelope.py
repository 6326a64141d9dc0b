"""The envelope of lists, and lists that are one page. DRF's own modules import this while they load, so it imports no views."""

from typing import Any

from rest_framework.pagination import BasePagination
from rest_framework.response import Response


def one_page(rows: Any) -> Response:
    """Return all `rows` on one page, in the envelope of lists."""
    return Response({"results": rows, "next": None, "previous": None})


def list_schema(rows: dict) -> dict:
    """Return the schema of the envelope of lists around the schema of their rows."""
    link = {"type": "string", "format": "uri", "nullable": True}
    return {
        "type": "object",
        "required": ["results", "next", "previous"],
        "properties": {"results": rows, "next": link, "previous": link},
    }


class OnePage(BasePagination):
    """Describe to the schema a list that is one page; `one_page` answers it."""

    def get_paginated_response_schema(self, schema: dict) -> dict:
        return list_schema(schema)
