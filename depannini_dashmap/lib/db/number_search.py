"""Searching for what people write in many ways: phone numbers and license plates, whatever stands between their digits."""

from __future__ import annotations

import re
from collections.abc import Iterable

import phonenumbers
from django.conf import settings
from django.db.models import F, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Replace

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


def matching(rows: QuerySet, fields: Iterable[str], text: str) -> tuple[QuerySet, Q]:
    """Return the rows with what is needed to compare, and the condition that one of `fields` holds `text` in any spelling.

    The condition is empty where `text` is too short, or none of the fields is such a one.
    """
    wanted, condition = squeezed(text), Q()
    if len(wanted) < FEWEST_CHARACTERS or not any(letter.isdigit() for letter in wanted):
        return rows, condition
    names = [field.lstrip("=^@") for field in fields if is_written_in_many_ways(field)]
    for number, name in enumerate(names):
        column: Combinable = F(name)
        for mark in BETWEEN:
            column = Replace(column, Value(mark), Value(""))
        rows = rows.alias(**{f"squeezed_{number}": column})
        condition |= Q(**{f"squeezed_{number}__icontains": wanted})
    return rows, condition
