"""One connection that asks and does not read, or hardly speaks."""

import json
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web import http

from depannini_dashmap.server.http_server import GRACE, LEAST_RATE, LINGER, Channel

ASK = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
ANSWER = b"x" * 100_000


class Full(StringTransport):
    """A transport that is full from the first write on, until it is told that the client has read."""

    def write(self, data: bytes) -> None:
        super().write(data)
        self.producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:  # noqa: N802
        self.write(b"".join(data))


def _connection(transport: StringTransport | None = None) -> tuple[Channel, Any, list[http.Request]]:
    asked: list[http.Request] = []

    class Request(http.Request):
        def process(self) -> None:
            asked.append(self)

    channel, transport = Channel(), transport or Full()
    channel.requestFactory, channel.site, channel.timeOut = Request, None, None
    channel.makeConnection(transport)
    return channel, transport, asked


def _answer(request: http.Request) -> None:
    request.setHeader(b"content-length", str(len(ANSWER)).encode())
    request.write(ANSWER)
    request.finish()


def test_who_does_not_read_is_answered_no_further() -> None:
    channel, transport, asked = _connection()
    channel.dataReceived(ASK * 3)
    _answer(asked[0])
    assert len(asked) == 1
    assert transport.producerState == "paused"
    assert not channel.is_idle()
    for number in (2, 3):
        channel.resumeProducing()
        assert len(asked) == number
        _answer(asked[-1])
    assert transport.value().count(ANSWER) == 3
    channel.resumeProducing()
    assert channel.is_idle()
    assert transport.producerState == "producing"


def test_who_reads_is_read_on() -> None:
    channel, transport, asked = _connection()
    for number in (1, 2):
        channel.dataReceived(ASK)
        _answer(asked[-1])
        assert transport.producerState == "paused"
        channel.resumeProducing()
        assert transport.producerState == "producing"
        assert len(asked) == number


HEAD = b"POST /api/orders/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000\r\n\r\n"


@pytest.fixture
def slow() -> Any:
    """A connection whose time the test makes pass."""
    transport, clock = StringTransport(), Clock()
    transport.loseWriteConnection = lambda: None  # type: ignore[attr-defined]
    channel, transport, asked = _connection(transport)
    channel.callLater = clock.callLater
    yield channel, transport, asked, clock
    for request in channel.requests:
        if request.content:
            request.content.close()


@pytest.mark.parametrize("start", [b"GET", HEAD[:-2], HEAD, HEAD.replace(b"Content-Length: 50000", b"Transfer-Encoding: chunked")])
def test_a_byte_a_second_is_not_waited_for(slow: Any, start: bytes) -> None:
    channel, transport, asked, clock = slow
    channel.dataReceived(start)
    for _ in range(int(GRACE) - 1):
        clock.advance(1)
        channel.dataReceived(b"1")
    assert transport.value() == b""
    clock.advance(1)
    head, _, body = transport.value().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n") and b"Connection: close" in head
    assert json.loads(body)["code"] == "request_timeout"
    channel.dataReceived(b"1" * 50_000)
    clock.advance(LINGER)
    assert transport.disconnecting
    assert (asked, transport.value().count(b"HTTP/1.1")) == ([], 1)
    assert not clock.getDelayedCalls()


def test_who_sends_steadily_may_take_long(slow: Any) -> None:
    channel, transport, asked, clock = slow
    channel.dataReceived(HEAD)
    for _ in range(50_000 // LEAST_RATE):
        assert not asked
        clock.advance(1)
        channel.dataReceived(b"x" * LEAST_RATE)
    assert (len(asked), transport.value(), clock.getDelayedCalls()) == (1, b"", [])


def test_each_request_of_a_connection_has_its_own_time(slow: Any) -> None:
    channel, transport, asked, clock = slow
    for number in (1, 2, 3):
        channel.dataReceived(ASK[:20])
        clock.advance(GRACE - 1)
        channel.dataReceived(ASK[20:] + ASK[:20])
        clock.advance(2 * GRACE)  # ours, for the answer
        assert len(asked) == number
        _answer(asked[-1])
        clock.advance(GRACE - 1)
        channel.dataReceived(ASK[20:])
        _answer(asked.pop())
        clock.advance(2 * GRACE)  # nothing was begun
    assert b" 408 " not in transport.value() and not transport.disconnecting


def test_who_hangs_up_leaves_no_clock_behind(slow: Any) -> None:
    channel, _, _, clock = slow
    channel.dataReceived(HEAD)
    assert clock.getDelayedCalls()
    channel.connectionLost(ConnectionDone())
    assert not clock.getDelayedCalls()
