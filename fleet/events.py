"""The groups of the fleet's sockets, and hints that a board has changed; apps above publish more to these groups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from depannini_dashmap.lib.realtime import layer

MOVED = "moved"  # of a vehicle: no frame
# Frames that follow each other closely → the key of what they are about: a watcher gets the newest once a second for each.
THINNED: dict[str, str] = {"board_changed": "what"}


def register_coalescing(kind: str, *, by: str) -> None:
    """Have watchers get of this kind of frame the newest once a second, for each value under the key `by`."""
    THINNED[kind] = by


def company_group(company_id: int) -> str:
    """Name the group of everybody who watches a company's vehicles, orders and trips."""
    return f"fleet.company.{company_id}"


def operators_group() -> str:
    """Name the group of operators, who watch every company."""
    return "fleet.operators"


def watchers_of(company_id: int) -> tuple[str, str]:
    """Name the groups to which everything about a company's fleet is published."""
    return company_group(company_id), operators_group()


def vehicle_group(vehicle_id: int) -> str:
    """Name the group of the customers' pages to which a vehicle may come: they hear that it moved, and look where it is."""
    return f"fleet.vehicle.{vehicle_id}"


def vehicles_moved(vehicle_ids: Iterable[int]) -> None:
    """Hint to the pages that follow vehicles, after commit, that these are elsewhere; the place itself is not told."""
    layer.publish_refresh([vehicle_group(one) for one in vehicle_ids], {"type": MOVED})


def vehicle_changed(vehicle_id: int, company_id: int) -> None:
    """Hint to a company's watchers and to the pages that follow a vehicle, after commit, that they should look again."""
    board_changed(company_id, "vehicles")
    layer.publish_refresh(vehicle_group(vehicle_id), {"type": "changed"})


def roadside_group() -> str:
    """Name the group of everybody who watches the roadside side."""
    return "fleet.roadside"


def board_changed(company_id: int, what: Literal["vehicles", "orders", "trips", "alarms"]) -> None:
    """Hint to the company's watchers, after commit, that they should read something again.

    Shape: `{"type": "board_changed", "what"}`. Effects: once for a transaction, however many rows it changed.
    """
    layer.publish_refresh(watchers_of(company_id), {"type": "board_changed", "what": what})


def roadside_changed(what: Literal["assistance", "chat", "alarms"]) -> None:
    """Hint to those who watch the roadside, as `board_changed` does."""
    layer.publish_refresh(roadside_group(), {"type": "board_changed", "what": what})
