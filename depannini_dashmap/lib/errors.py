"""The errors that services raise and every door translates: one code, one sentence, one HTTP status each.

DomainError
├── InvalidData 400 ├── Unauthenticated 401 ├── Forbidden 403 ├── NotFound 404 ├── Conflict 409
├── RequestTimeout 408 ├── BodyTooLarge 413 ├── KeyReused 422 ├── TooManyRequests 429 ├── BadGateway 502 └── Unavailable 503
"""

from typing import Any

from depannini_dashmap.lib.field_messages import one_in_words


class DomainError(Exception):
    """A refusal with a stable `code`, a sentence for people and the HTTP status that fits it.

    `fields` maps (dotted) field names to lists of messages; `extra` goes into the envelope as further keys.
    Without a sentence of its own, a refusal of exactly one field says what is wrong with it.
    """

    status = 400
    code = "invalid_data"
    message = "Invalid data"

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        fields: dict[str, list[str]] | None = None,
        **extra: Any,
    ) -> None:
        about_one = None if message else one_in_words(fields)
        self.says_its_field = about_one is not None
        self.message = message or about_one or self.message
        self.code = code or self.code
        self.fields = fields
        self.extra = extra
        super().__init__(self.message)


class InvalidData(DomainError):
    """The request's own content is wrong."""


class Unauthenticated(DomainError):
    """No credentials that count."""

    status, code, message = 401, "invalid_token", "Invalid token"


class Forbidden(DomainError):
    """The caller is known and may not do this."""

    status, code, message = 403, "forbidden", "You do not have permission to do this"


class NotFound(DomainError):
    """Absent, or not the caller's to see. `model` is its name in words, e.g. `Trip stop`."""

    status, code = 404, "not_found"

    def __init__(self, model: str = "Page", **extra: Any) -> None:
        super().__init__(f"{model} not found", **extra)


class Conflict(DomainError):
    """The present state does not allow it."""

    status, code, message = 409, "conflict", "The current state does not allow this"


class RequestTimeout(DomainError):
    """The request came too slowly."""

    status, code, message = 408, "request_timeout", "The request came too slowly"


class BodyTooLarge(DomainError):
    """The body is over the limit."""

    status, code, message = 413, "body_too_large", "Request body too large"


class KeyReused(DomainError):
    """An idempotency key came back with another body."""

    status, code, message = 422, "idempotency_key_reused", "This Idempotency-Key was used with another body"


class TooManyRequests(DomainError):
    """A rate limit or a lockout; `retry_after` in seconds."""

    status, code, message = 429, "too_many_requests", "Too many requests"

    def __init__(self, message: str | None = None, *, retry_after: int = 60, **extra: Any) -> None:
        super().__init__(message, **extra)
        self.retry_after = max(1, int(retry_after))


class BadGateway(DomainError):
    """An outside system refused or failed."""

    status, code, message = 502, "outside_system_failed", "An outside system failed"


class Unavailable(DomainError):
    """Something this server needs is not there now; `retry_after` in seconds."""

    status, code, message = 503, "unavailable", "Service temporarily unavailable"

    def __init__(self, message: str | None = None, *, retry_after: int = 5, **extra: Any) -> None:
        super().__init__(message, **extra)
        self.retry_after = retry_after
