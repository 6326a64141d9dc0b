"""What trackers of other makers send, taken apart: which device speaks, and its values as they were sent.

Source: public documentation of OsmAnd's live tracking, Traccar (client JSON, position forwarding), OwnTracks (HTTP) and
GPSLogger (custom URL). What the values mean is read in device_readings.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from telematics.device_alarm_kinds import alarms_in

KNOTS, METRES_A_SECOND, KMH = "kn", "m/s", "km/h"
MAX_BATCH = 5000
TIMES = ("timestamp", "time", "tst", "fixTime", "datetime")  # of OsmAnd's form, whose custom addresses name it as they like


class Unreadable(Exception):
    """A message in which no known form can be seen; nothing of it was taken."""


class Report(NamedTuple):
    """What a device sent at one time.

    Shape: `values` holds, as sent, any of latitude, longitude, timestamp, speed, heading, altitude, odometer_m,
    fuel_level, ignition, accuracy_m, hdop, is_valid, satellites, battery, alarm (a list where a message has it in several places). `is_place` is false for a sign of life
    alone, `is_understood` for a part of a batch that has no known form.
    """

    values: dict[str, Any]
    speed_unit: str
    is_place: bool = True
    is_understood: bool = True


NOT_UNDERSTOOD = Report({}, KMH, is_place=False, is_understood=False)


class Message(NamedTuple):
    """One report of one device, named by its key or, behind a forwarder, by its external id."""

    device: str
    report: Report


def from_osmand(params: Mapping[str, Any]) -> list[Message]:
    """Read a query or form: `id | deviceid, lat, lon | location, timestamp, speed (kn), bearing | heading, altitude, …`.

    Without a place it is a sign of life.
    """
    latitude = params.get("lat", params.get("latitude"))
    longitude = params.get("lon", params.get("lng", params.get("longitude")))
    if latitude is None and "," in str(params.get("location", "")):
        latitude, longitude = str(params["location"]).split(",", 1)
    values = {
        "latitude": latitude,
        "longitude": longitude,
        "timestamp": next((params[name] for name in TIMES if params.get(name) not in (None, "")), None),
        "speed": params.get("speed"),
        "heading": params.get("bearing", params.get("heading")),
        "altitude": params.get("altitude"),
        "odometer_m": params.get("odometer"),
        "fuel_level": params.get("fuel", params.get("fuelLevel")),
        "ignition": params.get("ignition"),
        "accuracy_m": params.get("accuracy", params.get("acc")),
        "hdop": params.get("hdop"),
        "is_valid": params.get("valid"),
        "satellites": params.get("sat"),
        "battery": params.get("batt", params.get("batteryLevel")),
        "alarm": _together(params.get("alarm"), *("sos" for name in ("sos", "panic") if alarms_in(params.get(name)))),
    }
    device = str(params.get("id") or params.get("deviceid") or "")
    return [Message(device, Report(values, KNOTS, latitude is not None or longitude is not None))]


def from_traccar(body: Any) -> list[Message]:
    """Read Traccar Client's JSON (`device_id, location`), or what a Traccar server forwards (`device, position`).

    Either may be a list, as may `location`. An event of a server that holds no position says nothing of the device, as
    when it is offline, unless it is an alarm. Raises: Unreadable.
    """
    parts = [part for part in _as_list(body) if not _is_event_alone(part)]
    messages: list[Message] = []
    unread = []
    for part in parts:
        try:
            messages += list(_from_traccar(part))
        except Unreadable:
            unread.append(_device_of(part))
    if (not messages and (parts or not body)) or len(messages) + len(unread) > MAX_BATCH:
        raise Unreadable
    # The rest of a batch is not held up by a part that nobody can read; one that names no device is said of the first.
    return messages + [Message(device or messages[0].device, NOT_UNDERSTOOD) for device in unread]


def _device_of(body: Any) -> str:
    if not isinstance(body, Mapping):
        return ""
    return str(_part(body, "device").get("uniqueId") or body.get("device_id") or body.get("id") or "")


def _is_event_alone(body: Any) -> bool:
    if not isinstance(body, Mapping) or "event" not in body or "location" in body or body.get("position") is not None:
        return False
    return not _alarm_of_event(body)


def _alarm_of_event(body: Mapping[str, Any]) -> Any:
    """Return the alarm that a forwarded event is about; None for any other event."""
    event = _part(body, "event")
    return _part(event, "attributes").get("alarm", True) if event.get("type") == "alarm" else None


def _from_traccar(body: Any) -> Iterator[Message]:
    if not isinstance(body, Mapping):
        raise Unreadable
    if (alarm := _alarm_of_event(body)) and body.get("position") is None:
        values = {"timestamp": _part(body, "event").get("eventTime"), "alarm": alarm}
        yield Message(_device_of(body), Report(values, KNOTS, is_place=False))
    elif "position" in body:
        yield _forwarded(_mapping(body["position"]), _part(body, "device"), alarm)
    elif "positions" in body:
        # By the text of the id, as a list or an object is no key of a dictionary.
        devices = {str(device.get("id")): device for device in map(_mapping, _as_list(body.get("devices") or []))}
        for position in map(_mapping, _as_list(body["positions"])):
            yield _forwarded(position, devices.get(str(position.get("deviceId")), _part(body, "device")))
    elif "location" in body:
        device = str(body.get("device_id") or body.get("id") or "")
        locations = _as_list(body["location"])
        if not any(isinstance(location, Mapping) for location in locations):
            raise Unreadable
        for location in locations:
            # The rest of a batch is not held up by a part that nobody can read.
            yield Message(device, _client_report(location, body.get("alarm")) if isinstance(location, Mapping) else NOT_UNDERSTOOD)
    elif "lat" in body or "latitude" in body:  # OsmAnd's parameters as an object, as a custom body may write them
        yield from from_osmand({"id": body.get("device_id"), **body})
    else:
        raise Unreadable


def from_owntracks(body: Any, key: str) -> list[Message]:
    """Read OwnTracks' JSON: `_type=location, lat, lon, tst, vel (km/h), cog, alt, acc, batt`; other types hold no place.

    Raises: Unreadable for what is encrypted, and for a list of nothing or of something else; in a list with other messages
    such a part is one that was not understood.
    """
    messages = [_from_owntracks(part, key) for part in _as_list(body if body is not None else {})]
    if not any(message.report.is_understood for message in messages) or len(messages) > MAX_BATCH:
        raise Unreadable
    return messages


def _from_owntracks(body: Any, key: str) -> Message:
    fields = body if isinstance(body, Mapping) else {}
    kind = fields.get("_type", "location" if "lat" in fields else "")
    if kind == "encrypted" or not isinstance(body, Mapping):
        return Message(key, NOT_UNDERSTOOD)
    if kind != "location":
        return Message(key, Report({}, KMH, False))
    names = {"latitude": "lat", "longitude": "lon", "timestamp": "tst", "speed": "vel", "heading": "cog"}
    names |= {"altitude": "alt", "accuracy_m": "acc", "battery": "batt", "alarm": "alarm"}
    return Message(key, Report({name: fields.get(sent) for name, sent in names.items()}, KMH))


def _client_report(location: Mapping[str, Any], alarm: Any) -> Report:
    coords = _part(location, "coords")
    battery = _part(location, "battery").get("level")
    values = {
        **{name: coords.get(name) for name in ("latitude", "longitude", "speed", "heading", "altitude")},
        "timestamp": location.get("timestamp"),
        "accuracy_m": coords.get("accuracy"),
        "odometer_m": location.get("odometer"),
        "battery": battery * 100 if isinstance(battery, int | float) and 0 <= battery <= 1 else battery,
        "alarm": _together(location.get("alarm"), _part(location, "extras").get("alarm"), alarm),
    }
    return Report(values, METRES_A_SECOND, "coords" in location)


def _together(*alarms: Any) -> Any:
    """Return one alarm of a message that may name it in several places; a list where it does in more than one."""
    said = [alarm for alarm in alarms if alarm is not None]
    return said[0] if len(said) == 1 else [one for alarm in said for one in (alarm.split(",") if isinstance(alarm, str) else _as_list(alarm))] or None


def _forwarded(position: Mapping[str, Any], device: Mapping[str, Any], alarm: Any = None) -> Message:
    attributes = _part(position, "attributes")
    values = {
        **{name: position.get(name) for name in ("latitude", "longitude", "speed", "altitude")},
        "timestamp": position.get("fixTime") or position.get("deviceTime") or position.get("serverTime"),
        "heading": position.get("course"),
        "accuracy_m": position.get("accuracy"),
        "is_valid": position.get("valid"),
        "odometer_m": attributes.get("odometer", attributes.get("totalDistance")),
        "fuel_level": attributes.get("fuelLevel"),
        "ignition": attributes.get("ignition"),
        "satellites": attributes.get("sat"),
        "battery": attributes.get("batteryLevel"),
        "alarm": _together(attributes.get("alarm"), position.get("alarm"), alarm),
        "hdop": attributes.get("hdop"),
    }
    is_place = position.get("latitude") is not None or position.get("longitude") is not None
    return Message(str(device.get("uniqueId") or ""), Report(values, KNOTS, is_place))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Unreadable
    return value


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    return value if isinstance(value, Mapping) else {}
