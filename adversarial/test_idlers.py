"""C and G. Clients that hold a connection and say next to nothing, while the honest are served."""

import select
import socket
import statistics
import time

from testing.samples import ask_for_help, order_body

SLOW = 200
SECOND = 1.0  # between two bytes of a slow body
GRACE = 30  # seconds that a request has, if hardly anything comes of it


def test_c13_five_hundred_half_open_handshakes_hold_nobody_up(environment, users, idlers):
    client = users.client()
    number, seconds = ask_for_help(client), []
    for _ in range(10):
        started = time.monotonic()
        with client.socket(f"/ws/assistance/{number}/") as frames:
            assert frames.receive()["type"] == "connection_established"
        seconds.append(time.monotonic() - started)
        assert client.get("/api/profile/user/", server=0).status_code == 200
    assert statistics.median(seconds) <= 1
    # They were there all the while: a deadline for heads is the proxy's (tests/test_proxy_attacks.py); bodies have theirs here.
    assert len(idlers.held_by_the_server()) >= idlers.HANDSHAKES


def test_g05_two_hundred_slow_bodies_hold_nobody_up(environment, users):
    dispatcher, client = users.dispatcher(), users.client()
    number = ask_for_help(client)
    host, port = environment.urls[0].removeprefix("http://").split(":")
    head = (
        f"POST /api/orders/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {dispatcher.header}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    )
    lines = [socket.create_connection((host, int(port)), timeout=10) for _ in range(SLOW)]
    waiting, refused, seconds, began = set(lines), set(), [], time.monotonic()
    try:
        for line in lines:
            line.sendall(head.encode())
        with client.socket(f"/ws/assistance/{number}/") as frames:
            frames.receive()
            while waiting and time.monotonic() - began < GRACE + 10:
                for line in waiting:
                    line.sendall(b" ")
                next_byte = time.monotonic() + SECOND
                frames.send({"type": "ping"})
                frames.receive("pong")
                while (left := next_byte - time.monotonic()) > 0:
                    started = time.monotonic()
                    assert dispatcher.get("/api/orders/", server=0).status_code == 200
                    seconds.append(time.monotonic() - started)
                    for line in select.select(list(waiting), [], [], min(0.05, max(0, left)))[0]:
                        assert time.monotonic() - began >= GRACE - 1
                        assert line.recv(4096).split()[1] == b"408"
                        waiting.discard(line)
                        refused.add(line)
        assert len(refused) == SLOW
        assert dispatcher.post("/api/orders/", order_body(), server=0).status_code == 201
        assert sorted(seconds)[int(len(seconds) * 0.95)] <= 0.5
    finally:
        for line in lines:
            line.close()
