"""The price of a job from a tariff's figures: Decimal in and out, no tables."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

CENT = Decimal("0.01")
METRE = Decimal("0.001")
ZERO = Decimal("0.00")
TOO_MUCH = Decimal(10) ** 10  # the first amount that a price's column cannot hold


@dataclass(frozen=True)
class Rates:
    """What a tariff charges, in one currency."""

    base: Decimal
    per_km: Decimal
    minimum: Decimal = ZERO


class Lines(NamedTuple):
    """What a price is made of; `top_up` is what lifts it to the minimum."""

    base: Decimal
    distance: Decimal
    top_up: Decimal
    total: Decimal


def kilometres(distance_km: float) -> Decimal:
    """Return a distance to the metre."""
    return Decimal(repr(distance_km)).quantize(METRE, rounding=ROUND_HALF_UP)


def money(amount: Decimal) -> Decimal:
    """Round an amount to the cent, halves up."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def price(rates: Rates, distance_km: Decimal) -> Decimal:
    """Return base + distance × rate, at least the minimum, to the cent."""
    return money(max(rates.base + rates.per_km * distance_km, rates.minimum))


def vat_in(total: Decimal, rate: Decimal) -> Decimal:
    """Return the VAT that an amount has in it, to the cent. Units: ``rate`` in per cent."""
    return total - money(total / (1 + rate / 100))


def lines(rates: Rates, distance_km: Decimal) -> Lines:
    """Return the parts of a price, which add up to it to the cent."""
    total = price(rates, distance_km)
    asked = money(rates.base + rates.per_km * distance_km)
    base = money(rates.base)
    return Lines(base, asked - base, total - asked, total)
