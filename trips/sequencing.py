"""The order of a trip's stops as plain values: where a stop comes in, what a reorder makes of the list, what breaks a journey.

Nothing here touches the database; `services.stop_lists` stores what these functions answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

PICKUP = "pickup"
DELIVERY = "delivery"


# What an order does at one stop of a trip: its id, and which half of its journey that is.
Half = tuple[int, str]


class ReorderError(ValueError):
    """A reorder that names a stop or a number twice, or a stop that is not in the trip."""


def insertion_index(count: int, sequence: int | None) -> int:
    """Return the 0-based index at which a stop with the wanted 1-based sequence comes in: absent or beyond is the end."""
    if sequence is None or sequence > count:
        return count
    return max(sequence, 1) - 1


def reordered(current: Sequence[int], numbers: Sequence[tuple[int, int]]) -> list[int]:
    """Sort the named ids by their numbers among the places that they held; the others stay where they are.

    Raises ReorderError for a repeated id or number and for an id that is not in ``current``.
    """
    wanted = dict(numbers)
    if len(wanted) != len(numbers):
        raise ReorderError("A trip stop is named more than once.")
    if len(set(wanted.values())) != len(wanted):
        raise ReorderError("A sequence is given more than once.")
    unknown = sorted(wanted.keys() - set(current))
    if unknown:
        raise ReorderError(f"Trip stop {unknown[0]} is not in this trip.")
    in_turn = iter(sorted(wanted, key=wanted.__getitem__))
    return [next(in_turn) if pk in wanted else pk for pk in current]


def moved(current: Sequence[int], pk: int, sequence: int) -> list[int]:
    """Take one id out of the list and put it at the wanted 1-based sequence."""
    others = [other for other in current if other != pk]
    others.insert(insertion_index(len(others), sequence), pk)
    return others


def backward_orders(halves: Iterable[Half]) -> list[int]:
    """List the ids of orders whose delivery comes before their pickup."""
    delivered: set[int] = set()
    backward: list[int] = []
    for order_id, half in halves:
        if half == DELIVERY:
            delivered.add(order_id)
        elif order_id in delivered:
            backward.append(order_id)
    return backward


def incomplete_orders(halves: Iterable[Half]) -> list[int]:
    """List the ids of orders of which only one half is in the trip, in the order of the stops."""
    first: dict[int, str] = {}
    whole: set[int] = set()
    for order_id, half in halves:
        if first.setdefault(order_id, half) != half:
            whole.add(order_id)
    return [order_id for order_id in first if order_id not in whole]


def renumbering(ids: Sequence[int], sequences: Mapping[int, int]) -> dict[int, int]:
    """Return the new 1-based sequence of every id whose present sequence differs."""
    return {pk: number for number, pk in enumerate(ids, start=1) if sequences.get(pk) != number}
