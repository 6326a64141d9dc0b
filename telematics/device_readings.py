"""What a device's values mean: forgiving where programs are strict, and never silent about what it left out.

Place and time decide whether there is a fix. Every other value that is missing, empty, no number or out of its range is
left out and named. Plain values only, no database.
"""

from __future__ import annotations

import datetime as dt
import re
from math import isfinite
from typing import Any, NamedTuple

from django.db.models import TextChoices
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from telematics.device_alarm_kinds import alarms_in
from telematics.protocols import KMH, KNOTS, METRES_A_SECOND, Report
from telematics.readings import MAX_CLOCK_SKEW, SCALES, Reading

KMH_PER = {KNOTS: 1.852, METRES_A_SECOND: 3.6, KMH: 1.0}
LONGEST_VALUE = 40
HIGHEST_M = 15_000
WORST_ACCURACY_M = 1000
NULL_ISLAND_DEGREES = 0.001
# A receiver's date wraps each 1,024 weeks (IS-GPS-200, 20.3.3.3.1.1); a date that is right after adding them has wrapped.
NO_FIX_HDOP = 99  # what receivers write without satellites
_LOST_PLUS = re.compile(r"(T.*[0-9]) ([0-9]{2}:?[0-9]{2})\Z")
ROLLOVER = dt.timedelta(weeks=1024)
ROLLOVER_WITHIN = dt.timedelta(days=30)
EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_RANGES = {scale.name: (scale.low, scale.high, scale.places) for scale in SCALES}
_NO = ("false", "0", "no", "v", "off")


class Refusal(TextChoices):
    """Why a fix was not taken, or not shown as the vehicle's place."""

    CLOCK_AHEAD = "clock_ahead", _("the device's clock is ahead")
    CLOCK_UNSET = "clock_unset", _("the device's clock is not set")
    BAD_TIME = "bad_time", _("the time cannot be read")
    BAD_PLACE = "bad_place", _("the place cannot be read")
    NO_FIX = "no_fix", _("no satellites: kept, not shown")
    INACCURATE = "inaccurate", _("accurate to kilometres: kept, not shown")
    JUMP = "jump", _("out of the vehicle's reach: kept, not shown")
    NOT_UNDERSTOOD = "not_understood", _("the message was not understood")


class DeviceReading(NamedTuple):
    """What became of a report.

    Shape: `reading` (None where there is no fix), `refusal` (empty where all is well) with its `detail` in words,
    `dropped` names of values that were left out, `battery` in percent, `alarms` what the device raised, `said_at` when (UTC; None where
    it raised none).
    """

    reading: Reading | None
    refusal: str = ""
    detail: str = ""
    dropped: tuple[str, ...] = ()
    battery: int | None = None
    alarms: tuple[str, ...] = ()
    said_at: dt.datetime | None = None


def read_report(report: Report, *, vehicle_id: int, speed_unit: str, now: dt.datetime) -> DeviceReading:
    """Read a device's report; `speed_unit` is the unit this device is known to use. Never raises.

    An alarm counts whatever became of the rest; where its time cannot be believed it is now.
    """
    read = _read_fix(report, vehicle_id=vehicle_id, speed_unit=speed_unit, now=now)
    if not (alarms := alarms_in(report.values.get("alarm"))):
        return read
    return read._replace(alarms=alarms, said_at=min(_timestamp(report.values.get("timestamp"), now)[0] or now, now))


def _read_fix(report: Report, *, vehicle_id: int, speed_unit: str, now: dt.datetime) -> DeviceReading:
    if not report.is_understood:
        return DeviceReading(None, Refusal.NOT_UNDERSTOOD)
    values = report.values
    dropped: list[str] = []
    battery = _battery(values.get("battery"))
    if battery is None and not _is_unknown(values.get("battery"), number(values.get("battery"))):
        dropped.append("battery")
    if not report.is_place:
        return DeviceReading(None, dropped=tuple(dropped), battery=battery)
    latitude, longitude = _within("latitude", values.get("latitude")), _within("longitude", values.get("longitude"))
    if latitude is None or longitude is None:
        return DeviceReading(None, Refusal.BAD_PLACE, dropped=tuple(dropped), battery=battery)
    timestamp, refusal, detail = _timestamp(values.get("timestamp"), now)
    if timestamp is None:
        return DeviceReading(None, refusal, detail, tuple(dropped), battery)
    if detail:
        dropped.append(detail)
    numbers = {"speed": _speed(values.get("speed"), KMH_PER[speed_unit]), "odometer": _scaled(values.get("odometer_m"), 0.001)}
    numbers |= {name: number(values.get(name)) for name in ("heading", "altitude", "fuel_level")}
    sent = {**values, "odometer": values.get("odometer_m")}
    kept = {name: _kept(name, value, sent.get(name), dropped) for name, value in numbers.items()}
    speed, ignition = kept["speed"] or 0.0, values.get("ignition")
    if _accuracy(values) is None and not _is_unknown(values.get("accuracy_m"), number(values.get("accuracy_m"))):
        dropped.append("accuracy")
    untrusted = _untrusted(values, latitude, longitude)
    reading = Reading(
        vehicle_id, timestamp, latitude, longitude, speed, kept["heading"] or 0.0, kept["altitude"], kept["odometer"],
        kept["fuel_level"], _engine(ignition, speed), _accuracy(values), not untrusted,
    )  # fmt: skip
    return DeviceReading(reading, untrusted, "", tuple(dropped), battery)


