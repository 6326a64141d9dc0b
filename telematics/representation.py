"""The position object of the API, made from plain values where rows leave; no queries of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

VEHICLE_COLUMNS = ("vehicle_id", "vehicle__license_plate", "vehicle__make", "vehicle__model")
READING_COLUMNS = (
    "latitude",
    "longitude",
    "speed",
    "heading",
    "altitude",
    "timestamp",
    "odometer",
    "fuel_level",
    "engine_status",
    "created_at",
    "is_implausible",
)
POSITION_COLUMNS = ("id", *VEHICLE_COLUMNS, *READING_COLUMNS)
LATEST_COLUMNS = ("position_id", *VEHICLE_COLUMNS, *READING_COLUMNS)
READY_COLUMNS = ("position_id", *VEHICLE_COLUMNS, "reading_json")


def instant(value: dt.datetime) -> str:
    """Write an aware UTC instant in whole seconds with `Z`."""
    return value.isoformat()[:19] + "Z"


def reading_object(
    latitude: float,
    longitude: float,
    speed: float,
    heading: float,
    altitude: float | None,
    timestamp: dt.datetime,
    odometer: float | None,
    fuel_level: float | None,
    engine_status: str,
    created_at: dt.datetime,
    is_implausible: bool,
) -> dict[str, Any]:
    """Build the part of a position object that the device reported, out of the values of READING_COLUMNS.

    Readings are stored rounded and never as a negative zero, so formatting is all that is left to do.
    """
    return {
        "latitude": f"{latitude:.7f}",
        "longitude": f"{longitude:.7f}",
        "speed": f"{speed:.2f}",
        "heading": f"{heading:.2f}",
        "altitude": None if altitude is None else f"{altitude:.2f}",
        "timestamp": instant(timestamp),
        "odometer": None if odometer is None else f"{odometer:.2f}",
        "fuel_level": None if fuel_level is None else f"{fuel_level:.2f}",
        "engine_status": engine_status,
        "created_at": instant(created_at),
        "implausible": is_implausible,
    }


def vehicle_object(position_id: int, vehicle_id: int, plate: str, make: str, model: str) -> dict[str, Any]:
    """Build the part of a position object that says whose it is."""
    return {
        "id": position_id,
        "vehicle_id": vehicle_id,
        "vehicle_license_plate": plate,
        "vehicle_make_model": f"{make} {model}".strip(),
    }


def position_object(row: Sequence[Any]) -> dict[str, Any]:
    """Build one position object out of the values of POSITION_COLUMNS or LATEST_COLUMNS."""
    return {**vehicle_object(*row[:5]), **reading_object(*row[5:])}


def ready_positions(rows: Iterable[Sequence[Any]]) -> list[orjson.Fragment]:
    """Build position objects, as finished JSON, out of the values of READY_COLUMNS."""
    text = orjson.dumps
    return [
        orjson.Fragment(
            b'{"id":%d,"vehicle_id":%d,"vehicle_license_plate":%b,"vehicle_make_model":%b,%b'
            % (position_id, vehicle_id, text(plate), text(f"{make} {model}".strip()), reading[1:].encode())
        )
        for position_id, vehicle_id, plate, make, model, reading in rows
    ]
