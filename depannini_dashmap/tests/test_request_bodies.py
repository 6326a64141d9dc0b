"""The layer before the application: bodies on disk, slow ones, and full disks. Over TCP, see test_bodies."""

import asyncio
import logging
import selectors
import tempfile
from collections.abc import Iterable
from typing import Any

import pytest

from depannini_dashmap.lib import errors
from depannini_dashmap.server import body_buffering
from depannini_dashmap.server.body_buffering import REFUSAL, WholeBodies


class Exchange:
    """One request to an application that answers with what it was handed; the server's side is played here."""

    def __init__(
        self, *messages: dict[str, Any], headers: Iterable[tuple[bytes, bytes]] = ((b"transfer-encoding", b"chunked"),)
    ):
        self.scope = {
            "type": "http", "http_version": "1.1", "method": "POST", "path": "/", "headers": [(b"host", b"x"), *headers],
        }  # fmt: skip
        self.messages = list(messages)
        self.sent: list[dict[str, Any]] = []
        self.handed: list[tuple[dict[str, Any], bytes]] = []

    async def receive(self) -> dict[str, Any]:
        """Return the next message, or wait for ever."""
        if not self.messages:
            await asyncio.Event().wait()
        return self.messages.pop(0)

    async def send(self, message: dict[str, Any]) -> None:
        """Note an answer."""
        self.sent.append(message)

    async def application(self, scope: dict, receive: Any, send: Any) -> None:
        """Read the body and answer."""
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message["more_body"]:
                break
        self.handed.append((scope, body))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    def run(self, **how: Any) -> "Exchange":
        """Have the request answered."""
        with asyncio.Runner(**how) as runner:
            runner.run(WholeBodies(self.application)(self.scope, self.receive, self.send))
        return self

    @property
    def refusal(self) -> errors.DomainError | None:
        ((scope, body),) = self.handed
        assert REFUSAL not in scope or body == b""
        return scope.get(REFUSAL)


