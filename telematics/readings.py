"""What a device may say: one raw row in, one checked `Reading` out; plain values only, no database.

Written by hand because a serializer per row caps bulk ingest at a few thousand rows a second.
"""

import datetime as dt
from collections.abc import Mapping
from math import isfinite
from typing import Any, NamedTuple

from django.utils.dateparse import parse_datetime

from depannini_dashmap.lib.numbers import NotANumber, read_float, read_integer

MAX_CLOCK_SKEW = dt.timedelta(minutes=5)
ENGINE_STATES = ("on", "off", "idle")
MAX_ID = 2**63 - 1
LONGEST_NUMBER = 100
LONGEST_INSTANT = 40

REQUIRED = ["This field is required."]
NULL = ["This field may not be null."]
NOT_A_NUMBER = ["A valid number is required."]
NOT_AN_ID = ["A valid integer is required."]
NOT_A_TIME = ["Send an ISO 8601 date-time, e.g. 2024-01-15T14:30:00Z."]
IN_THE_FUTURE = ["More than 5 minutes ahead of this server's clock."]
NOT_AN_ENGINE_STATE = ['Choose from: "on", "off", "idle".']


class Reading(NamedTuple):
    """One checked position. Units: degrees, km/h, m, km, percent, UTC.

    `accuracy_m` is the radius in which the vehicle is, None where the device does not report it; `has_fix` is false of a
    place that the device itself does not vouch for.
    """

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
    accuracy_m: float | None = None
    has_fix: bool = True


