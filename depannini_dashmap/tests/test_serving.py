"""What the server does by itself over TCP: on kept connections while it stops, and on a port that it shares."""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import httpx
import pytest

from accounts.tokens import issue_pair
from testing.fixtures import running_server
from testing.servers import Server
from testing.waiting import wait_until

pytestmark = pytest.mark.slow


@contextmanager
def wire(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
        yield line


def answer_to(server: Server, *pieces: bytes) -> tuple[int, dict[str, Any], HTTPResponse]:
    """Send bytes as they are and return the status, the body and the rest of what is answered."""
    with wire(server) as line:
        for piece in pieces:
            line.sendall(piece)
        return read(line)


def read(line: socket.socket) -> tuple[int, dict[str, Any], HTTPResponse]:
    answer = HTTPResponse(line)
    answer.begin()
    body = json.loads(answer.read())
    answer.close()
    return answer.status, body, answer


HOST = b"Host: 127.0.0.1\r\n"


def test_a_broken_form_is_refused_by_django(server: Server, client_user: Any) -> None:
    access = issue_pair(client_user)["access"].encode()
    head = b"POST /api/profile/photo/ HTTP/1.1\r\n" + HOST + b"Authorization: Bearer " + access
    head += b"\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 3\r\n\r\n"
    status, body, _ = answer_to(server, head + b"--b")
    assert (status, body["code"]) == (400, "invalid_data")


def stop(server: Server) -> None:
    """Ask the server to stop; return once it accepts no connection."""

    def is_closed() -> bool:
        try:
            return not server.call("GET", "/healthz").is_success
        except httpx.HTTPError:
            return True

    server.process.terminate()
    wait_until(is_closed, "the port closes")


@contextmanager
def kept(server: Server) -> Iterator[HTTPConnection]:
    """A connection that has been used and is kept."""
    line = HTTPConnection("127.0.0.1", server.port, timeout=15)
    line.request("GET", "/healthz")
    assert json.loads(line.getresponse().read()) == {"status": "ok"}
    yield line
    line.close()


def test_g12_a_kept_connection_is_closed_after_its_last_request(tmp_path: Any, transactional_db: None) -> None:
    with running_server(tmp_path / "server.log") as stopping, kept(stopping) as used, kept(stopping) as idle:
        with stopping.socket("/ws/assistant/1/") as gone:
            assert gone.receive_close() == 4401
        stop(stopping)
        used.request("GET", "/healthz")
        answer = used.getresponse()
        assert (answer.status, answer.getheader("Connection")) == (200, "close")
        answer.close()
        assert stopping.process.wait(15) == 0
        assert idle.sock.recv(1) == b""  # never used again, it is closed without a word
        assert not re.search("Traceback", stopping.output())


def test_g12_a_half_sent_request_may_come_to_its_end(tmp_path: Any, transactional_db: None) -> None:
    with running_server(tmp_path / "server.log") as stopping, wire(stopping) as line:
        line.sendall(b"POST /api/auth/login/ HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{")
        stop(stopping)
        line.sendall(b"}")
        status, body, answer = read(line)
        assert (status, body["code"], answer.getheader("Connection")) == (400, "invalid_data", "close")
        assert stopping.process.wait(15) == 0


def test_g12_a_plain_daphne_goes_although_requests_run(tmp_path: Any, transactional_db: None) -> None:
    with running_server(tmp_path / "server.log", runner="daphne") as stopping:
        gone, statuses = threading.Event(), []

        def ask() -> None:
            while not gone.is_set():
                with suppress(httpx.HTTPError):
                    statuses.append(stopping.call("GET", "/").status_code)

        crowd = [threading.Thread(target=ask) for _ in range(16)]
        for one in crowd:
            one.start()
        try:
            wait_until(lambda: statuses.count(200) > 100, "they are answered", seconds=30)
            assert stopping.stop() == 0, stopping.output()[-2000:]
        finally:
            gone.set()
            for one in crowd:
                one.join()


def test_two_processes_share_one_port_and_one_may_stop(tmp_path: Any, transactional_db: None) -> None:
    """As at an upgrade: nobody who connects meanwhile is refused."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as port, ExitStack() as stack:
        shared = ("--fd", str(port.fileno()))
        first, second = (
            stack.enter_context(
                running_server(tmp_path / f"{number}.log", options=shared, port=port.getsockname()[1], inherited=(port.fileno(),), TASK_WORKER="off")
            )
            for number in range(2)
        )
        for one in (first, second):
            wait_until(lambda one=one: "Serving at" in one.output(), "both serve")
        assert {first.call("GET", "/healthz").status_code for _ in range(20)} == {200}
        first.process.terminate()
        while first.process.poll() is None:
            assert second.call("GET", "/healthz").status_code == 200
        assert first.process.returncode == 0
        assert second.call("GET", "/healthz").status_code == 200


def test_a_loop_that_has_nothing_to_do_sleeps_until_it_is_asked_or_stopped(tmp_path: Any, transactional_db: None) -> None:
    """uvicorn wakes ten times a second for the date of the answers; ours is right without that, and a signal wakes the loop."""
    with running_server(tmp_path / "server.log", TASK_WORKER="off") as idle, kept(idle) as line:
        seen: list[tuple[float, int]] = []

        def is_calm() -> bool:
            now, sleeps = time.monotonic(), _sleeps_of_the_loop(idle)
            seen.append((now, sleeps))
            return any(now - at >= 1.5 and sleeps - before < 5 for at, before in seen)

        wait_until(is_calm, "the loop sleeps for 1.5 s", seconds=30)
        line.request("GET", "/healthz")
        answer = line.getresponse()
        answer.read()
        assert abs(parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()) < 2
        line.close()
        assert idle.stop() == 0


def _sleeps_of_the_loop(server: Server) -> int:
    """Return how often the thread of the loop has gone to sleep (proc(5))."""
    pid = server.process.pid
    status = Path(f"/proc/{pid}/task/{pid}/status").read_text()
    return int(re.findall(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.M)[0])
