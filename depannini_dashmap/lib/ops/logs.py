"""JSON log lines without secrets, phones or exact places."""

import logging
import re
import time
from typing import Any

from pythonjsonlogger.json import JsonFormatter as _JsonFormatter

from depannini_dashmap.lib.ops import request_context

_SECRETS = (
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*"), "[token]"),
    (re.compile(r"(?i)\b(bearer|token)\s+[\w.=-]{12,}"), r"\1 [token]"),
    (re.compile(r"(?i)([?&](?:token|access_token|code|password|refresh)=)[^&\s\"']+"), r"\1[secret]"),
    (re.compile(r"(?i)(\"?(?:password|old_password|new_password|code|refresh|access|secret)\"?\s*[:=]\s*)\"?[^\s,\"'}]+"), r"\1[secret]"),
    (re.compile(r"(/devices/osmand/?\?)[^\s\"']+"), r"\1[secret]"),  # a device's key is its `id`
    (re.compile(r"(?<![\w/])((?:https?://[\w.:\[\]-]+)?/[thoi]/)[\w%.~-]+"), r"\1[secret]"),  # links that open one thing
    (re.compile(r"\+\d{8,15}\b"), "[phone]"),
    (re.compile(r"(-?\d{1,3}\.\d{2})\d{3,}"), r"\1"),
)


def redact(text: str) -> str:
    """Return `text` with tokens, codes, passwords, E.164 phones and exact coordinates taken out."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class RedactingFilter(logging.Filter):
    """Take secrets out of a record's message before any formatter sees it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact(record.getMessage())
        record.args = None
        return True


class JsonFormatter(_JsonFormatter):
    """One JSON object a line: time, level, logger, message, request id, and the traceback redacted."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime

    def add_fields(self, log_data: dict, record: logging.LogRecord, message_dict: dict) -> None:
        super().add_fields(log_data, record, message_dict)
        log_data.pop("request", None)
        if request_id := request_context.current().request_id:
            log_data["request_id"] = request_id

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name is logging's
        return redact(str(super().formatException(ei)))
