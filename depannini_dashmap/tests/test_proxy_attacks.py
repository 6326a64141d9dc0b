"""nginx by the recipe of docs/operations.md, attacked: what no ASGI application sees is refused there."""

import json
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from depannini_dashmap.tests import test_recipes
from depannini_dashmap.tests.test_recipes import Front, fronted
from testing.fixtures import running_server
from testing.raw_http import RawConnection

pytestmark = pytest.mark.slow

HOST = b"Host: localhost\r\n"
POST = b"POST /api/auth/login/ HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"


@pytest.fixture(scope="module")
def front(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """nginx before a server; its deadlines of 30 s for clients are 1 s here."""
    folder: Path = tmp_path_factory.mktemp("nginx")
    patched, printed = pytest.MonkeyPatch(), test_recipes.recipe("nginx")
    hurried, deadlines = re.subn(r"(client_header|client_body|\bsend)_timeout 30s;", r"\1_timeout 1s;", printed)
    assert deadlines == 3
    patched.setattr(test_recipes, "recipe", lambda language: hurried)
    with running_server(folder / "server.log", HTTPS="on", NUM_PROXIES="1") as server, patched.context(), fronted("nginx", folder, server.port) as front:
        yield front
    patched.undo()


class Encrypted(RawConnection):
    """A connection to the proxy."""

    def __init__(self, front: Front):
        super().__init__(front.port)
        self._file.close()
        context = ssl.create_default_context(cafile=front.certificate)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self._file = self.socket.makefile("rb")


@pytest.mark.parametrize(
    "broken",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 9_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X-Y: a\x00b\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
    ],
    ids=["line", "length", "long header", "long path", "value", "path", "no host", "chunks", "two framings"],
)
def test_what_is_no_http_gets_the_envelope(front: Front, broken: bytes) -> None:
    with Encrypted(front) as line:
        answer = line.send(broken).answer()
        assert (answer.status, answer.json()["code"], answer.json()["error"]) == (400, "bad_request", "Bad request")
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert answer.headers["Date"]


@pytest.mark.parametrize("start", [b"GET /healthz HT", b"GET /ws/assistance/1/ HTTP/1.1\r\n" + HOST + b"Upgrade: webs", POST + b"Content-Length: 50\r\n\r\n{"])
def test_a_request_that_does_not_come_is_not_waited_for(front: Front, start: bytes) -> None:
    with Encrypted(front) as line:
        began = time.monotonic()
        line.send(start)
        with suppress(EOFError, OSError):  # nginx hangs up, or says why before
            assert line.answer().status == 408
        assert 0.5 < time.monotonic() - began < 8


def test_a_head_that_drips_is_not_waited_for(front: Front) -> None:
    """A byte now and then earns no time: the deadline is the whole head's."""
    with Encrypted(front) as line:
        began = time.monotonic()
        with pytest.raises((OSError, EOFError)):
            while time.monotonic() - began < 10:
                line.send(b"G")
                line.socket.settimeout(0.2)
                try:
                    if not line.socket.recv(100):
                        raise EOFError
                except TimeoutError:
                    pass
        assert time.monotonic() - began < 8


def test_the_honest_are_served_while_three_hundred_idle(front: Front) -> None:
    idle = [socket.create_connection(("127.0.0.1", front.port), timeout=10) for _ in range(300)]
    try:
        for _ in range(5):
            began = time.monotonic()
            assert front.session.get(f"{front.url}/healthz", timeout=5).json() == {"status": "ok"}
            assert time.monotonic() - began < 1
        assert json.loads(front.session.get(f"{front.url}/api/", timeout=5).text)
    finally:
        for line in idle:
            line.close()
