"""One connection that asks and does not read."""

from typing import Any

from twisted.internet.testing import StringTransport
from twisted.web import http

from depannini_dashmap.http_server import Channel

ASK = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
ANSWER = b"x" * 100_000


class Full(StringTransport):
    """A transport that is full from the first write on, until it is told that the client has read."""

    def write(self, data: bytes) -> None:
        super().write(data)
        self.producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:  # noqa: N802
        self.write(b"".join(data))


def _connection() -> tuple[Channel, Full, list[http.Request]]:
    asked: list[http.Request] = []

    class Request(http.Request):
        def process(self) -> None:
            asked.append(self)

    channel, transport = Channel(), Full()
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
