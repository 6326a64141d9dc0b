"""How much a vehicle carries along a trip: plain values in and out."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from trips.sequencing import PICKUP

KG_PER_TONNE = 1000


def heaviest_load_kg(stops: Iterable[tuple[str, Decimal | None]]) -> Decimal:
    """Return the greatest weight on board between any two stops. `stops`: type and the order's weight, in sequence."""
    load = heaviest = Decimal(0)
    for kind, weight in stops:
        load += (weight or 0) if kind == PICKUP else -(weight or 0)
        heaviest = max(heaviest, load)
    return heaviest
