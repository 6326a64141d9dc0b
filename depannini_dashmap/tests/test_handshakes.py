"""Opening requests that no library sends, byte by byte: refused in words of ours, never a 500, and never let in by a trick."""

import base64
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from accounts.tokens import issue_pair
from testing.fixtures import running_server
from testing.servers import Server


@pytest.fixture(scope="module", params=["serve", "daphne"])
def runner(request: Any) -> str:
    """Name each server that the house runs on."""
    return request.param


@pytest.fixture
def any_server(runner: str, transactional_db: None, tmp_path: Any) -> Iterator[Server]:
    """Run it."""
    with running_server(tmp_path / "server.log", runner=runner) as server:
        yield server


def shake(server: Server, target: bytes, *headers: bytes, host: bytes = b"") -> bytes:
    """Send an opening request and return the answer: its head, and what comes within a moment after it."""
    key = base64.b64encode(os.urandom(16))
    lines = [
        b"GET " + target + b" HTTP/1.1", host or b"Host: 127.0.0.1:%d" % server.port, b"Upgrade: websocket",
        b"Connection: Upgrade", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: " + key, *headers,
    ]  # fmt: skip
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as held:
        held.sendall(b"\r\n".join(lines) + b"\r\n\r\n")
        received = b""
        while b"\x88\x02" not in received and b"connection_established" not in received:
            piece = held.recv(65536)
            if not piece:
                break
            received += piece
        return received


def closed_with(answer: bytes) -> int:
    """Return the code of the close frame."""
    at = answer.index(b"\x88\x02") + 2
    return int.from_bytes(answer[at : at + 2], "big")


def test_hostile_handshakes(any_server: Server, runner: str, assistant_user: Any) -> None:
    raw = issue_pair(assistant_user)["access"].encode()
    path = b"/ws/assistant/%d/" % assistant_user.pk
    bearer = b"Authorization: Bearer " + raw
    assert b"connection_established" in shake(any_server, path, bearer)

    for protocols in (b"b\xc3\xa9arer", b"bearer, \xff\xfe", b"bearer, \xe2\x80\x8b" + raw):
        status = shake(any_server, path, b"Sec-WebSocket-Protocol: " + protocols).split(b"\r\n", 1)[0]
        if runner != "daphne":  # which reads headers before the application may, and answers 500 in words of its own
            assert status.split()[1] in (b"400", b"403", b"101"), status
            assert b"codec" not in status and b"ordinal" not in status

    for root in (b"/ws", b"/ws/assistant", path, b"/elsewhere", b"%2Fws", b"\xff", b""):
        answer = shake(any_server, path, bearer, b"Daphne-Root-Path: " + root)
        assert b"connection_established" in answer, (root, answer)
    assert shake(any_server, b"/hidden" + path, bearer, b"Daphne-Root-Path: /hidden").split()[1] == b"403"

    for target in (
        path + b"?token=" + raw + b"&token=x", path + b"?token=x&token=" + raw, path + b"?token=", path + b"?token=%ff%00",
        path + b"?" + b"a=1&" * 500 + b"token=" + raw, path + b"?token=%zz", path + b"?token=" + b"x" * 5000,
        path + b"?%74oken=" + raw[:-3],
    ):  # fmt: skip
        assert closed_with(shake(any_server, target)) == 4401, target[:40]
    assert closed_with(shake(any_server, path, bearer, bearer)) == 4401
    assert closed_with(shake(any_server, path, b"Sec-WebSocket-Protocol: bearer,")) == 4401

    for target in (b"/ws/assistant/%ff/", b"/ws/assistant/%zz/", b"/ws/assistant/%2e%2e/", b"/ws/assistant/%0d%0a/"):
        answer = shake(any_server, target, bearer)
        assert answer.split()[1] in (b"403", b"400") or closed_with(answer) == 4403, target
    for host in (b"Host: evil.example", b"Host: 127.0.0.1\r\nHost: evil.example", b"Host: \xff", b"X: y"):
        assert shake(any_server, path, bearer, host=host).split()[1:2] in ([b"403"], [b"400"], []), host
    assert runner == "daphne" or "Traceback" not in any_server.output()
