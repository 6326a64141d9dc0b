"""Frames about trips on the fleet's sockets: when stops may be reached, which run late, how far a plan of a day is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accounts.link_events import links_ended, pages_changed
from depannini_dashmap.lib.realtime import layer
from fleet.events import board_changed, watchers_of
from trips.models import TripLink


def trip_changed(trip_id: int, company_id: int) -> None:
    """Hint to the boards of a trip's company and to its driver's page, after commit, that they should look again."""
    board_changed(company_id, "trips")
    pages_changed(TripLink, trip_id)


def driver_links_ended(trip_id: int) -> None:
    """Have the driver's pages of a trip check, after commit, whether their link still opens it."""
    links_ended(TripLink, trip_id)


def trip_eta(*, company_id: int, trip_id: int, stops: Sequence[dict[str, Any]]) -> None:
    """Publish to the company's watchers when stops of a running trip may be reached, of those where that changed.

    Shape: `stops` are `{"trip_stop_id", "eta"}`; `eta` as a trip stop shows it, None where nobody can say any more.
    """
    frame = {"type": "trip_eta", "company_id": company_id, "trip_id": trip_id, "stops": list(stops)}
    layer.publish(watchers_of(company_id), frame)


def running_late(*, company_id: int, trip_id: int, trip_name: str, late_min: int, stops: Sequence[dict[str, Any]]) -> None:
    """Publish to the company's watchers that stops of a running trip will be reached late, once for each threshold.

    Shape: `stops` are `{"trip_stop_id", "sequence", "name", "late_min", "due_at", "expected_at", "source"}`; `late_min` is
    the highest of theirs. Units: minutes.
    """
    frame = {"type": "running_late", "company_id": company_id, "trip_id": trip_id, "trip_name": trip_name, "late_min": late_min}
    layer.publish(watchers_of(company_id), {**frame, "stops": list(stops)})


def plan_progress(*, company_id: int, plan_id: int, phase: str, seconds: int, of: int) -> None:
    """Publish to the company's watchers how far a plan is: when its phase changes, and once a second while it is searched for.

    Shape: `phase` is `queued`, `reading` (distances; another plan may have to end first) or `searching`; `seconds` of at
    most `of` are searched.
    """
    frame = {"type": "plan_progress", "company_id": company_id, "id": plan_id, "phase": phase, "seconds": seconds, "of": of}
    layer.publish(watchers_of(company_id), frame)


def plan_done(*, company_id: int, plan_id: int, status: str) -> None:
    """Publish to the company's watchers that nobody searches for a plan any more: it is `ready`, `failed` or `cancelled`."""
    layer.publish(watchers_of(company_id), {"type": "plan_done", "company_id": company_id, "id": plan_id, "status": status})