def piece(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize("size", [0, 1, body_buffering.IN_MEMORY, body_buffering.IN_MEMORY + 1, 3 * body_buffering.IN_MEMORY + 5, 2_000_000])
@pytest.mark.parametrize("step", [1000, 70_000, 3_000_000])
def test_what_came_in_pieces_is_handed_on_whole_with_its_length(size: int, step: int) -> None:
    content = bytes(number % 251 for number in range(1000)) * (size // 1000 + 1)
    content = content[:size]
    exchange = Exchange(*[piece(content[at : at + step]) for at in range(0, size, step)], piece(b"", more=False)).run()
    ((scope, body),) = exchange.handed
    assert body == content
    assert dict(scope["headers"])[b"content-length"] == str(size).encode()
    assert b"transfer-encoding" not in dict(scope["headers"])
    assert body_buffering._on_disk == 0


class Swift(asyncio.SelectorEventLoop):
    """A loop in which waiting takes no time, but its clock goes on."""

    def __init__(self) -> None:
        super().__init__(Skipping(self))
        self.now = 0.0

    def time(self) -> float:
        return self.now


class Skipping(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    """Moves the clock where it would wait for a timer."""

    def __init__(self, loop: Swift) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        self._loop.now += max(0.0, timeout or 0.0)
        return super().select(0 if timeout is not None else None)


def test_a_byte_now_and_then_is_not_waited_for() -> None:
    exchange = Exchange(piece(b"{"), piece(b" ")).run(loop_factory=Swift)
    assert isinstance(exchange.refusal, errors.RequestTimeout)
    assert exchange.sent[0]["headers"] == [(b"connection", b"close")]
    assert [message.get("more_body") for message in exchange.sent] == [None, True, False]


@pytest.mark.parametrize(("rate", "refused"), [(body_buffering.LEAST_RATE, False), (body_buffering.LEAST_RATE // 2, True)])
def test_who_sends_steadily_may_take_long(rate: int, refused: bool) -> None:
    exchange = Exchange(*[piece(b"x" * rate)] * 120, piece(b"", more=False))
    at_once = exchange.receive

    async def each_second() -> dict[str, Any]:
        await asyncio.sleep(1)
        return await at_once()

    exchange.receive = each_second  # type: ignore[method-assign]
    assert isinstance(exchange.run(loop_factory=Swift).refusal, errors.RequestTimeout) == refused


def test_who_has_sent_much_may_not_fall_silent_for_hours() -> None:
    exchange = Exchange(piece(b"x" * (body_buffering.IN_MEMORY - 1)))
    asked: list[float] = []
    at_once = exchange.receive

    async def noted() -> dict[str, Any]:
        asked.append(asyncio.get_running_loop().time())
        return await at_once()

    async def application(scope: dict, receive: Any, send: Any) -> None:
        asked.append(asyncio.get_running_loop().time())
        await Exchange.application(exchange, scope, receive, send)

    exchange.receive, exchange.application = noted, application  # type: ignore[method-assign]
    assert isinstance(exchange.run(loop_factory=Swift).refusal, errors.RequestTimeout)
    assert asked[2] <= body_buffering.CREDIT + 1


def test_who_leaves_is_not_answered() -> None:
    exchange = Exchange(piece(b"x" * 300_000), {"type": "http.disconnect"}).run()
    assert (exchange.handed, exchange.sent, body_buffering._on_disk) == ([], [], 0)


def test_a_disk_that_takes_nothing_is_503_and_in_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/nowhere")
    with caplog.at_level(logging.ERROR, logger=body_buffering.__name__):
        exchange = Exchange(piece(b"x" * 200_000), piece(b"y" * 10, more=False)).run()
    assert isinstance(exchange.refusal, errors.Unavailable)
    assert exchange.refusal.code == "storage_unavailable"
    assert "could not be kept" in caplog.text
    small = Exchange(piece(b"x" * 1000, more=False)).run()
    assert small.refusal is None


def test_a_machine_without_a_temporary_folder_is_503_and_in_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under ProtectSystem without PrivateTmp: Python finds no folder at all."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/dev/null/nowhere"])
    with caplog.at_level(logging.ERROR, logger=body_buffering.__name__):
        exchange = Exchange(piece(b"x" * 200_000), piece(b"y" * 10, more=False)).run()
    assert exchange.refusal is not None and exchange.refusal.code == "storage_unavailable"
    assert "could not be kept in any temporary folder" in caplog.text


def test_all_bodies_of_a_process_together_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_buffering, "ON_DISK", 500_000)
    big = [*[piece(b"x" * 150_000)] * 4, piece(b"", more=False)]
    assert isinstance(Exchange(*big).run().refusal, errors.Unavailable)
    assert body_buffering._on_disk == 0
    assert Exchange(*big[:3], piece(b"", more=False)).run().refusal is None
    assert body_buffering._on_disk == 0


def test_a_body_of_http_2_needs_no_announcement() -> None:
    exchange = Exchange(piece(b"{}", more=False), headers=())
    exchange.scope["http_version"] = "2"
    ((scope, body),) = exchange.run().handed
    assert (body, dict(scope["headers"])[b"content-length"]) == (b"{}", b"2")


@pytest.mark.parametrize("length", [b"3", b"30"])
def test_a_server_that_hands_on_less_or_more_than_was_announced_is_not_believed(length: bytes) -> None:
    exchange = Exchange(piece(b"12345", more=False), headers=((b"content-length", length),)).run()
    assert exchange.refusal is not None
    assert exchange.refusal.status == 400


def test_trailers_that_come_late_are_no_headers() -> None:
    exchange = Exchange(piece(b"{}"), piece(b"", more=False))
    first = exchange.receive

    async def trailing() -> dict[str, Any]:
        exchange.scope["headers"].append((b"authorization", b"Bearer x"))
        return await first()

    exchange.receive = trailing  # type: ignore[method-assign]
    ((scope, _),) = exchange.run().handed
    assert b"authorization" not in dict(scope["headers"])
