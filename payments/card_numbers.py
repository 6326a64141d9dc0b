"""Recognise the number of a payment card in what people type, so that nobody stores one."""

from __future__ import annotations

import re

from depannini_dashmap.lib.text import plain_digits

_RUN = re.compile(r"\d(?:[ .-]?\d){12,18}")


def holds_card_number(text: str) -> bool:
    """Return whether a text has 13 to 19 digits in a row, perhaps spaced, that end in the check digit of a card."""
    return any(_is_checked("".join(filter(str.isdigit, run))) for run in _RUN.findall(plain_digits_kept(text)))


def plain_digits_kept(text: str) -> str:
    """Return the text with digits of every script as ASCII, its spaces kept."""
    return " ".join(plain_digits(word) for word in text.split())


def _is_checked(digits: str) -> bool:
    # Luhn: every second digit from the right counts twice.
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
