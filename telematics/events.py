"""Events and group names of positions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from depannini_dashmap.lib.realtime import layer
from fleet.events import register_coalescing, watchers_of

register_coalescing("position", by="vehicle_id")


def positions_moved(moves: Iterable[tuple[int, int, dict[str, Any] | orjson.Fragment]]) -> None:
    """Publish to the companies' watchers, after commit, that vehicles' latest positions are these.

    Shape: `moves` are (company id, vehicle id, position object); each frame is `{"type": "position", "company_id",
    "vehicle_id", "position"}`, and those of a company leave as one record.
    """
    frames: dict[int, list[dict[str, Any]]] = {}
    for company_id, vehicle_id, position in moves:
        frames.setdefault(company_id, []).append(
            {"type": "position", "company_id": company_id, "vehicle_id": vehicle_id, "position": position}
        )
    for company_id, own in frames.items():
        layer.publish_all(watchers_of(company_id), own)