class InvalidReading(Exception):
    """A row that is not a position; `fields` maps names to messages."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        self.fields = fields
        super().__init__("invalid reading")


class _Scale(NamedTuple):
    """How one number is read: limits as sent, decimals as kept."""

    name: str
    low: float
    high: float
    places: int
    is_required: bool
    out_of_range: list[str]


def _scale(name: str, low: float, high: float, places: int, *, is_required: bool = False) -> _Scale:
    return _Scale(name, low, high, places, is_required, [f"Must be at least {low:g} and at most {high:g}."])


TOP_SPEED = 999.99
SPEED_LIMIT = 1000.0
SCALES = (
    _scale("latitude", -90, 90, 7, is_required=True),
    _scale("longitude", -180, 180, 7, is_required=True),
    _Scale("speed", 0, TOP_SPEED, 2, True, ["Must be at least 0 and below 1000."]),
    _scale("heading", 0, 360, 2, is_required=True),
    _scale("altitude", -12000, 100000, 2),
    _scale("odometer", 0, 99999999, 2),
    _scale("fuel_level", 0, 100, 2),
)


def parse_reading(raw: Any, now: dt.datetime) -> Reading:
    """Check one raw row, as it came out of JSON.

    Too many decimals are rounded after the range was checked; numbers may come as strings. Raises: InvalidReading.
    """
    plain = _plain(raw, now) if type(raw) is dict else None
    if plain is not None:
        return plain
    if not isinstance(raw, Mapping):
        raise InvalidReading({"non_field_errors": ["Expected an object."]})
    wrong: dict[str, list[str]] = {}
    vehicle_id = _identifier(raw, wrong)
    numbers: list[float | None] = []
    for name, low, high, places, _, _ in SCALES:
        value = raw.get(name)
        if type(value) is str and len(value) < LONGEST_NUMBER:
            value = _as_float(value)
        # Most numbers end here; adding zero turns -0.0 into 0.0.
        if type(value) is float and low <= value <= high:
            numbers.append(round(value, places) + 0.0)
        else:
            numbers.append(_number(raw, SCALES[len(numbers)], wrong))
    timestamp = _instant(raw.get("timestamp"), now, wrong)
    engine_status = raw.get("engine_status")
    if engine_status is None:
        engine_status = "off"
    elif not isinstance(engine_status, str) or engine_status not in ENGINE_STATES:
        wrong["engine_status"] = NOT_AN_ENGINE_STATE
    if wrong:
        raise InvalidReading(wrong)
    return Reading(vehicle_id, timestamp, *numbers, engine_status)  # type: ignore[arg-type, call-arg]


def _plain(raw: dict, now: dt.datetime) -> Reading | None:
    """Read a whole row of plain values in range, as nearly every one is, in a third of the time; None for any other.

    Anything unusual is left to the careful reading, which also reports the errors.
    """
    try:
        numbers = (
            raw["latitude"], raw["longitude"], raw["speed"], raw["heading"],
            raw["altitude"], raw["odometer"], raw["fuel_level"],
        )  # fmt: skip
        # A number's text may hold what only Python reads; joining refuses what is no text.
        text = "".join(numbers)
        latitude, longitude, speed, heading, altitude, odometer, fuel_level = map(float, numbers)
        timestamp, vehicle_id, engine_status = raw["timestamp"], raw["vehicle_id"], raw["engine_status"]
        instant = dt.datetime.fromisoformat(timestamp)
    except (KeyError, TypeError, ValueError):
        return None
    if not (
        len(text) < LONGEST_NUMBER
        and len(timestamp) <= LONGEST_INSTANT
        and "_" not in text
        and text.isascii()
        and type(vehicle_id) is int
        and engine_status in ENGINE_STATES
        and instant.tzinfo is dt.UTC
        and instant <= now + MAX_CLOCK_SKEW
        and -90 <= latitude <= 90
        and -180 <= longitude <= 180
        and 0 <= speed <= TOP_SPEED
        and 0 <= heading <= 360
        and -12000 <= altitude <= 100000
        and 0 <= odometer <= 99999999
        and 0 <= fuel_level <= 100
    ):
        return None
    # Adding zero turns -0.0 into 0.0.
    return Reading(
        vehicle_id, instant, round(latitude, 7) + 0.0, round(longitude, 7) + 0.0, round(speed, 2) + 0.0,
        round(heading, 2) + 0.0, round(altitude, 2) + 0.0, round(odometer, 2) + 0.0, round(fuel_level, 2) + 0.0,
        engine_status,
    )  # fmt: skip


def _identifier(raw: Mapping, wrong: dict[str, list[str]]) -> int:
    value = raw.get("vehicle_id")
    if type(value) is int:
        return value
    if value is None:
        wrong["vehicle_id"] = NULL if "vehicle_id" in raw else REQUIRED
    try:
        return read_integer(None if isinstance(value, str) and len(value) > 20 else value)
    except NotANumber:
        wrong.setdefault("vehicle_id", NOT_AN_ID)
    return 0


def _number(raw: Mapping, scale: _Scale, wrong: dict[str, list[str]]) -> float | None:
    """Read what is no float within its limits: nothing, a whole number, or a mistake."""
    value = raw.get(scale.name)
    if value is None:
        if scale.is_required:
            wrong[scale.name] = NULL if scale.name in raw else REQUIRED
        return None
    number = _as_float(value)
    if number is None or not isfinite(number):
        wrong[scale.name] = NOT_A_NUMBER
    elif scale.high < number < SPEED_LIMIT and scale.high == TOP_SPEED:
        return TOP_SPEED
    elif not scale.low <= number <= scale.high:
        wrong[scale.name] = scale.out_of_range
    else:
        return round(number, scale.places) + 0.0
    return None


def _as_float(value: Any) -> float | None:
    if isinstance(value, str) and len(value) >= LONGEST_NUMBER:
        return None
    try:
        return read_float(value)
    except NotANumber:
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
    if not isinstance(value, str) or len(value) > LONGEST_INSTANT:
        raise ValueError("not a time")
    instant = parse_datetime(value.strip())
    if instant is None:
        raise ValueError("not a time")
    return instant.replace(tzinfo=dt.UTC) if instant.tzinfo is None else instant.astimezone(dt.UTC)
