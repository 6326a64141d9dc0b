"""Access logs of servers without what a URL must not tell: tokens in query strings."""

import logging
from typing import Any

from daphne.access import AccessLogGenerator

from depannini_dashmap.lib.ops.logs import redact


class _RedactedArguments(logging.Filter):
    """Redact a record's arguments and keep their number: uvicorn's formatter takes them apart."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(redact(value) if isinstance(value, str) else value for value in record.args)
        return True


def keep_secrets_out() -> None:
    """Let every access log that a server has opened or will open be redacted.

    The command lines give no way to choose another class, and they open the logs before they load the application.
    """
    for name in ("uvicorn.access", "uvicorn.error"):
        logging.getLogger(name).addFilter(_RedactedArguments())
    original = AccessLogGenerator.write_entry
    if getattr(original, "is_redacted", False):
        return

    def write_entry(self: AccessLogGenerator, host: str, date: Any, request: str, *args: Any, **kwargs: Any) -> None:
        original(self, host, date, redact(request), *args, **kwargs)

    write_entry.is_redacted = True  # type: ignore[attr-defined]
    AccessLogGenerator.write_entry = write_entry