def number(value: Any) -> float | None:
    """Return a number as devices write it, a decimal comma too; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) < 1e300 and isfinite(value) else None
    text = value.strip() if isinstance(value, str) and len(value) <= LONGEST_VALUE else ""
    if not _NUMBER.fullmatch(text):
        return None
    found = float(text.replace(",", "."))
    return found if isfinite(found) else None


def _within(name: str, value: Any) -> float | None:
    found = number(value)
    low, high, places = _RANGES[name]
    return round(found, places) + 0.0 if found is not None and low <= found <= high else None


def _kept(name: str, value: float | None, sent: Any, dropped: list[str]) -> float | None:
    """Return a value in its range; an unusable value is added to the dropped ones."""
    low, high, places = _RANGES[name]
    if name == "altitude":
        high = HIGHEST_M
    if value is not None and low <= value <= high:
        return round(value, places) + 0.0
    if not _is_unknown(sent, value):
        dropped.append(name)
    return None


def _is_unknown(sent: Any, value: float | None) -> bool:
    """Return whether a device says that it does not know: by -1 (phones), by zero of what is never zero, by nothing at all."""
    return sent is None or sent == "" or (value is not None and value <= 0 and value >= -1)


def _speed(value: Any, factor: float) -> float | None:
    return _scaled(value, factor)


def _scaled(value: Any, factor: float) -> float | None:
    found = number(value)
    return None if found is None else found * factor if found >= 0 else found


def _timestamp(value: Any, now: dt.datetime) -> tuple[dt.datetime | None, str, str]:
    """Return the instant with an empty refusal, or None with the reason and its detail; a text next to an instant is a remark."""
    if value is None or value == "":
        return now, "", ""
    instant = _instant(value)
    if instant is None:
        return None, Refusal.BAD_TIME, ""
    corrected = instant + ROLLOVER if instant < now - ROLLOVER / 2 else instant
    if corrected is not instant and now - ROLLOVER_WITHIN <= corrected <= now + MAX_CLOCK_SKEW:
        return corrected, "", "date (1,024 weeks)"
    if instant < EARLIEST:
        return None, Refusal.CLOCK_UNSET, f"{instant:%Y-%m-%d}"
    if instant > now + MAX_CLOCK_SKEW:
        return None, Refusal.CLOCK_AHEAD, _ahead(instant - now)
    return instant, "", ""


def _ahead(span: dt.timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h" if minutes < 2880 else f"{round(minutes / 1440)} d"


def _instant(value: Any) -> dt.datetime | None:
    """Read seconds since 1970 or thousandths, millionths, billionths of them, or ISO 8601, which without a zone is UTC; a day alone is no instant."""
    seconds = number(value)
    try:
        if seconds is not None:
            # Milliseconds, microseconds or nanoseconds, as large as they are for the time of people alive.
            size = next((size for size in (1, 10**3, 10**6, 10**9) if abs(seconds) < size * 2**33), 10**9)
            return dt.datetime.fromtimestamp(seconds / size, dt.UTC)
        text = value.strip() if isinstance(value, str) and len(value) <= LONGEST_VALUE else ""
        # The plus of an offset becomes a space in a query that does not escape it.
        text = _LOST_PLUS.sub(r"\1+\2", text)
        found = parse_datetime(text) if ":" in text or "T" in text else None
        if found is None:
            return None
        return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _untrusted(values: dict[str, Any], latitude: float, longitude: float) -> str:
    is_at_zero = abs(latitude) < NULL_ISLAND_DEGREES and abs(longitude) < NULL_ISLAND_DEGREES
    if _is_no(values.get("is_valid")) or (is_at_zero and not number(values.get("satellites"))):
        return Refusal.NO_FIX
    if (hdop := number(values.get("hdop"))) is not None and hdop >= NO_FIX_HDOP:
        return Refusal.NO_FIX
    accuracy = _accuracy(values)
    return Refusal.INACCURATE if accuracy is not None and accuracy > WORST_ACCURACY_M else ""


def _accuracy(values: dict[str, Any]) -> float | None:
    """Return the radius of uncertainty; by a negative one phones mean that they do not know it, servers by none."""
    found = number(values.get("accuracy_m"))
    return found if found is not None and found > 0 else None


def _is_no(value: Any) -> bool:
    return value is not None and str(value).strip().lower() in _NO


def _battery(value: Any) -> int | None:
    """Return percent; a fraction, also 1.0 with its point, is one of a full battery."""
    if isinstance(value, str):
        value = value.strip().removesuffix("%").rstrip()
    found = number(value)
    if found is not None and (0 < found < 1 or (found == 1 and not isinstance(value, int) and str(value) != "1")):
        found *= 100
    return round(found) if found is not None and 0 <= found <= 100 else None


def _engine(ignition: Any, speed: float) -> str:
    if ignition is not None and ignition != "":
        return "off" if _is_no(ignition) else "on"
    return "on" if speed > 0 else "off"
