"""The body of what the planning page asks and saves: lanes as JSON into runs, and the answers back into JSON."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import orjson
from django.http import HttpRequest
from django.utils.translation import gettext as _

from depannini_dashmap.console.lanes.violation_texts import sentences
from depannini_dashmap.lib.errors import InvalidData
from trips.arrangement_preview import OWN, Lane, Run, StopRef, evaluate_lane
from trips.planning.day_clock import DayClock
from trips.sequencing import DELIVERY, PICKUP

MOST_RUNS = 400
MOST_STOPS = 1000  # of a run
MOST_STOPS_IN_ALL = 6000
YEARS = range(2000, 2100)
BIGGEST_ID = 2**63 - 1
KINDS = (PICKUP, DELIVERY, OWN)


def read_runs(request: HttpRequest) -> list[Run]:
    """Read `{"runs": [{key, trip, vehicle, version, starts, stops: [[kind, id], …]}]}`. Raises: InvalidData."""
    try:
        sent = orjson.loads(request.body)
        runs = [_run(row) for row in sent["runs"]]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidData(_("The page sent something that cannot be read. Reload it.")) from error
    keys = {run.key for run in runs}
    if not 0 < len(runs) <= MOST_RUNS or len(keys) < len(runs) or sum(len(run.refs) for run in runs) > MOST_STOPS_IN_ALL:
        raise InvalidData(_("The page sent something that cannot be read. Reload it."))
    return runs


def _run(row: dict[str, Any]) -> Run:
    refs = tuple(StopRef(_kind(kind), _id(number)) for kind, number in row["stops"])
    if len(refs) > MOST_STOPS:
        raise ValueError
    return Run(
        key=_text(row["key"]),
        vehicle_id=_id(row["vehicle"]),
        refs=refs,
        trip_id=None if row.get("trip") is None else _id(row["trip"]),
        version=_text(row.get("version") or ""),
        starts_at=_start(row["starts"]) if row.get("starts") else None,
    )


def _start(value: Any) -> dt.datetime:
    start = dt.datetime.strptime(_text(value), "%Y-%m-%dT%H:%M")
    if start.year not in YEARS:
        raise ValueError
    return start


def _text(value: Any) -> str:
    if type(value) is not str or len(value) > 64:
        raise ValueError
    return value


def _id(value: Any) -> int:
    if type(value) is not int or not 0 < value <= BIGGEST_ID:
        raise ValueError
    return value


def _kind(value: Any) -> str:
    if value not in KINDS:
        raise ValueError
    return str(value)


def timing(lane: Lane) -> dict[str, Any]:
    """Return a lane on the clock: ETA and load by stop, the hours, what it breaks in words; or why the rules refuse it."""
    answer: dict[str, Any] = {"key": lane.run.key}
    if lane.refusal is not None:
        return {**answer, "refusal": lane.refusal.for_page(), "code": lane.refusal.code}
    assert lane.trip is not None
    found, places = evaluate_lane(lane)
    calls = found.schedule.calls
    numbers = {row.order_id: row.order.order_number for row in lane.wanted if row.order is not None}
    on_board = _on_board_at_start(lane)
    return {
        **answer,
        "starts": _shown(found.clock, found.schedule.starts),
        "ends": _shown(found.clock, found.schedule.ends),
        "ends_seconds": found.schedule.ends,
        "kilometres": round(found.schedule.metres / 1000),
        "is_estimate": found.source != "road",
        "kilograms": max([on_board[0], *(call.kilograms for call in calls)]),
        "litres": max([on_board[1], *(call.litres for call in calls)]),
        "stops": [
            {"ref": list(ref), "eta": _shown(found.clock, calls[place].arrival), "wait": calls[place].wait // 60} for ref, place in places.items()
        ],
        "broken": sentences(found.schedule.violations, numbers, lane.trip.vehicle.license_plate),
    }


def _on_board_at_start(lane: Lane) -> tuple[int, int]:
    """Return kilograms and litres of what is delivered without being picked up first."""
    picked = {row.order_id for row in lane.wanted if row.stop.stop_type == PICKUP}
    loaded = [row.order for row in lane.wanted if row.order is not None and row.order_id not in picked]
    return sum(math.ceil(order.goods_weight or 0) for order in loaded), sum(math.ceil((order.goods_volume or 0) * 1000) for order in loaded)


def _shown(clock: DayClock, seconds: int) -> str:
    """Return seconds since midnight as HH:MM, with a mark on later days."""
    wall = clock.wall(seconds)
    days = (wall.date() - clock.day).days
    return f"{wall:%H:%M}" + (f" +{days}" if days else "")
