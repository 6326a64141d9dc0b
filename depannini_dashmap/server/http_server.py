"""Daphne's HTTP with answers of ours: where Twisted refuses by itself, and on connections that are kept while we stop."""

import json
import uuid
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from weakref import WeakSet

from daphne import http_protocol
from twisted.internet.interfaces import IDelayedCall
from twisted.web import http

from depannini_dashmap.lib import errors
from depannini_dashmap.server import shutdown

# Twisted holds the whole body by then; Daphne's pieces of 8 KB would each cost a hop to the thread that reads them.
BODY_PIECE = 1 << 20
LINGER = 2.0  # seconds for a refused client to read why: closing with its bytes unread would reset the connection
# A request has come whole within so many seconds of its first byte, and one more for as many bytes as came: a photo from a
# phone with little reception gets through, a byte now and then (which Twisted's limit on silence never ends) does not.
GRACE = 30.0
LEAST_RATE = 500  # bytes per second

CHANNELS: "WeakSet[Channel]" = WeakSet()


def install() -> None:
    """Let every Daphne of this process, ours or the command's, speak HTTP as this module does."""
    if not http.H2_ENABLED:
        http_protocol.HTTPFactory.protocol = Channel
        http_protocol.WebRequest = Request


class Request(http_protocol.WebRequest):  # type: ignore[misc]
    """One request. Forms are Django's to take apart, who also says what is wrong with them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, parsePOSTFormSubmission=False, **kwargs)

    def process(self) -> None:
        """Hand the request to the application, its body in few pieces."""
        self.channel.factory.server.request_buffer_size = BODY_PIECE
        super().process()

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Pass the answer on with its date; while we stop it is the connection's last one, and says so."""
        if message.get("type") == "http.response.start":
            self.responseHeaders.setRawHeaders(b"date", [formatdate(usegmt=True).encode()])
        if message.get("type") == "http.response.start" and shutdown.is_stopping() and self.channel:
            self.channel.persistent = False
            self.responseHeaders.setRawHeaders(b"connection", [b"close"])
        super().handle_reply(message)

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """Answer what Daphne refuses or could not serve."""
        code, error = {
            500: ("internal_error", "Internal server error"),
            503: ("unavailable", "Service unavailable"),
        }.get(status, ("bad_request", errors.InvalidData("Bad request").message))
        request_id, content = _envelope(code, error)
        headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", str(len(content)).encode())]
        headers.append((b"x-request-id", request_id.encode()))
        self.handle_reply({"type": "http.response.start", "status": status, "headers": headers})
        self.handle_reply({"type": "http.response.body", "body": content})


class Channel(http.HTTPChannel):
    """One connection; `CHANNELS` holds those that are open, and some that have become sockets or have ended as such."""

    _is_refused = False
    _came = 0  # bytes since the clock of an unfinished request was looked at
    _deadline: IDelayedCall | None = None
    _held = b""  # requests that came before the client had read the answers to those before

    def connectionMade(self) -> None:  # noqa: N802
        super().connectionMade()
        CHANNELS.add(self)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        CHANNELS.discard(self)
        self._end_deadline()
        super().connectionLost(reason)

    def is_http(self) -> bool:
        """Tell whether the connection is open and has not become a socket, which its consumer closes."""
        return getattr(self.transport, "protocol", None) is self

    def is_idle(self) -> bool:
        """Tell whether nothing of a request has come, nor an answer is still on its way."""
        return not (self.requests or self._buffer or self._held)

    def requestDone(self, request: Any) -> None:  # noqa: N802
        """End a request; the next one waits while the client does not read.

        Twisted would answer on, into memory: it minds a full transport only where no request is being answered.
        """
        if self._waitingForTransport and self.persistent:
            self._held, self._dataBuffer = b"".join(self._dataBuffer), []
            self._networkProducer.pauseProducing()
        super().requestDone(request)

    def resumeProducing(self) -> None:  # noqa: N802
        """Go on with what waited: the client has read."""
        super().resumeProducing()
        if self._held and not self._handlingRequest:
            held, self._held = self._held, b""
            self.dataReceived(held)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        if not self._is_refused:
            self._came += len(data)
            super().dataReceived(data)
            self._mind_deadline()

    def allContentReceived(self) -> None:  # noqa: N802
        self._end_deadline()
        super().allContentReceived()

    def _mind_deadline(self) -> None:
        """Start the clock of a request that came in part; most come whole, and cost no timer."""
        unfinished = (self.requests or self._buffer) and not self._handlingRequest and not self._is_refused
        if unfinished and self._deadline is None:
            self._came = 0
            self._deadline = self.callLater(GRACE, self._look_at_the_clock)

    def _end_deadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def _look_at_the_clock(self) -> None:
        """Refuse a request that is late; let one go on for as long as what came has earned it."""
        earned, self._came = self._came / LEAST_RATE, 0
        if earned >= 1:
            self._deadline = self.callLater(earned, self._look_at_the_clock)
        else:
            self._refuse(errors.RequestTimeout())

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        if not self._is_refused:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802
        self._respondToBadRequestAndDisconnect()

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802
        """Refuse what is no HTTP, or too much of it."""
        self._refuse(errors.InvalidData("Bad request", code="bad_request"))

    def _refuse(self, error: errors.DomainError) -> None:
        """Answer and hang up, listening to nothing more."""
        if self._is_refused:
            return
        self._is_refused = True
        self._end_deadline()
        request_id, content = _envelope(error.code, error.message)
        head = (
            f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\n"
            f"Content-Type: application/json; charset=utf-8\r\nDate: {formatdate(usegmt=True)}\r\n"
            f"Connection: close\r\nContent-Length: {len(content)}\r\nX-Request-ID: {request_id}\r\n\r\n"
        )
        self.transport.write(head.encode() + content)
        self.transport.loseWriteConnection()
        self.setTimeout(None)
        self.callLater(LINGER, self.transport.loseConnection)


def _envelope(code: str, error: str) -> tuple[str, bytes]:
    """Return a request id and the body of an error answer, as `lib/api/exception_handler.py` does."""
    request_id = uuid.uuid4().hex
    return request_id, json.dumps({"error": error, "code": code, "request_id": request_id}).encode()
