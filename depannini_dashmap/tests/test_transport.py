"""What is set on the connection under a socket: limits, and what is let go of. Over TCP, see assistance/test_consumers."""

import asyncio
import functools
import socket
from typing import Any

from depannini_dashmap.lib.realtime.frames import MAX_BYTES
from depannini_dashmap.lib.realtime.transport import READ_AT_ONCE, STALLED_AFTER, Transport


class Line:
    """A connection that notes what is done with it."""

    def __init__(self) -> None:
        self.socket = socket.socket()
        self.bufferSize = 65536
        self.done: list[str] = []

    def unregisterProducer(self) -> None:  # noqa: N802
        self.done.append("unregisterProducer")

    def pauseProducing(self) -> None:  # noqa: N802
        self.done.append("pauseProducing")

    def resumeProducing(self) -> None:  # noqa: N802
        self.done.append("resumeProducing")

    def abortConnection(self) -> None:  # noqa: N802
        self.done.append("abortConnection")


class Protocol:
    """What Daphne's protocol keeps of a handshake."""

    def __init__(self) -> None:
        self.transport = Line()
        self.maxMessagePayloadSize = self.maxFramePayloadSize = 0
        self.failByDrop = True
        self.http_request_data = b"GET / HTTP/1.1\r\nAuthorization: Bearer secret\r\n\r\n"
        self.http_headers = {"authorization": "Bearer secret"}
        self.clean_headers = [(b"authorization", b"Bearer secret")]


def over(protocol: Any) -> Transport:
    """Return the transport that a consumer would find under its `send`."""
    return Transport(functools.partial(lambda protocol, message: None, protocol))


def test_an_accepted_socket_has_its_limits_and_no_copy_of_the_token() -> None:
    protocol = Protocol()
    scope_headers, line = protocol.clean_headers, protocol.transport
    over(protocol).settle()
    assert (protocol.maxMessagePayloadSize, protocol.maxFramePayloadSize, protocol.failByDrop) == (MAX_BYTES, MAX_BYTES, False)
    assert (line.bufferSize, line.done) == (READ_AT_ONCE, ["pauseProducing", "unregisterProducer"])
    assert line.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == STALLED_AFTER
    assert (protocol.http_request_data, protocol.http_headers, scope_headers) == (b"", {}, [])
    line.socket.close()


def test_who_is_shut_out_is_not_read_any_more_and_cut_off_soon(monkeypatch: Any) -> None:
    monkeypatch.setattr("depannini_dashmap.lib.realtime.transport.LAST_WORD", 0)
    protocol = Protocol()

    async def shut_out() -> list[str]:
        transport = over(protocol)
        assert [transport.shut_out(), transport.shut_out()] == [True, False]
        transport.listen()
        at_once = list(protocol.transport.done)
        await asyncio.sleep(0.01)
        return at_once

    assert asyncio.run(shut_out()) == ["pauseProducing"]
    assert protocol.transport.done == ["pauseProducing", "abortConnection"]
    protocol.transport.socket.close()


def test_nothing_is_read_until_the_socket_listens() -> None:
    protocol = Protocol()
    transport = over(protocol)
    transport.settle()
    transport.listen()
    transport.pause()
    transport.listen()
    assert protocol.transport.done == ["pauseProducing", "unregisterProducer", "resumeProducing", "pauseProducing", "resumeProducing"]
    protocol.transport.socket.close()


def test_under_another_server_nothing_is_done() -> None:
    transport = Transport(lambda message: None)
    transport.settle()
    transport.pause()
    transport.listen()
    assert transport.shut_out() is True
    assert transport.is_clogged() is False
