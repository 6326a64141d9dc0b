"""Bodies as devices send them: JSON or a form of any content type, compressed or not; their meaning is not known here."""

from __future__ import annotations

import json
import zlib
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import QueryDict
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, MultiPartParser

PACKED = {"gzip": 31, "x-gzip": 31, "deflate": 47}  # zlib's wbits; 47 takes a zlib header or none of gzip's


class DeviceParser(BaseParser):
    """JSON (an object or a list, with NaN and infinities, which mean that a value is not known), or a form.

    Devices call either by any type, or by none.
    """

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        body = unpacked(parser_context["request"]._request)
        try:
            text = body.decode("utf-8-sig").strip()
            if not text:
                return {}
            if text[0] in "[{":
                return json.loads(text, parse_constant=lambda _: None)
            if "=" in text:
                return QueryDict(text, encoding="utf-8")
        except (ValueError, RecursionError, SuspiciousOperation) as error:
            raise ParseError from error
        raise ParseError


class JsonBody(DeviceParser):
    """The documentation of JSON bodies."""

    media_type = "application/json"


class FormBody(DeviceParser):
    """The documentation of forms."""

    media_type = "application/x-www-form-urlencoded"


class FilesParser(MultiPartParser):
    """A form in parts, whose files are of no use here."""


def unpacked(request: Any) -> bytes:
    """Return a body as it was before it was packed. Raises: ParseError for what cannot be unpacked, or grows too large."""
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if encoding in ("", "identity"):
        return request.body
    if encoding not in PACKED:
        raise ParseError
    unpacking = zlib.decompressobj(PACKED[encoding])
    try:
        body = unpacking.decompress(request.body, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    except zlib.error as error:
        raise ParseError from error
    if unpacking.unconsumed_tail or not unpacking.eof:
        raise ParseError
    return body
