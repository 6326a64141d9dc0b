"""C. The limit of connections of one user."""

import base64
import os
import socket
from contextlib import ExitStack, contextmanager

import pytest

from testing.waiting import wait_until


@pytest.mark.parametrize("servers", [(0,), (0, 1)])
def test_c13_a_sixth_socket_closes_the_one_that_has_been_silent_longest(job, servers):
    client, _, number = job
    url = f"/ws/assistance/{number}/"
    with ExitStack() as stack:
        six = []
        for index in range(6):
            six.append(stack.enter_context(client.socket(url, server=servers[index % len(servers)])))
            six[-1].receive()
        assert six[0].receive_close(5) == 4429
        for frames in six[1:]:
            frames.send({"type": "ping"})
            frames.receive("pong")


def test_c13_sockets_of_phones_that_lost_their_network_make_room(environment, job):
    client, _, number = job
    url = f"/ws/assistance/{number}/"
    with ExitStack() as held:
        live = [held.enter_context(client.socket(url))]
        live[0].receive()
        lost = [held.enter_context(silent_socket(environment, url, client.header, server=index % 2)) for index in range(4)]
        for turn in range(4):
            live.append(held.enter_context(client.socket(url, server=turn % 2)))
            assert live[-1].receive()["type"] == "connection_established"
            wait_until(lambda turn=turn: sum(is_closed(one) for one in lost) > turn, seconds=6)
        for frames in live:
            frames.send({"type": "ping"})
            frames.receive("pong")


@contextmanager
def silent_socket(environment, path, header, *, server=0):
    """Hold a connection that answers no ping."""
    port = int(environment.urls[server].rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as held:
        held.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nAuthorization: {header}\r\n\r\n".encode()
        )
        received = b""
        while b"connection_established" not in received:
            piece = held.recv(65536)
            assert piece, received
            received += piece
        held.setblocking(False)
        yield held


def is_closed(held):
    """Return whether the server has sent a close frame with 4429, without consuming it."""
    try:
        return (b"\x88\x02" + (4429).to_bytes(2, "big")) in held.recv(65536, socket.MSG_PEEK)
    except BlockingIOError:
        return False
