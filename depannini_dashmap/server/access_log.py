"""Access logs of servers without the secrets of URLs: tokens in query strings."""

import logging

from depannini_dashmap.lib.ops.logs import redact


class _RedactedArguments(logging.Filter):
    """Redact a record's arguments and keep their number: uvicorn's formatter takes them apart."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(redact(value) if isinstance(value, str) else value for value in record.args)
        return True


def redact_uvicorn() -> None:
    """Redact what uvicorn logs, also where its own command line has set these loggers up."""
    for name in ("uvicorn.access", "uvicorn.error"):
        logging.getLogger(name).addFilter(_RedactedArguments())
