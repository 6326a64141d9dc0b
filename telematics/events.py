"""What the fleet's sockets are told about positions."""

from __future__ import annotations

from typing import Any

import orjson

from depannini_dashmap.lib import realtime
from fleet.events import fleet_group


def position_moved(company_id: int, vehicle_id: int, position: dict[str, Any] | orjson.Fragment) -> None:
    """Tell the company's watchers, after commit, that a vehicle's latest position is this one.

    Shape: `{"type": "position", "company_id", "vehicle_id", "position": <position object>}`.
    """
    event = {
        "type": "position",
        "company_id": company_id,
        "vehicle_id": vehicle_id,
        "position": position,
    }
    realtime.publish(fleet_group(company_id), event)
