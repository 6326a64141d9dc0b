"""Numbers by their grammar, for REST, frames and queries alike: stricter than Python's converters; and how pages write them.

A JSON number, or a text of ASCII digits with an optional sign, point and exponent; spaces around it do no harm. Not:
`true`, NaN, Infinity, `3_6`, `0x1`, `1,5`, digits of other scripts, empty texts.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.formats import number_format
from django.utils.functional import lazy

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?\Z")
_INTEGER = re.compile(r"[+-]?[0-9]+(?:\.0*)?\Z")
LONGEST = 400  # characters


class NotANumber(ValueError):
    """What came is no number."""


def written(number: Decimal | float, places: int = 2) -> str:
    """Write a number as the active language does, with so many decimals and its groups of thousands, as `floatformat:"2g"` does."""
    return number_format(round(Decimal(str(number)), places), places, force_grouping=True)


written_lazy = lazy(written, str)


def read_decimal(value: Any) -> Decimal:
    """Return a number exactly as it was written; finite. Raises: NotANumber."""
    text = _text(value)
    if not _NUMBER.match(text):
        raise NotANumber(value)
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise NotANumber(value) from error
    if not number.is_finite():
        raise NotANumber(value)
    return number


def read_float(value: Any) -> float:
    """Return a number as a finite float. Raises: NotANumber, also for what is too big for one."""
    if type(value) is float:
        number = value
    else:
        text = _text(value)
        if not _NUMBER.match(text):
            raise NotANumber(value)
        number = float(text)
    if not math.isfinite(number):
        raise NotANumber(value)
    return number


def read_integer(value: Any) -> int:
    """Return a whole number; `5.0` is one, `5.5` is not. Raises: NotANumber."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is not str or not _INTEGER.match(text := _text(value)):
        raise NotANumber(value)
    return int(text.partition(".")[0])


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise NotANumber(value)
    if isinstance(value, int) and abs(value) >= 10**LONGEST:
        raise NotANumber(value)  # Python refuses to write longer ones
    text = str(value).strip()
    if len(text) > LONGEST:
        raise NotANumber(value)
    return text
