"""A TCP connection on which a test writes each byte itself and reads answers one by one."""

import json
import socket
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Any

from testing.waiting import PATIENCE_S


class RawAnswer:
    """What a server answered: status, headers, body."""

    def __init__(self, status: int, headers: Message, body: bytes):
        self.status, self.headers, self.body = status, headers, body

    def json(self) -> Any:
        """Return the body, parsed."""
        return json.loads(self.body)


class RawConnection:
    """A connection to a port of this machine."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, *pieces: bytes) -> "RawConnection":
        """Send each piece by itself."""
        for piece in pieces:
            self.socket.sendall(piece)
        return self

    def answer(self, *, head_only: bool = False) -> RawAnswer:
        """Read the next answer. Raises: EOFError if the server closed the connection instead."""
        status = self._file.readline()
        if not status:
            raise EOFError
        code = int(status.split()[1])
        head = b""
        while (line := self._file.readline()) not in (b"\r\n", b""):
            head += line
        headers = BytesHeaderParser().parsebytes(head)
        body = b"" if head_only or code in (100, 204, 304) else self._body(headers)
        return RawAnswer(code, headers, body)

    def is_closed(self) -> bool:
        """Wait for the server to close the connection and return whether it did."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True

    def _body(self, headers: Message) -> bytes:
        if headers["Content-Length"] is not None:
            return self._file.read(int(headers["Content-Length"]))
        if headers["Transfer-Encoding"] != "chunked":
            return self._file.read()
        body = b""
        while size := int(self._file.readline(), 16):
            body += self._file.read(size)
            self._file.readline()
        self._file.readline()
        return body


def head(method: str, path: str, *headers: str, version: str = "1.1") -> bytes:
    """Return a request's head; `Host` is there."""
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: 127.0.0.1", *headers, "", ""]).encode("latin-1")


def chunked(body: bytes, size: int = 0, *, extension: bytes = b"", trailers: bytes = b"") -> bytes:
    """Return a body in chunks of so many bytes, or in one."""
    size = size or len(body) or 1
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return (
        b"".join(b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces) + b"0\r\n" + trailers + b"\r\n"
    )
