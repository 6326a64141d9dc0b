"""Amounts as people type them into a page."""

from __future__ import annotations

import re
from decimal import Decimal

from depannini_dashmap.lib.numbers import NotANumber, read_decimal
from depannini_dashmap.lib.text import plain_digits

_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]{1,2}|[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{1,2}")
_AMBIGUOUS = re.compile(r"[0-9]{1,3}(?:[.,][0-9]{3})+")


def read_amount(typed: str) -> Decimal:
    """Read an amount: `1 200,50`, `1.200,50`, `1200.5`, digits of any script; what is none is NaN, which no price is.

    `1.200` is none: some mean a thousand and two hundred by it, others one and a fifth.
    """
    text = "".join(plain_digits(typed).split()).replace("\u066b", ".").replace("\u066c", "")
    if _AMBIGUOUS.fullmatch(text):
        return Decimal("NaN")
    if _GROUPED.fullmatch(text):
        text = re.sub(r"[.,](?=.*[.,])", "", text)
    try:
        return read_decimal(text.replace(",", "."))
    except NotANumber:
        return Decimal("NaN")
