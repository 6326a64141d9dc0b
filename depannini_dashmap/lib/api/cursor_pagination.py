"""DRF's cursor in our envelope of lists. DRF's own modules import this while they load, so it imports no views."""

from typing import Any

from django.core.exceptions import ValidationError
from rest_framework import exceptions
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from depannini_dashmap.lib import errors
from depannini_dashmap.lib.api.list_envelope import list_schema
from depannini_dashmap.lib.numbers import NotANumber, read_integer


class CursorPages(CursorPagination):
    """`{"results", "next", "previous"}`, newest first, up to 1000 rows a page.

    A view may set `ordering` (its default) and `ordering_fields` (what `?ordering=` may name, `-` for descending);
    the id is always the tie-break.
    """

    page_size = 1000
    max_page_size = 1000
    page_size_query_param = "page_size"
    ordering = ("-created_at", "-id")

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        default = tuple(getattr(view, "ordering", None) or self.ordering)
        wanted = request.query_params.get("ordering")
        if not wanted:
            return default
        allowed = set(getattr(view, "ordering_fields", ()))
        names = [name.strip() for name in wanted.split(",")]
        plain = [name.removeprefix("-") for name in names]
        # A field twice says nothing new, and a thousand of them would be a thousand conditions.
        if len(set(plain)) < len(plain) or not allowed.issuperset(plain):
            raise errors.InvalidData(fields={"ordering": [f"Choose from: {', '.join(sorted(allowed))}."]})
        return (*names, "-id" if names[0].startswith("-") else "id")

    def get_page_size(self, request: Request) -> int | None:
        try:
            wanted = read_integer(request.query_params.get(self.page_size_query_param))
        except NotANumber:
            wanted = 0
        return min(wanted, self.max_page_size) if wanted > 0 else self.page_size

    def decode_cursor(self, request: Request) -> Any:
        try:
            return super().decode_cursor(request)
        except exceptions.NotFound as error:
            raise errors.InvalidData(fields={"cursor": ["Unknown cursor."]}) from error

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValidationError, ValueError, TypeError) as error:
            if "cursor" not in request.query_params:
                raise
            raise errors.InvalidData(fields={"cursor": ["Unknown cursor."]}) from error

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self.get_next_link(), "previous": self.get_previous_link()})

    def get_paginated_response_schema(self, schema: dict) -> dict:
        return list_schema(schema)
