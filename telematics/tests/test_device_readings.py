"""What devices' values mean: a fix is kept even if other values are wrong, and dropped values are reported."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telematics.device_readings import DeviceReading, Refusal, number, read_report
from telematics.protocols import KMH, KNOTS, METRES_A_SECOND, Report

NOW = dt.datetime(2026, 11, 28, 12, 0, tzinfo=dt.UTC)
PLACE = {"latitude": "36.75", "longitude": "3.05", "timestamp": NOW.timestamp()}


def read(unit: str = KMH, /, **values: Any) -> DeviceReading:
    return read_report(Report({**PLACE, **values}, unit), vehicle_id=1, speed_unit=unit, now=NOW)


@pytest.mark.parametrize(("sent", "kept"), [(-1, None), ("-1.0", None), (-1e299, None), (0, None), ("12,5", 12.5), ("x", None)])
def test_an_accuracy_that_is_none_is_not_known(sent: Any, kept: float | None) -> None:
    found = read(accuracy_m=sent)
    assert found.reading is not None and found.reading.accuracy_m == kept


@pytest.mark.parametrize(
    ("name", "value", "dropped"),
    [
        ("fuel_level", 312.5, "fuel_level"),
        ("heading", 655, "heading"),
        ("odometer_m", -5, "odometer"),
        ("odometer_m", "n/a", "odometer"),
        ("speed", "abc", "speed"),
        ("speed", 5000, "speed"),
        ("speed", "NaN", "speed"),
        ("altitude", 65535, "altitude"),
        ("altitude", True, "altitude"),
        ("altitude", [1], "altitude"),
        # what means "not known" is no loss
        ("speed", -1, ""),
        ("speed", "", ""),
        ("heading", None, ""),
        ("fuel_level", "", ""),
    ],
)
def test_a_value_of_no_use_costs_itself_alone(name: str, value: Any, dropped: str) -> None:
    found = read(**{name: value})
    assert found.reading is not None and found.reading.has_fix
    assert (found.refusal, ", ".join(found.dropped)) == ("", dropped)


@pytest.mark.parametrize(("unit", "kmh"), [(KNOTS, 18.52), (METRES_A_SECOND, 36.0), (KMH, 10.0)])
def test_speeds_are_converted(unit: str, kmh: float) -> None:
    found = read(unit, speed="10")
    assert found.reading is not None and found.reading.speed == kmh


@pytest.mark.parametrize(
    ("sent", "read_as"),
    [
        ("1705329000", "2024-01-15T14:30:00"),
        (1705329000000, "2024-01-15T14:30:00"),
        ("2024-01-15T14:30:00Z", "2024-01-15T14:30:00"),
        ("2024-01-15 14:30:00", "2024-01-15T14:30:00"),
        ("2024-01-15T15:30:00+01:00", "2024-01-15T14:30:00"),
        ("1705329000.9", "2024-01-15T14:30:00.900000"),
        (None, "2026-11-28T12:00:00"),
        ("", "2026-11-28T12:00:00"),
    ],
)
def test_times_are_read(sent: Any, read_as: str) -> None:
    found = read(timestamp=sent)
    assert found.reading is not None and found.reading.timestamp == dt.datetime.fromisoformat(read_as).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("changes", "refusal", "detail"),
    [
        ({"timestamp": NOW.timestamp() + 3600}, Refusal.CLOCK_AHEAD, "60 min"),
        ({"timestamp": NOW.timestamp() + 86400 * 30}, Refusal.CLOCK_AHEAD, "30 d"),
        ({"timestamp": 0}, Refusal.CLOCK_UNSET, "1970-01-01"),
        ({"timestamp": "yesterday"}, Refusal.BAD_TIME, ""),
        ({"timestamp": "9" * 30}, Refusal.BAD_TIME, ""),
        ({"timestamp": {}}, Refusal.BAD_TIME, ""),
        ({"latitude": "91"}, Refusal.BAD_PLACE, ""),
        ({"latitude": "nan"}, Refusal.BAD_PLACE, ""),
        ({"latitude": ""}, Refusal.BAD_PLACE, ""),
        ({"longitude": None}, Refusal.BAD_PLACE, ""),
        ({"longitude": "3_05"}, Refusal.BAD_PLACE, ""),
    ],
)
def test_what_no_fix_can_be_made_of(changes: dict, refusal: str, detail: str) -> None:
    found = read(**changes)
    assert (found.reading, found.refusal, found.detail) == (None, refusal, detail)


def test_a_receiver_that_lost_1024_weeks_is_corrected_and_the_correction_named() -> None:
    found = read(timestamp=(NOW - dt.timedelta(weeks=1024, hours=1)).timestamp())
    assert found.reading is not None and found.reading.timestamp == NOW - dt.timedelta(hours=1)
    assert found.dropped == ("date (1,024 weeks)",)
    # Old positions of a buffer stay what they are.
    old = dt.datetime(2007, 11, 28, tzinfo=dt.UTC)
    kept = read(timestamp=old.timestamp()).reading
    assert kept is not None and kept.timestamp == old


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"is_valid": "false"}, Refusal.NO_FIX),
        ({"is_valid": False}, Refusal.NO_FIX),
        ({"latitude": "0.00000", "longitude": "0.00000", "satellites": "0"}, Refusal.NO_FIX),
        ({"latitude": 0, "longitude": 0}, Refusal.NO_FIX),
        ({"accuracy_m": 2500}, Refusal.INACCURATE),
        ({"latitude": 0, "longitude": 0, "satellites": 8}, ""),
        ({"accuracy_m": 12}, ""),
        ({"is_valid": True}, ""),
        ({"is_valid": "1"}, ""),
    ],
)
def test_what_the_device_does_not_vouch_for_is_kept_and_not_trusted(changes: dict, refusal: str) -> None:
    found = read(**changes)
    assert found.reading is not None
    assert (found.refusal, found.reading.has_fix) == (refusal, not refusal)


@pytest.mark.parametrize(
    ("text", "value"),
    [("36,75", 36.75), (" 1.5 ", 1.5), ("-0", 0), ("1e2", 100), (".5", 0.5), ("+3", 3), ("3_6", None), ("0x1", None),
     ("٣٦", None), ("inf", None), ("", None), ("1" * 41, None), (True, None), ([], None), (10**400, None)],
)  # fmt: skip
def test_numbers_as_devices_write_them(text: Any, value: float | None) -> None:
    assert number(text) == value


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | st.lists(st.integers(), max_size=2)
NAMES = ("latitude", "longitude", "timestamp", "speed", "heading", "altitude", "odometer_m", "fuel_level", "ignition",
         "accuracy_m", "is_valid", "satellites", "battery")  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), anything))
def test_whatever_comes_is_read_or_refused(values: dict) -> None:
    found = read(**values)
    if found.reading is not None:
        assert -90 <= found.reading.latitude <= 90 and -180 <= found.reading.longitude <= 180
        assert 0 <= found.reading.speed < 1000 and 0 <= found.reading.heading <= 360
        assert found.reading.timestamp <= NOW + dt.timedelta(minutes=5)
    else:
        assert found.refusal
