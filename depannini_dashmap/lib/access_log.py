"""Daphne's access log without what a URL must not tell: tokens in query strings."""

from typing import Any

from daphne.access import AccessLogGenerator

from depannini_dashmap.lib.logs import redact


def keep_secrets_out() -> None:
    """Let every log that Daphne has opened or will open be redacted.

    The command line gives no way to choose another class, and it opens the log before it loads the application.
    """
    original = AccessLogGenerator.write_entry
    if getattr(original, "is_redacted", False):
        return

    def write_entry(self: AccessLogGenerator, host: str, date: Any, request: str, *args: Any, **kwargs: Any) -> None:
        original(self, host, date, redact(request), *args, **kwargs)

    write_entry.is_redacted = True  # type: ignore[attr-defined]
    AccessLogGenerator.write_entry = write_entry
