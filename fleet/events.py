"""What those who watch a company hear; apps above say more to the same group, so its name is made here."""

from __future__ import annotations

from typing import Literal

from depannini_dashmap.lib.realtime import layer


def fleet_group(company_id: int) -> str:
    """Name the group of everybody who watches a company's vehicles, orders and trips."""
    return f"fleet.company.{company_id}"


def board_changed(company_id: int, what: Literal["vehicles", "orders", "trips"]) -> None:
    """Hint to the company's watchers, after commit, that they should read something again.

    Shape: `{"type": "board_changed", "what"}`. Effects: once for a transaction, however many rows it changed.
    """
    layer.hint(fleet_group(company_id), {"type": "board_changed", "what": what})
