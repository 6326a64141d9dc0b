"""Search for phone numbers and license plates, with any separators between their digits."""

from __future__ import annotations

import re
from collections.abc import Iterable

import phonenumbers
from django.conf import settings
from django.db.models import F, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Replace
from django.db.models.lookups import IContains

BETWEEN = (" ", "-", ".", "(", ")", "+", "/", "\N{NO-BREAK SPACE}")
FEWEST_CHARACTERS = 4
_KINDS = ("phone", "phone_number", "plate")
_JOINED = re.compile(r"[\s.()+/\-\u2010-\u2015\u200b-\u200f\u202a-\u202e\u2066-\u2069]+")


def is_written_in_many_ways(field: str) -> bool:
    """Return whether a field, by its name, holds a phone number or a plate."""
    return field.lstrip("=^@").endswith(_KINDS)


def squeezed(text: str) -> str:
    """Return a search without what may stand between; of a phone number the digits that all its spellings share."""
    plain = _JOINED.sub("", text)
    if plain.isdigit() and len(plain) > 6:
        try:
            return str(phonenumbers.parse(text, settings.PHONE_DEFAULT_REGION).national_number)
        except phonenumbers.NumberParseException:
            return plain
    return plain


def in_any_spelling(fields: Iterable[str], text: str) -> Q:
    """Return the condition that one of `fields` holds `text` in any spelling.

    Empty where `text` is too short, holds letters that are in no phone number, or none of the fields is such a one.
    """
    wanted, condition = squeezed(text), Q()
    if len(wanted) < FEWEST_CHARACTERS or not any(letter.isdigit() for letter in wanted):
        return condition
    for name in (field.lstrip("=^@") for field in fields if is_written_in_many_ways(field)):
        if wanted.isdigit() or name.endswith("plate"):
            condition |= Q(IContains(without_marks(name), wanted))
    return condition


def holds_itself(text: str) -> bool:
    """Return whether a phone number or plate that holds `text` as it is written also holds it in any spelling."""
    wanted = squeezed(text)
    return wanted.isdigit() and wanted in "".join(letter for letter in text if letter not in BETWEEN)


def without_marks(name: str) -> Combinable:
    """Return a column without what may stand between its digits."""
    column: Combinable = F(name)
    for mark in BETWEEN:
        column = Replace(column, Value(mark), Value(""))
    return column
