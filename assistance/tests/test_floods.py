"""Hostile sockets over TCP, against a real server: floods of every kind of frame, who comes back, who does not read."""

import base64
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from accounts.tokens import issue_pair
from assistance import services
from testing.clients import SocketClient
from testing.fixtures import running_server
from testing.servers import Server
from testing.waiting import wait_until

PING = b'{"type": "ping"}'


@pytest.fixture
def assistant(assistant_user: Any) -> Any:
    """Return an assistant on duty."""
    services.set_duty(actor=assistant_user, is_active=True)
    return assistant_user


def token(user: Any) -> str:
    """Sign in."""
    return issue_pair(user)["access"]


def path(user: Any) -> str:
    """Name an assistant's socket."""
    return f"/ws/assistant/{user.pk}/"


def handshake(server: Server, user: Any) -> bytes:
    """Write down an opening request."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {path(user)} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nAuthorization: Bearer {token(user)}\r\n\r\n"
    ).encode()


def frame(opcode: Opcode, data: bytes = b"", *, fin: bool = True) -> bytes:
    """Write down a client's frame."""
    return Frame(opcode, data, fin=fin).serialize(mask=True)


def flood(client: SocketClient) -> int:
    """Say far too much and return the code of the answer."""
    with suppress(ConnectionClosed):
        for _ in range(1000):
            client.send({"type": "ping"})
    return client.receive_close()


def test_frames_that_come_before_the_socket_is_open_are_answered_after_the_state(
    server: Server, assistant: Any
) -> None:
    with server.socket(path(assistant), token(assistant)) as client:
        for _ in range(10):
            client.send({"type": "ping"})
        assert [client.receive()["type"] for _ in range(11)] == ["connection_established"] + ["pong"] * 10


def test_a_flood_that_begins_before_the_socket_is_open(server: Server, assistant: Any) -> None:
    with server.socket(path(assistant), token(assistant)) as client:
        assert flood(client) == 4429
        assert client.received[0]["type"] == "connection_established"
        assert sum(heard["type"] == "pong" for heard in client.received) <= 30


def test_a_flooder_who_comes_back_is_turned_away_for_a_while(server: Server, assistant: Any) -> None:
    flooding, other = token(assistant), token(assistant)

    def is_turned_away() -> bool:
        with server.socket(path(assistant), flooding) as client:
            assert flood(client) == 4429
            return not client.received  # nobody was asked and nothing shown

    wait_until(is_turned_away, "a flooder is not let in again", seconds=30)
    with server.socket(path(assistant), other) as client:  # another device of the same user
        assert client.receive()["type"] == "connection_established"

    def is_let_in() -> bool:
        with server.socket(path(assistant), flooding) as client, suppress(ConnectionClosed):
            return client.receive()["type"] == "connection_established"
        return False

    wait_until(is_let_in, "the back-off ends", seconds=90)


@pytest.mark.parametrize(
    "pieces",
    [
        lambda: frame(Opcode.PING),
        lambda: frame(Opcode.PONG, b"unasked"),
        lambda: frame(Opcode.CONT, fin=False),
    ],
    ids=["pings", "pongs", "empty pieces"],
)
def test_frames_that_are_no_messages_count_too(server: Server, assistant: Any, pieces: Callable[[], bytes]) -> None:
    with (
        server.socket(path(assistant), token(assistant)) as client,
        server.socket(path(assistant), token(assistant)) as other,
    ):
        for one in (client, other):
            one.receive("connection_established")
        line = client.connection.socket
        with suppress(OSError):
            line.sendall(frame(Opcode.TEXT, b"{", fin=False) + b"".join(pieces() for _ in range(1000)))
        assert client.receive_close() == 4429
        other.send({"type": "ping"})
        other.receive("pong")


def test_who_floods_without_credentials_is_not_read_for_long(server: Server, assistant: Any) -> None:
    with server.socket(path(assistant), "x.y.z") as client:
        assert flood(client) == 4401
        assert client.received == []


@pytest.mark.slow
def test_who_speaks_but_does_not_read_is_cut_off(tmp_path: Any, server: Server, assistant: Any) -> None:
    options = ("--ping-interval", "1", "--ping-timeout", "2")
    with running_server(tmp_path / "server.log", options=options) as strict, socket.socket() as deaf:
        deaf.connect(("127.0.0.1", strict.port))
        deaf.sendall(handshake(strict, assistant))
        with strict.socket(path(assistant), token(assistant)) as client:
            client.receive("connection_established")
            spoke_at = 0.0

            def is_cut_off() -> bool:
                nonlocal spoke_at
                if time.monotonic() - spoke_at < 0.2:  # far from a flood
                    return False
                spoke_at = time.monotonic()
                client.send({"type": "ping"})
                client.receive("pong")
                try:
                    deaf.sendall(frame(Opcode.TEXT, PING))
                except OSError:
                    return True
                return False

            wait_until(is_cut_off, "who does not read is cut off", seconds=30)
            client.send({"type": "ping"})
            client.receive("pong")  # who reads as it speaks is not
