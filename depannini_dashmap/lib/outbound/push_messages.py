"""What is sent to devices, and what may become of it."""

from __future__ import annotations

from dataclasses import dataclass, field

FCM, WEB_PUSH = "fcm", "webpush"
SENT, GONE, REFUSED, LATER = "sent", "gone", "refused", "later"


@dataclass(frozen=True, slots=True)
class PushAddress:
    """A device: FCM's token, or the endpoint of a browser's push service with the browser's keys."""

    kind: str
    token: str = field(repr=False)
    p256dh: str = field(default="", repr=False)
    auth: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PushMessage:
    """A notification; it takes the place of the one with the same tag, and `is_withdrawn` takes that one away."""

    tag: str
    title: str
    body: str
    data: dict[str, str]
    ttl_s: int
    is_urgent: bool = False
    is_withdrawn: bool = False


def outcome_of(status: int) -> str:
    """Return what an answer's status means for the message."""
    if status < 300:
        return SENT
    if status in (404, 410):
        return GONE
    return LATER if status in (401, 403, 408, 429) or status >= 500 else REFUSED
