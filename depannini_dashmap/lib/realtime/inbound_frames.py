"""What a socket takes from its client: strict JSON objects, not too big, not too many, not too often wrong."""

import time
from typing import Any

import orjson

from depannini_dashmap.lib.errors import one_field_message
from depannini_dashmap.lib.numbers import NotANumber, read_float

MAX_BYTES = 16 * 1024
MAX_DEPTH = 16


class BadFrame(Exception):
    """A frame that is answered by an error; the socket lives on. Without a sentence it says what is wrong with its field."""

    def __init__(self, code: str, error: str | None = None, fields: dict[str, list[str]] | None = None):
        self.code, self.error, self.fields = code, error or one_field_message(fields) or "Invalid data", fields
        super().__init__(self.error)


def is_too_big(content: str | bytes) -> bool:
    """Return whether a frame is over the limit, counted in bytes."""
    if len(content) * 4 <= MAX_BYTES:
        return False
    return len(content.encode(errors="replace") if isinstance(content, str) else content) > MAX_BYTES


def parse(text: str) -> dict[str, Any]:
    """Read a frame. Raises: BadFrame for anything but an object with a text under `type`."""
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise BadFrame("invalid", "Nested too deeply")
    try:
        frame = orjson.loads(text)
    except ValueError:
        raise BadFrame("invalid", "Not JSON") from None
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise BadFrame("invalid", 'A frame is an object with a "type"')
    return frame


def coordinate(frame: dict[str, Any], name: str, limit: float) -> float:
    """Read a latitude or longitude in degrees: a number, or one as text, within ± limit. Raises: BadFrame `invalid`."""
    try:
        value = read_float(frame.get(name))
    except NotANumber:
        raise BadFrame("invalid", fields={name: ["A number is needed."]}) from None
    if not -limit <= value <= limit:
        raise BadFrame("invalid", fields={name: [f"Must be between -{limit:g} and {limit:g}."]})
    return value


class Allowance:
    """A bucket of frames: `burst` at once, `per_second` after that."""

    __slots__ = ("burst", "left", "per_second", "seen_at")

    def __init__(self, per_second: float = 10, burst: float = 20):
        self.per_second, self.burst, self.left = per_second, burst, burst
        self.seen_at = time.monotonic()

    def take(self) -> bool:
        """Count one frame; return whether it is allowed."""
        now = time.monotonic()
        self.left = min(self.burst, self.left + (now - self.seen_at) * self.per_second) - 1
        self.seen_at = now
        return self.left >= 0


class Strikes:
    """Counts bad frames: ten within a minute are too many."""

    __slots__ = ("_times",)

    def __init__(self) -> None:
        self._times: list[float] = []  # most sockets never have one, and an empty list is small

    def add(self) -> bool:
        """Count one; return whether it is the tenth within a minute."""
        self._times = [*self._times[-9:], time.monotonic()]
        return len(self._times) == 10 and self._times[-1] - self._times[0] < 60


def _depth(text: str) -> int:
    """Return how deep brackets nest, those inside strings counted too (they only make it stricter)."""
    depth = deepest = 0
    for letter in text:
        if letter in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "}]":
            depth -= 1
    return deepest
