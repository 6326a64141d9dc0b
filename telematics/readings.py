"""What a device may say: one raw row in, one checked `Reading` out; plain values only, no database.

Written by hand because a serializer per row caps bulk ingest at a few thousand rows a second.
"""

import datetime as dt
from collections.abc import Mapping
from math import isfinite
from typing import Any, NamedTuple

from django.utils.dateparse import parse_datetime

MAX_CLOCK_SKEW = dt.timedelta(minutes=5)
ENGINE_STATES = ("on", "off", "idle")
MAX_ID = 2**63 - 1

REQUIRED = ["This field is required."]
NULL = ["This field may not be null."]
NOT_A_NUMBER = ["A valid number is required."]
NOT_AN_ID = ["A valid integer is required."]
NOT_A_TIME = ["Send an ISO 8601 date-time, e.g. 2024-01-15T14:30:00Z."]
IN_THE_FUTURE = ["More than 5 minutes ahead of this server's clock."]
NOT_AN_ENGINE_STATE = ['Choose from: "on", "off", "idle".']


class Reading(NamedTuple):
    """One checked position. Units: degrees, km/h, m, km, percent, UTC."""

    vehicle_id: int
    timestamp: dt.datetime
    latitude: float
    longitude: float
    speed: float
    heading: float
    altitude: float | None
    odometer: float | None
    fuel_level: float | None
    engine_status: str


class InvalidReading(Exception):
    """A row that is no position; `fields` maps names to messages."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        self.fields = fields
        super().__init__("invalid reading")


class _Scale(NamedTuple):
    """How one number is read: limits as sent, decimals as kept."""

    low: float
    high: float
    places: int
    is_required: bool
    out_of_range: list[str]


def _scale(low: float, high: float, places: int, *, is_required: bool = False, below: bool = False) -> _Scale:
    upper = f"below {high:g}" if below else f"at most {high:g}"
    highest = high - 10**-places if below else high
    return _Scale(low, highest, places, is_required, [f"Must be at least {low:g} and {upper}."])


SCALES: dict[str, _Scale] = {
    "latitude": _scale(-90, 90, 7, is_required=True),
    "longitude": _scale(-180, 180, 7, is_required=True),
    "speed": _scale(0, 1000, 2, is_required=True, below=True),
    "heading": _scale(0, 360, 2, is_required=True),
    "altitude": _scale(-12000, 100000, 2),
    "odometer": _scale(0, 99999999, 2),
    "fuel_level": _scale(0, 100, 2),
}
SPEED_LIMIT = 1000.0


def parse_reading(raw: Any, now: dt.datetime) -> Reading:
    """Check one raw row, as it came out of JSON.

    Too many decimals are rounded after the range was checked; numbers may come as strings. Raises: InvalidReading.
    """
    if not isinstance(raw, Mapping):
        raise InvalidReading({"non_field_errors": ["Expected an object."]})
    wrong: dict[str, list[str]] = {}
    vehicle_id = _identifier(raw, wrong)
    numbers = [_number(raw, name, scale, wrong) for name, scale in SCALES.items()]
    timestamp = _instant(raw.get("timestamp"), now, wrong)
    engine_status = raw.get("engine_status")
    if engine_status is None:
        engine_status = "off"
    elif not isinstance(engine_status, str) or engine_status not in ENGINE_STATES:
        wrong["engine_status"] = NOT_AN_ENGINE_STATE
    if wrong:
        raise InvalidReading(wrong)
    return Reading(vehicle_id, timestamp, *numbers, engine_status)  # type: ignore[arg-type, call-arg]


def _identifier(raw: Mapping, wrong: dict[str, list[str]]) -> int:
    value = raw.get("vehicle_id")
    if type(value) is int:
        return value
    if value is None:
        wrong["vehicle_id"] = NULL if "vehicle_id" in raw else REQUIRED
    elif isinstance(value, str) and len(value) <= 20 and value.isascii() and value.strip().lstrip("-").isdigit():
        return int(value)
    elif isinstance(value, float) and value.is_integer():
        return int(value)
    else:
        wrong["vehicle_id"] = NOT_AN_ID
    return 0


def _number(raw: Mapping, name: str, scale: _Scale, wrong: dict[str, list[str]]) -> float | None:
    value = raw.get(name)
    if type(value) is not float:
        if value is None:
            if scale.is_required:
                wrong[name] = NULL if name in raw else REQUIRED
            return None
        value = _as_float(value)
    if value is None or not isfinite(value):
        wrong[name] = NOT_A_NUMBER
        return None
    if not scale.low <= value <= scale.high and not (name == "speed" and scale.low <= value < SPEED_LIMIT):
        wrong[name] = scale.out_of_range
        return None
    # Adding zero turns -0.0 into 0.0; 999.999 km/h is kept as the highest speed that can be shown.
    return min(round(value, scale.places), scale.high) + 0.0


def _as_float(value: Any) -> float | None:
    if isinstance(value, str):
        if len(value) > 100 or "_" in value:
            return None
    elif isinstance(value, bool) or not isinstance(value, int):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _instant(value: Any, now: dt.datetime, wrong: dict[str, list[str]]) -> dt.datetime:
    if value is None:
        return now
    try:
        instant = _parsed(value)
    except (ValueError, OverflowError):
        wrong["timestamp"] = NOT_A_TIME
        return now
    if instant > now + MAX_CLOCK_SKEW:
        wrong["timestamp"] = IN_THE_FUTURE
    return instant


def _parsed(value: Any) -> dt.datetime:
    """Read ISO 8601; without a zone it is UTC. Raises: ValueError, OverflowError."""
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError("not a time")
    instant = parse_datetime(value.strip())
    if instant is None:
        raise ValueError("not a time")
    return instant.replace(tzinfo=dt.UTC) if instant.tzinfo is None else instant.astimezone(dt.UTC)
