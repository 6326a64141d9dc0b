"""Five sockets a person, over TCP: one more is let in, and the one that has not answered for longest goes."""

import base64
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.conf import settings
from django.test import Client as Browser

from accounts.tokens import issue_fleet_token, issue_pair
from testing.clients import SocketClient
from testing.fixtures import running_server
from testing.servers import Server


class Mute:
    """A phone that has lost its network: the connection is there, and nobody answers its pings."""

    def __init__(self, server: Server, path: str, raw: str):
        self.connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        key = base64.b64encode(os.urandom(16)).decode()
        self.connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nAuthorization: Bearer {raw}\r\n\r\n".encode()
        )
        self.received = b""
        self.read_until(b"connection_established")

    def read_until(self, end: bytes) -> None:
        """Take what comes until this is among it."""
        while end not in self.received:
            piece = self.connection.recv(65536)
            assert piece, self.received
            self.received += piece

    def receive_close(self) -> int:
        """Return the code that the server closes with."""
        self.read_until(b"\x88\x02")
        at = self.received.index(b"\x88\x02") + 2
        return int.from_bytes(self.received[at : at + 2], "big")


@pytest.fixture(params=["serve", "daphne"])
def any_server(request: Any, transactional_db: None, tmp_path: Any) -> Iterator[Server]:
    """A server of each kind that the house runs on."""
    with running_server(tmp_path / "server.log", runner=request.param) as server:
        yield server


def token(user: Any) -> str:
    """Sign in."""
    return issue_pair(user)["access"]


def opened(stack: ExitStack, server: Server, path: str, raw: str, **options: Any) -> SocketClient:
    """Open a socket and read what it shows first."""
    client = stack.enter_context(server.socket(path, raw, **options))
    client.receive("connection_established")
    return client


def lives(client: SocketClient) -> bool:
    """Tell whether a socket still answers."""
    client.send({"type": "ping"})
    return client.receive("pong") == {"type": "pong"}


def test_the_one_that_answered_longest_ago_makes_room(any_server: Server, assistant_user: Any) -> None:
    """A fleet token counts with the app's: what is counted is a person's connections."""
    path, raw = f"/ws/assistant/{assistant_user.pk}/", token(assistant_user)
    with ExitStack() as stack:
        six = [opened(stack, any_server, path, raw) for _ in range(5)]
        fleet = {"Authorization": f"Token {issue_fleet_token(assistant_user)}"}
        six.append(opened(stack, any_server, path, "", additional_headers=fleet))
        assert six[0].receive_close() == 4429
        assert all(lives(client) for client in six[1:])
        six.append(opened(stack, any_server, path, raw))
        assert six[1].receive_close() == 4429
        assert all(lives(client) for client in six[2:])


def test_connections_lost_without_a_word_go_first(server: Server, assistant_user: Any) -> None:
    """As `serve` shows who answers pings."""
    path, raw = f"/ws/assistant/{assistant_user.pk}/", token(assistant_user)
    with ExitStack() as stack:
        live = [opened(stack, server, path, raw)]
        lost = [Mute(server, path, raw) for _ in range(4)]
        live.append(opened(stack, server, path, raw))
        assert lost[0].receive_close() == 4429
        live.append(opened(stack, server, path, raw))
        assert lost[1].receive_close() == 4429
        assert all(lives(client) for client in live)
        for phone in lost:
            phone.connection.close()


def test_who_leaves_makes_room(any_server: Server, assistant_user: Any) -> None:
    path, raw = f"/ws/assistant/{assistant_user.pk}/", token(assistant_user)
    with ExitStack() as stack:
        first = opened(stack, any_server, path, raw)
        for _ in range(8):
            with ExitStack() as others:
                for _ in range(4):
                    opened(others, any_server, path, raw)
        assert lives(first)


def test_pages_of_the_console_are_counted_apart(any_server: Server, dispatcher: Any) -> None:
    browser = Browser()
    browser.force_login(dispatcher, backend=settings.AUTHENTICATION_BACKENDS[-1])
    of_page = browser.post("/admin/socket-token/").json()["token"]
    with ExitStack() as stack:
        app = opened(stack, any_server, "/ws/fleet/", token(dispatcher))
        pages = [
            opened(stack, any_server, "/ws/fleet/", "", subprotocols=["bearer", of_page], origin=any_server.url)
            for _ in range(21)
        ]
        assert pages[0].receive_close() == 4429
        assert all(lives(client) for client in (app, *pages[1:]))


@pytest.mark.postgres
def test_over_all_processes(server: Server, assistant_user: Any, tmp_path: Any) -> None:
    path, raw = f"/ws/assistant/{assistant_user.pk}/", token(assistant_user)
    with running_server(tmp_path / "other.log", TASK_WORKER="off") as other, ExitStack() as stack:
        six = [opened(stack, (server, other)[index % 2], path, raw) for index in range(6)]
        assert six[0].receive_close() == 4429
        assert all(lives(client) for client in six[1:])
        six.append(opened(stack, server, path, raw))
        assert six[1].receive_close() == 4429
        assert all(lives(client) for client in six[2:])
