"""C. Frames: whose location is believed, and what is refused or cut off."""

import json
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode


def test_c05_a_location_is_stored_for_its_sender_alone(environment, job):
    client, assistant, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine, assistant.socket(f"/ws/assistance/{number}/", server=1) as his:
        mine.receive()
        his.receive()
        his.send({"type": "location", "lat": 36.76, "lng": 3.07, "user_id": client.id})
        event = mine.receive("location", lat=36.76, lng=3.07)
        assert event["user_id"] == assistant.id
    assert environment.rows("SELECT current_lat FROM accounts_user WHERE id = %s", [client.id]) == [(None,)]


def test_c06_no_location_is_relayed_after_the_end(job):
    client, assistant, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine, assistant.socket(f"/ws/assistance/{number}/") as his:
        mine.receive()
        his.receive()
        assert client.patch(f"/api/assistance/update/{number}/", {"status": "canceled"}).status_code == 200
        his.receive("status", status="canceled")
        mine.receive("status", status="canceled")
        his.send({"type": "location", "lat": 1.5, "lng": 1.5})
        his.receive("error")
        mine.send({"type": "ping"})
        mine.receive("pong")
        assert not any(event.get("lat") == 1.5 for event in mine.received)


@pytest.mark.parametrize(
    "place",
    ['"lat": NaN, "lng": 1', '"lat": Infinity, "lng": 1', '"lat": 1e999, "lng": 1', '"lat": true, "lng": 1', '"lat": null, "lng": 1', '"lat": 91, "lng": 1', '"lat": 1, "lng": -181', '"lat": {}, "lng": 1', '"lng": 1'],
)
def test_c07_invalid_locations_are_refused(job, place):
    client, _, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine:
        mine.receive()
        mine.send('{"type": "location", ' + place + "}")
        event = mine.receive("error")
        assert event["code"] and event["error"]
        mine.send({"type": "ping"})
        mine.receive("pong")


@pytest.mark.parametrize(
    "frame", ["garbage", b"\x00\x01", "[]", "[" * 2000, '{"type": "chat", "message": "\\ud800"}', '{"type": "nonsense"}', '{"type": 5}', "{}", '"x"', "1", "null", '{"type": "__init__"}', '{"type": "session.ended"}']
)
def test_c08_bad_frames_are_answered_by_errors(job, frame):
    client, _, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine:
        mine.receive()
        mine.send(frame)
        mine.receive("error")
        mine.send({"type": "ping"})
        mine.receive("pong")


def test_c08_ten_bad_frames_close_the_socket(job):
    client, _, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine:
        mine.receive()
        for _ in range(10):
            mine.send("garbage")
        assert mine.receive_close() == 4400


def test_c10_frames_over_the_limit_close_the_socket(job):
    client, _, number = job
    for size in (16 * 1024 + 1, 2**20):
        with client.socket(f"/ws/assistance/{number}/") as mine:
            mine.receive()
            try:
                mine.send(json.dumps({"type": "chat", "message": "x" * size}))
            except ConnectionClosed:
                pass
            assert mine.receive_close() == 1009


def test_c10_a_megabyte_in_fragments_closes_the_socket(job):
    client, _, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine:
        mine.receive()
        try:
            mine.connection.send(["x" * 4096] * 256)
        except ConnectionClosed:
            pass
        assert mine.receive_close() == 1009


def test_c11_a_flood_closes_the_socket(job):
    client, assistant, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine, assistant.socket(f"/ws/assistance/{number}/", server=1) as his:
        mine.receive()
        his.receive()
        started = time.monotonic()
        try:
            for index in range(1000):
                his.send({"type": "chat", "message": f"m{index}"})
        except ConnectionClosed:
            pass
        assert his.receive_close() == 4429
        seconds = time.monotonic() - started
    messages = client.get(f"/api/assistance/{number}/messages/?page_size=1000").json()["results"]
    assert len(messages) <= 30 * max(1, seconds)  # a busy machine needs longer than a second for them


def test_c11_a_flooder_who_comes_back_learns_nothing(job):
    client, assistant, number = job
    url = f"/ws/assistance/{number}/"
    with client.socket(url) as mine:
        mine.receive()
        for _ in range(10):
            with assistant.socket(url) as his:
                try:
                    for _ in range(1000):
                        his.send({"type": "ping"})
                except ConnectionClosed:
                    pass
                assert his.receive_close() == 4429
                if not his.received:
                    break
        else:
            raise AssertionError("let in however often it floods")
        mine.send({"type": "ping"})
        mine.receive("pong", seconds=0.5)
    with assistant.socket(url, server=1) as his:  # the other process has no quarrel with him
        assert his.receive()["type"] == "connection_established"


@pytest.mark.parametrize("kind", [Opcode.PING, Opcode.PONG, Opcode.CONT])
def test_c11_a_flood_of_control_frames_closes_the_socket(job, kind):
    client, assistant, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine, assistant.socket(f"/ws/assistance/{number}/") as his:
        mine.receive()
        his.receive()
        pieces = [Frame(kind, b"", fin=kind != Opcode.CONT).serialize(mask=True) for _ in range(1000)]
        try:
            his.connection.socket.sendall(Frame(Opcode.TEXT, b"{", fin=False).serialize(mask=True) + b"".join(pieces))
        except OSError:
            pass
        assert his.receive_close() == 4429
        mine.send({"type": "ping"})
        mine.receive("pong", seconds=0.5)


def test_c21_chat_names_its_sender_and_has_a_limit(job):
    client, assistant, number = job
    with client.socket(f"/ws/assistance/{number}/") as mine, assistant.socket(f"/ws/assistance/{number}/", server=1) as his:
        mine.receive()
        his.receive()
        mine.send({"type": "chat", "message": "مرحبا", "sender": "Somebody else"})
        event = his.receive("chat")
        assert (event["message"], event["sender"]) == ("مرحبا", "Amina")
        mine.send({"type": "chat", "message": "x" * 1001})
        mine.receive("error")
        mine.send({"type": "chat", "message": ""})
        mine.receive("error")
