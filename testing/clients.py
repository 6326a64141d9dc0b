"""Clients of a server: a socket that speaks JSON, and a kept HTTP connection in an event loop."""

from __future__ import annotations

import json
import time
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from testing.waiting import PATIENCE_S


class SocketClient:
    """An open WebSocket that speaks JSON and keeps what it has received; a context manager.

    Frames wait without a limit: over one, websockets reads nothing more, not even the end of a connection that is
    about to be sent on, and blocks that call for ten seconds.
    """

    def __init__(self, url: str, header: str = "", **options: Any) -> None:
        if header:
            options.setdefault("additional_headers", {})["Authorization"] = header
        options = {"open_timeout": PATIENCE_S, "close_timeout": 2, "max_queue": None, "max_size": 2**21, **options}
        self._opening: Any = connect(url, **options)
        self.connection: ClientConnection = self._opening.__enter__()
        self.received: list[dict] = []

    def __enter__(self) -> SocketClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._opening.__exit__(None, None, None)

    def send(self, frame: Any) -> None:
        """Send a frame: an object as JSON, text and bytes as they are."""
        self.connection.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    def receive(self, kind: str | None = None, seconds: float = PATIENCE_S, **keys: Any) -> dict:
        """Return the next frame, or the next one of a type with these values; those before it are kept too."""
        end = time.monotonic() + seconds
        while True:
            frame = json.loads(self.connection.recv(timeout=max(0.01, end - time.monotonic())), parse_constant=_refuse)
            self.received.append(frame)
            if kind is None or (frame.get("type") == kind and all(frame.get(key) == value for key, value in keys.items())):
                return frame

    def receive_close(self, seconds: float = PATIENCE_S) -> int:
        """Read on until the server closes and return its code; 1006 if the connection broke without a close frame."""
        end = time.monotonic() + seconds
        try:
            while True:
                self.receive(seconds=max(0.01, end - time.monotonic()))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
