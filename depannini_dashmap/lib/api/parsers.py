"""Parsers of request bodies. DRF's own modules import this while they load, so it imports no views."""

from typing import Any

import orjson
from rest_framework import exceptions
from rest_framework.parsers import BaseParser


class JsonParser(BaseParser):
    """Strict JSON: an object, no NaN, no lone surrogates, bounded depth, UTF-8."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        data = self.load(parser_context)
        if not isinstance(data, dict):
            raise exceptions.ParseError("Invalid data")
        return data

    @staticmethod
    def load(parser_context: Any) -> Any:
        """Return what the body says. Raises: ParseError, RequestDataTooBig.

        Reading the stream itself would pass by Django's limit on the size of a body.
        """
        try:
            return orjson.loads(parser_context["request"]._request.body)
        except (orjson.JSONDecodeError, RecursionError) as error:
            raise exceptions.ParseError("Invalid data") from error
