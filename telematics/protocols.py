"""What trackers of other makers send, turned into the position of our own API: plain values only.

Source: public documentation of OsmAnd's live tracking, Traccar (client JSON, position forwarding) and OwnTracks (HTTP).
Units there are converted here: 1 kn = 1.852 km/h, 1 m/s = 3.6 km/h, metres of odometers to kilometres.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple

from depannini_dashmap.lib.numbers import NotANumber, read_float

KMH_PER_KNOT = 1.852
KMH_PER_MS = 3.6
KM_PER_M = 0.001
SECONDS_END = 2**31
FASTEST = 999.99


class Message(NamedTuple):
    """Who says it (a device's key), and the position, None when the message holds no place."""

    key: str
    position: dict[str, Any] | None


def from_osmand(params: Mapping[str, Any]) -> Message:
    """Read a query or form: `id, lat, lon | location, timestamp, speed (kn), bearing | heading, altitude, …`."""
    key = str(params.get("id") or params.get("deviceid") or "")
    latitude, longitude = params.get("lat"), params.get("lon")
    if latitude is None and "," in str(params.get("location", "")):
        latitude, longitude = str(params["location"]).split(",", 1)
    if latitude is None or longitude is None:
        return Message(key, None)
    speed = _speed(params.get("speed"), KMH_PER_KNOT)
    return Message(
        key,
        {
            "latitude": latitude,
            "longitude": longitude,
            "speed": speed,
            "heading": _heading(params.get("bearing", params.get("heading"))),
            "altitude": params.get("altitude"),
            "timestamp": _instant(params.get("timestamp")),
            "engine_status": _engine(params.get("ignition"), speed),
        },
    )


def from_traccar(body: Mapping[str, Any]) -> Message:
    """Read Traccar Client's JSON (`device_id, location`), or what a Traccar server forwards (`device, position`)."""
    if isinstance(body.get("position"), Mapping):
        return _forwarded(body["position"], _part(body, "device"))
    location = _part(body, "location")
    coords = _part(location, "coords")
    key = str(body.get("device_id") or "")
    if coords.get("latitude") is None or coords.get("longitude") is None:
        return Message(key, None)
    speed = _speed(coords.get("speed"), KMH_PER_MS)
    return Message(
        key,
        {
            "latitude": coords["latitude"],
            "longitude": coords["longitude"],
            "speed": speed,
            "heading": _heading(coords.get("heading")),
            "altitude": coords.get("altitude"),
            "timestamp": location.get("timestamp"),
            "odometer": _scaled(location.get("odometer"), KM_PER_M),
            "engine_status": _engine(None, speed),
        },
    )


def from_owntracks(body: Mapping[str, Any], key: str) -> Message:
    """Read OwnTracks' JSON: `_type=location, lat, lon, tst, vel (km/h), cog, alt`; other types hold no place."""
    if body.get("_type") != "location" or body.get("lat") is None or body.get("lon") is None:
        return Message(key, None)
    speed = _speed(body.get("vel"), 1)
    return Message(
        key,
        {
            "latitude": body["lat"],
            "longitude": body["lon"],
            "speed": speed,
            "heading": _heading(body.get("cog")),
            "altitude": body.get("alt"),
            "timestamp": _instant(body.get("tst")),
            "engine_status": _engine(None, speed),
        },
    )


def _forwarded(position: Mapping[str, Any], device: Mapping[str, Any]) -> Message:
    attributes = _part(position, "attributes")
    speed = _speed(position.get("speed"), KMH_PER_KNOT)
    return Message(
        str(device.get("uniqueId") or ""),
        {
            "latitude": position.get("latitude"),
            "longitude": position.get("longitude"),
            "speed": speed,
            "heading": _heading(position.get("course")),
            "altitude": position.get("altitude"),
            "timestamp": position.get("fixTime"),
            "odometer": _scaled(attributes.get("odometer", attributes.get("totalDistance")), KM_PER_M),
            "fuel_level": attributes.get("fuelLevel"),
            "engine_status": _engine(attributes.get("ignition"), speed),
        },
    )


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    return value if isinstance(value, Mapping) else {}


def _scaled(value: Any, factor: float) -> Any:
    """Convert a number; what is none stays as it is, for the reading's own checks to name it."""
    if value is None or isinstance(value, bool):
        return value
    try:
        return read_float(value) * factor
    except NotANumber:
        return value


def _speed(value: Any, factor: float) -> Any:
    """Convert a speed; unknown and negative ones, by which phones mean unknown, are 0."""
    speed = _scaled(value, factor)
    if speed is None or (isinstance(speed, float) and speed < 0):
        return 0.0
    return min(speed, FASTEST) if isinstance(speed, float) and speed < float("inf") else speed


def _heading(value: Any) -> Any:
    heading = _scaled(value, 1)
    if heading is None or (isinstance(heading, float) and heading < 0):
        return 0.0
    return heading


def _instant(value: Any) -> Any:
    """Turn seconds or milliseconds since 1970 into ISO 8601; other texts stay as they are."""
    if value is None or isinstance(value, bool):
        return value
    try:
        number = read_float(value)
        seconds = number if number < SECONDS_END else number / 1000
        return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return value


def _engine(ignition: Any, speed: Any) -> str:
    if ignition is not None:
        return "on" if str(ignition).lower() in ("true", "1") else "off"
    return "on" if isinstance(speed, float) and speed > 0 else "off"
