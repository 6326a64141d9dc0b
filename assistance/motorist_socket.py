"""The socket of the motorist's page: when to look again, and where who comes is, as they move."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from accounts.link_sockets import LinkSocket
from assistance import lifecycle
from assistance.events import assistance_group
from assistance.models import RequestLink
from assistance.steps.request_links import reopen
from depannini_dashmap.lib.realtime.subscriptions import Event

_UNSEEN = {"location", "rating"}  # of the room's events: the page shows the assistant's place alone, and rates itself


class MotoristSocket(LinkSocket):
    """`/ws/h/`: for who has a ticket of the page.

    Out: also `place`, where the assistant is while they come, at most once a second.
    """

    __slots__ = ("mover_id", "seq")

    kind = RequestLink

    def __init__(self) -> None:
        super().__init__()
        self.mover_id: int | None = None  # whose place the page shows
        self.seq = -1  # of the request, as that was last seen

    def find(self) -> tuple[Any, int]:
        """Find the link with its request."""
        link = reopen(self.link_id)
        job = link.assistance
        self._see(job.version, job.status, job.assistant_id)
        return link, job.pk

    def groups_to_join(self) -> Iterable[str]:
        """Join the room of the request, too."""
        return [*super().groups_to_join(), assistance_group(self.about_id)]

    def relay(self, event: Event) -> None:
        """Pass on where the assistant is; of everything else the page shows, say that it changed."""
        if event.type == "status":
            assistant = event.data["assistant"]
            self._see(event.data["seq"], event.data["status"], assistant and assistant["id"])
        if event.type == "location" and event.data["user_id"] == self.mover_id:
            self.tell({"type": "place", **{name: event.data[name] for name in ("lat", "lng", "at")}})
        elif event.type not in _UNSEEN:
            super().relay(event)

    def _see(self, seq: int, status: str, assistant_id: int | None) -> None:
        if seq >= self.seq:
            self.seq = seq
            self.mover_id = assistant_id if status in lifecycle.WITH_ASSISTANT else None
