"""Back-off for clients that were cut off for flooding: refused again, without a lookup, for a period that doubles.

Kept for each token, in this process alone: the point is to spend nothing on a flooder. Used in the event loop only.
"""

import time

FIRST, LONGEST = 1.0, 60.0  # seconds
FORGOTTEN_AFTER = 120.0  # seconds after its end
MOST = 10_000  # tokens that are kept

_running: dict[int, tuple[float, float]] = {}  # a token's hash → when its back-off ends (monotonic) and how long it is


def impose(credentials: tuple[str | None, str] | None) -> None:
    """Refuse connections with these credentials: for `FIRST` seconds, each further time for twice as long."""
    if credentials is None:
        return
    now, key = time.monotonic(), hash(credentials[1])
    end, length = _running.pop(key, (now, 0.0))
    length = min(LONGEST, length * 2) if length and now < end + FORGOTTEN_AFTER else FIRST
    _running[key] = now + length, length  # the last of the dict, so that the first is the oldest
    if len(_running) > MOST:
        del _running[next(iter(_running))]


def is_held(credentials: tuple[str | None, str] | None) -> bool:
    """Return whether these credentials are in back-off."""
    return credentials is not None and time.monotonic() < _running.get(hash(credentials[1]), (0.0, 0.0))[0]
