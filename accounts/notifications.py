"""What a notification says, as the apps above give it: plain values, shown in the language of each device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django_stubs_ext import StrOrPromise

from depannini_dashmap.lib.outbound.push_messages import PushMessage

LONGEST_TTL = timedelta(days=1)


@dataclass(frozen=True, slots=True, eq=False)
class Notification:
    """A sentence about one thing: `tag` names the thing, `content` the sentence in words of the program.

    The same content again is not shown again; within quiet hours nothing of chat is sent.
    """

    user_id: int
    tag: str
    content: str
    title: StrOrPromise
    body: StrOrPromise
    data: Mapping[str, str] = field(default_factory=dict)
    expires_at: datetime | None = None
    is_urgent: bool = False
    is_of_chat: bool = False

    def message(self, now: datetime) -> PushMessage:
        """Return what is sent, in the active language."""
        lasts = min(self.expires_at - now, LONGEST_TTL) if self.expires_at else LONGEST_TTL
        return PushMessage(
            self.tag, str(self.title), str(self.body), dict(self.data), max(int(lasts.total_seconds()), 0), self.is_urgent
        )


def withdrawal(tag: str, data: Mapping[str, str], title: StrOrPromise, body: StrOrPromise) -> PushMessage:
    """Return what takes a notification away; browsers that must show something show this, without a sound."""
    return PushMessage(tag, str(title), str(body), dict(data), int(LONGEST_TTL.total_seconds()), is_withdrawn=True)
