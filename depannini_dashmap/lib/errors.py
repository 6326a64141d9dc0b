"""The errors that services raise: one code, one sentence and one HTTP status each.

DomainError
├── InvalidData 400 ├── Unauthenticated 401 ├── Forbidden 403 ├── NotFound 404 ├── Conflict 409
├── RequestTimeout 408 ├── BodyTooLarge 413 ├── KeyReused 422 ├── TooManyRequests 429 ├── BadGateway 502 └── Unavailable 503

A sentence that pages show is lazy, with `format_lazy` for what varies, and so is shown in the language of the reader; the
API answers in English, because only pages activate a language.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from depannini_dashmap.lib.labels import labelled

# Parts of field names that are short for a word.
_WORDS = {"lat": "latitude", "lng": "longitude", "num": "number", "cat": "category", "email": "e-mail", "sms": "SMS", "url": "URL"}
_NO_FIELD = "non_field_errors"


class DomainError(Exception):
    """A refusal with a stable `code`, a sentence for people and the HTTP status that fits it.

    `fields` maps (dotted) field names to lists of messages; `extra` goes into the envelope as further keys.
    Without a sentence of its own, an error of exactly one field says what is wrong with that field.
    """

    status = 400
    code = "invalid_data"
    default_message: StrOrPromise = _("Invalid data")

    def __init__(
        self,
        message: StrOrPromise | None = None,
        *,
        code: str | None = None,
        fields: Mapping[str, Sequence[StrOrPromise]] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(message, fields)
        self.code = code or self.code
        self.extra = extra
        self._message = message
        self._fields = fields

    @property
    def message(self) -> str:
        """The sentence, in the active language."""
        return str(self._message or one_field_message(self._fields) or self.default_message)

    @property
    def fields(self) -> dict[str, list[str]] | None:
        """The messages of each field, in the active language."""
        if self._fields is None:
            return None
        return {name: [str(message) for message in messages] for name, messages in self._fields.items()}

    def __str__(self) -> str:
        return self.message

    def for_page(self) -> str:
        """Return the error on one line in the active language, with what is wrong in which field."""
        is_of_one_field = not self._message and one_field_message(self._fields) is not None
        sentences = [] if is_of_one_field else [self.message]
        for name, messages in (self.fields or {}).items():
            text = " ".join(messages)
            sentences.append(text if text in sentences else _with_field_name(name, text))
        return " ".join(dict.fromkeys(filter(None, sentences)))


class InvalidData(DomainError):
    """The request's own content is wrong."""


class Unauthenticated(DomainError):
    """No credentials that count."""

    status, code, default_message = 401, "invalid_token", "Invalid token"


class Forbidden(DomainError):
    """The caller is known and may not do this."""

    status, code, default_message = 403, "forbidden", _("You do not have permission to do this")


class NotFound(DomainError):
    """Absent, or invisible to the caller. `model` is its name, e.g. `Trip stop`."""

    status, code = 404, "not_found"

    def __init__(self, model: StrOrPromise = "Page", **extra: Any) -> None:
        super().__init__(format_lazy(_("{model} not found"), model=model), **extra)


class Conflict(DomainError):
    """The present state does not allow it."""

    status, code, default_message = 409, "conflict", _("The current state does not allow this")


class RequestTimeout(DomainError):
    """The request came too slowly."""

    status, code, default_message = 408, "request_timeout", "The request came too slowly"


class BodyTooLarge(DomainError):
    """The body is over the limit."""

    status, code, default_message = 413, "body_too_large", "Request body too large"


class KeyReused(DomainError):
    """An idempotency key came back with another body."""

    status, code, default_message = 422, "idempotency_key_reused", "This Idempotency-Key was used with another body"


class TooManyRequests(DomainError):
    """A rate limit or a lockout; `retry_after` in seconds."""

    status, code, default_message = 429, "too_many_requests", _("Too many requests")

    def __init__(self, message: StrOrPromise | None = None, *, retry_after: int = 60, **extra: Any) -> None:
        super().__init__(message, **extra)
        self.retry_after = max(1, int(retry_after))


class BadGateway(DomainError):
    """An outside system refused or failed."""

    status, code, default_message = 502, "outside_system_failed", "An outside system failed"


class Unavailable(DomainError):
    """Something this server needs is not there now; `retry_after` in seconds."""

    status, code, default_message = 503, "unavailable", "Service temporarily unavailable"

    def __init__(self, message: StrOrPromise | None = None, *, retry_after: int = 5, **extra: Any) -> None:
        super().__init__(message, **extra)
        self.retry_after = retry_after


def one_field_message(fields: Mapping[str, Sequence[StrOrPromise]] | None) -> str | None:
    """Return a sentence such as `License plate: another vehicle of this company has it`, for clients that show `error` alone.

    None when no field is wrong, or several are.
    """
    if not fields or len(fields) != 1:
        return None
    [(name, messages)] = fields.items()
    text = " ".join(str(message) for message in messages).strip().removesuffix(".")
    if not text:
        return None
    label = field_label(name)
    return f"{label}: {_uncapitalised(text)}" if label else text


def field_label(name: str) -> str:
    """Return the English label of a (dotted) field: `pickup_stop.name` is `Pickup stop, name`, `stops.0` is `Stops, 1`.

    Empty for messages that belong to no field.
    """
    label = ", ".join(filter(None, (_part_label(part) for part in name.split("."))))
    return label[:1].upper() + label[1:]


def _part_label(part: str) -> str:
    if part == _NO_FIELD:
        return ""
    if part.isdigit():
        return str(int(part) + 1)
    words = part.split("_")
    if len(words) > 1 and words[-1] in ("id", "ids"):
        words.pop()
    return " ".join(_WORDS.get(word, word) for word in words if word)


def _uncapitalised(sentence: str) -> str:
    """Return the sentence with a small first letter, unless its first word is a name or an abbreviation."""
    return sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() or sentence[1:2] == " " else sentence


def _with_field_name(name: str, text: str) -> str:
    label = field_label(name)
    if not text or not label:
        return text
    word = gettext(label[:1].lower() + label[1:])  # the names of the models' fields are in the catalogues
    return labelled(word[:1].upper() + word[1:], text)
