"""One raw row in, one checked reading out."""

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telematics.readings import MAX_ID, InvalidReading, parse_reading

NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
GOOD = {"vehicle_id": 1, "latitude": 36.75, "longitude": 3.05, "speed": 40, "heading": 90}


def fields_of(**changes: Any) -> dict[str, list[str]]:
    with pytest.raises(InvalidReading) as caught:
        parse_reading({**GOOD, **changes}, NOW)
    return caught.value.fields


def test_defaults_are_now_and_an_engine_that_is_off() -> None:
    reading = parse_reading(GOOD, NOW)
    assert (reading.timestamp, reading.engine_status, reading.altitude) == (NOW, "off", None)


@pytest.mark.parametrize("name", ["vehicle_id", "latitude", "longitude", "speed", "heading"])
def test_required_fields(name: str) -> None:
    with pytest.raises(InvalidReading) as caught:
        parse_reading({key: value for key, value in GOOD.items() if key != name}, NOW)
    assert caught.value.fields == {name: ["This field is required."]}
    assert fields_of(**{name: None}) == {name: ["This field may not be null."]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("latitude", 90.0000001),
        ("latitude", "-90.0000001"),
        ("longitude", -180.0000001),
        ("longitude", "180.000000001"),
        ("heading", 360.01),
        ("heading", -0.01),
        ("speed", -1),
        ("speed", 1000),
        ("fuel_level", 100.01),
        ("odometer", -1),
    ],
)
def test_H04_out_of_range_is_refused_before_rounding(name: str, value: Any) -> None:
    assert list(fields_of(**{name: value})) == [name]


@pytest.mark.parametrize(
    ("name", "value"),
    [("latitude", 90), ("latitude", -90), ("longitude", 180), ("longitude", -180), ("heading", 360), ("speed", 999.99)],
)
def test_limits_are_included(name: str, value: Any) -> None:
    assert getattr(parse_reading({**GOOD, name: value}, NOW), name) == value


@pytest.mark.parametrize("name", ["latitude", "longitude", "speed", "heading", "altitude", "odometer", "fuel_level"])
def test_H04_zero_is_zero(name: str) -> None:
    for zero in (0, 0.0, -0.0, "0", "-0", "0.000000001"):
        assert str(getattr(parse_reading({**GOOD, name: zero}, NOW), name)) == "0.0"


@pytest.mark.parametrize(
    "value",
    [
        True,
        False,
        "",
        "x",
        "nan",
        "NaN",
        "Infinity",
        "-inf",
        "1e400",
        float("nan"),
        float("inf"),
        10**400,
        "1_0",
        "9" * 5000,
        [],
        {},
        [1],
        "1 2",
        "٣x",
        "\x00",
    ],
)
@pytest.mark.parametrize("name", ["latitude", "speed", "altitude"])
def test_G02_what_is_no_number(name: str, value: Any) -> None:
    assert fields_of(**{name: value}) == {name: ["A valid number is required."]}


def test_many_decimals_are_rounded() -> None:
    reading = parse_reading({**GOOD, "latitude": "36.75384999999", "speed": 999.999, "heading": "12.345678"}, NOW)
    assert (reading.latitude, reading.speed, reading.heading) == (36.75385, 999.99, 12.35)


@pytest.mark.parametrize("value", ["1", " 1 ", 1, 1.0])
def test_ids_may_be_text(value: Any) -> None:
    assert parse_reading({**GOOD, "vehicle_id": value}, NOW).vehicle_id == 1


@pytest.mark.parametrize("value", [True, "abc", "", 1.5, [], {}, "1" * 30, "²", "\x00"])
def test_what_is_no_id(value: Any) -> None:
    assert fields_of(vehicle_id=value) == {"vehicle_id": ["A valid integer is required."]}


