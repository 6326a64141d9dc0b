"""Tells who sees alarms, after commit, that they have changed."""

from __future__ import annotations

from collections.abc import Iterable

from alarms.managers import ROADSIDE_KINDS
from depannini_dashmap.lib.realtime import layer
from fleet.events import board_changed, operators_group, roadside_changed


def alarms_changed(changed: Iterable[tuple[str, int | None]]) -> None:
    """Hint to the watchers of these alarms (kind, company) that they should read them again.

    Shape: `{"type": "board_changed", "what": "alarms"}`.
    """
    for kind, company_id in set(changed):
        if company_id is not None:
            board_changed(company_id, "alarms")
        elif kind in ROADSIDE_KINDS:
            roadside_changed("alarms")
        else:
            layer.publish_refresh(operators_group(), {"type": "board_changed", "what": "alarms"})
