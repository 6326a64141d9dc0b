"""A PostgreSQL that holds its connections and says nothing: nobody waits for it, and all goes on when it speaks again."""

import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import pytest
from django.db import OperationalError, connection
from django.test import Client

from accounts.tokens import issue_pair
from depannini_dashmap.lib.db import watchdog
from testing.fixtures import running_server
from testing.servers import Server
from testing.waiting import wait_until

pytestmark = pytest.mark.postgres


class Line:
    """A TCP proxy before the database that can stop forwarding without closing anything."""

    def __init__(self) -> None:
        self.flows = threading.Event()
        self.flows.set()
        self._hanging_up = threading.Event()
        self._ended = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._peers: dict[socket.socket, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def url(self) -> str:
        """Return the database's address by way of this line."""
        base = connection.settings_dict
        return f"postgres://{base['USER']}:{base['PASSWORD']}@127.0.0.1:{self.port}/{base['NAME']}"

    def close(self) -> None:
        """Hang up."""
        self._ended.set()
        self.flows.set()
        self._thread.join()
        for end in (self._listening, *self._peers):
            end.close()
        self._selector.close()

    def hang_up(self) -> None:
        """Close what is open, as a server that restarts does."""
        self._hanging_up.set()
        wait_until(lambda: not self._hanging_up.is_set(), "the line hangs up")

    def _run(self) -> None:
        while not self._ended.is_set():
            self.flows.wait()
            if self._hanging_up.is_set():
                for end in list(self._peers):
                    self._drop(end)
                self._hanging_up.clear()
            for key, _ in self._selector.select(0.02):
                if self.flows.is_set():
                    self._accept() if key.fileobj is self._listening else self._pass_on(key.fileobj)

    def _accept(self) -> None:
        near, _ = self._listening.accept()
        base = connection.settings_dict
        far = socket.create_connection((base["HOST"], int(base["PORT"] or 5432)))
        for end, other in ((near, far), (far, near)):
            self._peers[end] = other
            self._selector.register(end, selectors.EVENT_READ)

    def _pass_on(self, end: Any) -> None:
        if end not in self._peers:  # gone with the other end
            return
        try:
            data = end.recv(65536)
            self._peers[end].sendall(data)
        except OSError:
            data = b""
        if not data:
            self._drop(end)

    def _drop(self, end: socket.socket) -> None:
        if other := self._peers.pop(end, None):
            del self._peers[other]
            for gone in (end, other):
                self._selector.unregister(gone)
                gone.close()


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def watch(transactional_db: None, line: Line) -> Iterator[tuple[watchdog.Watch, list[int]]]:
    """A watch over the database by way of `line`, patient for two checks, and how often it reported a return."""
    returns: list[int] = []
    made = watchdog.Watch({"dsn": line.url()}, 2 * watchdog.LOOK_EVERY, lambda: returns.append(1))
    try:
        yield made, returns
    finally:
        made.end()
        watchdog.thaw()
        connection.close()  # this thread's is cut with all others


@contextmanager
def working(work: Callable) -> Iterator[Any]:
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work)


def test_a_slow_query_on_a_living_server_is_left_alone(watch: Any, line: Line) -> None:
    watched, returns = watch
    slow = psycopg2.connect(line.url())
    try:
        watchdog.watch_over(slow)
        with working(lambda: slow.cursor().execute("SELECT pg_sleep(1.5)")) as query:
            while not query.done():
                watched.ask()
                assert not watchdog.is_frozen()
            query.result()
    finally:
        slow.close()
    assert returns == []


def test_a_frozen_server_is_noticed_and_who_waits_is_freed(watch: Any, line: Line) -> None:
    watched, returns = watch
    waiting = psycopg2.connect(line.url())
    watchdog.watch_over(waiting)
    watched.ask()
    line.flows.clear()
    with working(watched.ask) as asking:
        with pytest.raises(psycopg2.OperationalError):
            waiting.cursor().execute("SELECT 1")
        assert watchdog.is_frozen()
        with pytest.raises(OperationalError, match="answers nobody"):
            connection.copy().connect()
        line.flows.set()
        asking.result(10)
    assert not watchdog.is_frozen()
    assert returns == []
    watched.ask()
    assert returns == [1]
    watched.ask()
    assert returns == [1]


def test_a_server_that_refuses_is_not_frozen(watch: Any, line: Line) -> None:
    watched, returns = watch
    watched.ask()
    line.hang_up()
    watched.ask()
    assert not watchdog.is_frozen()
    assert returns == []
    watched.ask()
    assert returns == [1]


def test_a_closed_connection_leaves_no_descriptor(transactional_db: None) -> None:
    before = len(watchdog._lines)
    other = connection.copy()
    other.connect()
    assert len(watchdog._lines) == before + 1
    other.close()
    assert len(watchdog._lines) == before


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["serve", "daphne"])
def test_i04_every_door_says_503_until_the_server_speaks_again(
    tmp_path: Path, transactional_db: None, line: Line, client_user: Any, staff_user: Any, client: Client, runner: str
) -> None:
    access = issue_pair(client_user)["access"]
    client.force_login(staff_user)
    session = client.cookies["sessionid"].value
    settings = {"DATABASE_URL": line.url(), "DATABASE_PATIENCE": "1"}
    with running_server(tmp_path / "server.log", runner=runner, **settings) as server:
        place = {"lat": 36.7, "lng": 3.0}
        request = server.call("POST", "/api/assistance/request/", access, pickup=place).json()["assistance"]["id"]
        with server.socket(f"/ws/assistance/{request}/", access) as socket:
            socket.receive("connection_established")
            line.flows.clear()
            _every_door_says_503(server, access, session)
            socket.send({"type": "chat", "message": "Hello"})
            assert socket.receive("error")["code"] == "unavailable"
            line.flows.set()
            wait_until(lambda: server.call("GET", "/api/profile/user/", access).is_success, "it answers again")
            socket.receive("connection_established")  # the state once more, as events may have been lost
        assert server.call("GET", "/readyz").status_code == 200
        assert "goes on after a bug" not in server.output()


def _every_door_says_503(server: Server, access: str, session: str) -> None:
    """Hold requests against a frozen database; the first ones wait until it is noticed, the others are answered at once."""
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: server.call("GET", "/api/profile/user/", access), range(12)))
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    page = httpx.get(f"{server.url}/admin/", cookies={"sessionid": session}, timeout=10)
    assert (page.status_code, page.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert int(page.headers["Retry-After"]) > 0
    assert server.call("GET", "/healthz").status_code == 200
    assert server.call("GET", "/readyz").status_code == 503