def test_huge_ids_are_left_to_be_unknown() -> None:
    assert parse_reading({**GOOD, "vehicle_id": MAX_ID + 1}, NOW).vehicle_id == MAX_ID + 1


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-01-15T14:30:00Z", dt.datetime(2024, 1, 15, 14, 30, tzinfo=dt.UTC)),
        ("2024-01-15T14:30:00+01:00", dt.datetime(2024, 1, 15, 13, 30, tzinfo=dt.UTC)),
        ("2024-01-15 14:30:00", dt.datetime(2024, 1, 15, 14, 30, tzinfo=dt.UTC)),
        ("2024-01-15T14:30:00.250Z", dt.datetime(2024, 1, 15, 14, 30, 0, 250000, tzinfo=dt.UTC)),
        ("2024-06-01T12:05:00Z", NOW + dt.timedelta(minutes=5)),
        ("0001-01-01T00:00:00Z", dt.datetime(1, 1, 1, tzinfo=dt.UTC)),
    ],
)
def test_instants(text: str, instant: dt.datetime) -> None:
    assert parse_reading({**GOOD, "timestamp": text}, NOW).timestamp == instant


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "2024-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "2024-01-15T24:01:00Z",
        1705329000,
        True,
        [],
        {},
        "0001-01-01T00:00:00+14:00",
        "2024-01-15T14:30:00Z" * 9,
        "\x00",
    ],
)
def test_G10_what_is_no_instant(value: Any) -> None:
    assert list(fields_of(timestamp=value)) == ["timestamp"]


def test_more_than_five_minutes_ahead_is_refused() -> None:
    assert fields_of(timestamp="2024-06-01T12:05:01Z") == {
        "timestamp": ["More than 5 minutes ahead of this server's clock."]
    }


@pytest.mark.parametrize("value", ["ON", "broken", "", 1, True, [], {}])
def test_engine_states(value: Any) -> None:
    assert fields_of(engine_status=value) == {"engine_status": ['Choose from: "on", "off", "idle".']}


@pytest.mark.parametrize("raw", [None, 1, "x", [], [GOOD]])
def test_a_row_is_an_object(raw: Any) -> None:
    with pytest.raises(InvalidReading) as caught:
        parse_reading(raw, NOW)
    assert caught.value.fields == {"non_field_errors": ["Expected an object."]}


PLAIN = {
    "vehicle_id": 1, "latitude": "36.75", "longitude": "3.05", "speed": "40", "heading": "90.00", "altitude": "-1.5",
    "odometer": "25847.50", "fuel_level": "75.3", "engine_status": "on", "timestamp": "2024-05-31T12:00:00.5Z",
}  # fmt: skip
NUMBERS = st.one_of(
    st.floats().map(str),
    st.decimals(-181, 361, places=9).map(str),
    st.sampled_from(["", " 1 ", "1_0", "-0", "-0.0", "1e1", "nan", "inf", "٣", "0" * 99, "999.995", "x", 1, 1.5, True, None, [], {}]),
)
INSTANTS = st.sampled_from(
    [
        "2024-06-01T12:05:00Z", "2024-06-01T12:05:00.1Z", "2024-06-01", "20240601T120000Z", "2024-06-01T13:00:00+01:00",
        "2024-06-01 12:00:00+00:00", " 2024-06-01T12:00:00Z", "2024-06-01T12:00:00", "2024-06-01T12:00:00." + "0" * 21 + "Z",
        "0001-01-01T00:00:00Z", "x", 5, None, [],
    ]
)  # fmt: skip
OTHERS = {
    "timestamp": INSTANTS,
    "vehicle_id": st.sampled_from([2, "2", 2.0, True, None, -1, 2**70]),
    "engine_status": st.sampled_from(["off", "ON", None, [], 1]),
}


@given(name=st.sampled_from(list(PLAIN)), data=st.data(), is_left_out=st.booleans())
def test_the_short_way_reads_what_the_careful_one_reads(name: str, data: st.DataObject, is_left_out: bool) -> None:
    raw = {**PLAIN, name: data.draw(OTHERS.get(name, NUMBERS))}
    if is_left_out:
        del raw[name]

    def outcome(row: Mapping) -> str:
        try:
            return repr(parse_reading(row, NOW))
        except InvalidReading as error:
            return repr(error.fields)

    assert outcome(raw) == outcome(MappingProxyType(raw))  # only a dict goes the short way
