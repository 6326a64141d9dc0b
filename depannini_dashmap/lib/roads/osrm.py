"""Speaks to an OSRM over HTTP: one kept connection a thread, a limit for the whole question, a rest after a failure."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from typing import Any

from depannini_dashmap.lib.roads import engine

logger = logging.getLogger(__name__)

LIMIT = 0.2  # seconds that a request which somebody waits for may wait for roads
REST = 2.0  # seconds without a question after one was not answered
WARN_EVERY = 60.0
KEPT = 50.0  # seconds after which a kept connection is not trusted any more; OSRM closes it after 60
LONGEST = 20_000_000  # bytes of an answer
_LOST = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, http.client.CannotSendRequest)
_local = threading.local()
_rests_until = 0.0
_warned_at = float("-inf")
Point = tuple[float, float]


class _Kept(http.client.HTTPConnection):
    """A connection that is closed with the thread that it belonged to."""

    def __del__(self) -> None:
        self.close()


class NoAnswer(Exception):
    """The engine is away, frozen, resting after a failure, or not there at all."""


class Refused(Exception):
    """The engine answered, and cannot say: no way, no road near, nothing matched. The text is its code."""


def ask(service: str, points: Sequence[Point], *, within: float = LIMIT, **options: str) -> dict[str, Any]:
    """Return OSRM's answer about (latitude, longitude) points. Raises: NoAnswer, Refused; never later than `within`."""
    where = ";".join(f"{lng:.6f},{lat:.6f}" for lat, lng in points)
    query = "&".join(f"{name}={value}" for name, value in options.items())
    body = _fetch(f"/{service}/v1/driving/{where}?{query}", time.monotonic() + within)
    try:
        answer = json.loads(body)
        code = answer["code"]
    except (ValueError, KeyError, TypeError) as error:
        raise _failed(error) from error
    if code != "Ok":
        raise Refused(code)
    return answer


def is_resting() -> bool:
    """Return whether nothing is asked at the moment, since the last question failed."""
    return time.monotonic() < _rests_until


def forget() -> None:
    """Ask again at once, on a new connection."""
    global _rests_until
    _rests_until = 0.0
    _hang_up()


def _fetch(path: str, deadline: float) -> bytes:
    address = None if is_resting() else engine.address()
    if address is None:
        raise NoAnswer
    connection = _connection(address)
    is_kept = connection is not None
    try:
        try:
            return _exchange(connection or _connect(address, deadline), path, deadline)
        except _LOST:
            _hang_up()
            if not is_kept:
                raise
            return _exchange(_connect(address, deadline), path, deadline)
    except (OSError, http.client.HTTPException) as error:
        raise _failed(error) from error


def _failed(error: Exception) -> NoAnswer:
    global _rests_until, _warned_at
    _hang_up()
    now = time.monotonic()
    _rests_until = now + REST
    if now - _warned_at > WARN_EVERY:
        _warned_at = now
        logger.warning("The road engine gives no answer (%s): straight lines", type(error).__name__)
    return NoAnswer()


def _exchange(connection: http.client.HTTPConnection, path: str, deadline: float) -> bytes:
    connection.request("GET", path)
    _limit(connection, deadline)
    response = connection.getresponse()
    parts, length = [], 0
    while True:
        _limit(connection, deadline)
        part = response.read1(1 << 16)
        if not part:
            break
        parts.append(part)
        length += len(part)
        if length > LONGEST:
            raise http.client.HTTPException("too long")
    response.close()
    if response.will_close:
        _hang_up()
    else:
        _local.used_at = time.monotonic()
    return b"".join(parts)


def _limit(connection: http.client.HTTPConnection, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    if connection.sock is not None:
        connection.sock.settimeout(left)


def _connection(address: engine.Address) -> http.client.HTTPConnection | None:
    """Return this thread's connection, if it is to this address and may still be open."""
    kept: http.client.HTTPConnection | None = getattr(_local, "connection", None)
    if kept is None:
        return None
    if _local.address == address and time.monotonic() - _local.used_at < KEPT:
        return kept
    _hang_up()
    return None


def _connect(address: engine.Address, deadline: float) -> http.client.HTTPConnection:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    plain = socket.create_connection((address.ip, address.port), timeout=left)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection = _Kept(address.host, address.port)
    connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=address.host) if address.is_tls else plain
    _local.connection, _local.address, _local.used_at = connection, address, time.monotonic()
    return connection


def _hang_up() -> None:
    kept = getattr(_local, "connection", None)
    if kept is not None:
        _local.connection = None
        kept.close()


