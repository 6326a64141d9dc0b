"""Frames that are refused, and how many a socket may send."""

import json
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

BAD_PLACES = ['NaN', 'Infinity', '-Infinity', '1e999', '"36,7"', 'true', 'null', '91', '-91', '{}', '[]']


@pytest.mark.parametrize("start", [0, 6])
def test_c07_bad_places(room: Any, start: int) -> None:
    one, _ = room
    for bad in BAD_PLACES[start : start + 6]:
        one.send(f'{{"type": "location", "lat": {bad}, "lng": 3}}')
        assert one.receive("error")["code"] == "invalid", bad
    one.send('{"type": "location", "lat": 1, "lng": 181}')
    assert one.receive("error")["fields"] == {"lng": ["Must be between -180 and 180."]}


def test_places_written_as_texts(room: Any) -> None:
    one, other = room
    one.send({"type": "location", "lat": "36.75", "lng": " +3.05e0"})
    assert (other.receive("location")["lat"], other.received[-1]["lng"]) == (36.75, 3.05)
    for bad in ("3_6", "0x1", "NaN", "Infinity", "true", "\u0663", "36,75", ""):
        one.send(f'{{"type": "location", "lat": "{bad}", "lng": 3}}')
        assert one.receive("error")["fields"].keys() == {"lat"}, bad


def test_c08_nonsense_is_answered_and_ten_times_is_enough(room: Any) -> None:
    one, _ = room
    deep = '{"type":"x","a":' + "[" * 2000 + "]" * 2000 + "}"
    nonsense = ["garbage", b"\x00\x01", "[]", deep, '{"type": "\\ud800"}', '{"type": "status"}', '{"type": 5}', "{}", '"x"']
    for bad in nonsense:
        one.send(bad)
        assert one.receive()["type"] == "error"
    one.send({"type": "ping"})
    assert one.receive() == {"type": "pong"}
    one.send("garbage")
    assert one.receive_close() == 4400


@pytest.mark.parametrize("frame", ["x" * 16385, "é" * 9000, b"x" * 20000, "x" * 1_000_000])
def test_c10_too_big(room: Any, frame: str | bytes) -> None:
    room[0].send(frame)
    assert room[0].receive_close() == 1009


def test_c10_too_big_in_pieces(room: Any) -> None:
    with suppress(ConnectionClosed):
        room[0].connection.send(["x" * 10_000] * 100)
    assert room[0].receive_close() == 1009


def test_the_biggest_allowed(room: Any) -> None:
    frame = json.dumps({"type": "ping", "fill": ""})
    room[0].send(frame[:-2] + "x" * (16 * 1024 - len(frame)) + frame[-2:])
    assert room[0].receive() == {"type": "pong"}


def test_c11_a_flood(room: Any) -> None:
    one, other = room
    with suppress(ConnectionClosed):
        for _ in range(1000):
            one.send({"type": "ping"})
    assert one.receive_close() == 4429
    assert sum(frame["type"] == "pong" for frame in one.received) <= 30
    other.send({"type": "ping"})
    assert other.receive("pong", seconds=0.5)
