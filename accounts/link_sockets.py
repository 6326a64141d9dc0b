"""The base of sockets of pages that links open: a ticket lets in, the link decides how long; they say when to look again.

What a page shows it asks for itself, by its link, so a socket tells nothing of its own but a place now and then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.utils.crypto import salted_hmac

from accounts.link_events import ENDED, link_name, pages_group
from accounts.link_tickets import redeem
from depannini_dashmap.lib.db.secret_links import SecretLink
from depannini_dashmap.lib.errors import NotFound, Unauthenticated
from depannini_dashmap.lib.realtime import flood_backoff
from depannini_dashmap.lib.realtime.async_tasks import in_thread, spawn
from depannini_dashmap.lib.realtime.close_codes import TOO_MANY, UNAUTHENTICATED
from depannini_dashmap.lib.realtime.coalesce import Coalesced
from depannini_dashmap.lib.realtime.connection_limit import LINKS, Connection
from depannini_dashmap.lib.realtime.consumers import FORBIDDEN, Refused, SocketConsumer
from depannini_dashmap.lib.realtime.subscriptions import Event

TELL_EVERY = 1.0  # seconds between two frames of a kind


@dataclass(frozen=True, slots=True)
class OpenedByLink:
    """What stands for a session: the link has no user, and an end."""

    expires_at: datetime
    user: None = None


class LinkSocket(SocketConsumer):
    """The socket of a page of one kind of link. Subclasses find the link, name what it is about and choose what is told.

    Out: `connection_established` and `changed`, after which the page looks again; at most one a second. In: `ping`.
    """

    __slots__ = ("_frames", "about_id", "link_id")

    kind: ClassVar[type[SecretLink]]

    about_id: int
    link_id: int

    def __init__(self) -> None:
        self.link_id = self.about_id = 0
        self._frames = Coalesced(TELL_EVERY, self.send_frame)

    # --- For subclasses ---------------------------------------------------------------------------------------------
    def find(self) -> tuple[Any, int]:
        """In a thread: return the open link `link_id` and the id of what it is about. Raises: NotFound."""
        raise NotImplementedError

    def tell(self, frame: dict[str, Any]) -> None:
        """Send a frame, the newest of its type once a second."""
        self._frames.put(frame, frame["type"])

    def relay(self, event: Event) -> None:
        """Have the page look again, whatever happened."""
        self.tell({"type": "changed"})

    # --- What a signed-in socket has of its user -----------------------------------------------------------------------
    async def own_group(self) -> str:
        """Redeem the ticket and name the group of the link's sockets. Raises: Refused."""
        await in_thread(self.check_session)
        return self._name

    def identify(self) -> OpenedByLink:
        """In a thread: find the link, for the first time by the ticket. Raises: Refused."""
        if not self.link_id:
            self.link_id = self._redeemed()
        try:
            link, self.about_id = self.find()
        except NotFound:
            raise Refused(FORBIDDEN) from None
        return OpenedByLink(link.expires_at)

    def groups_to_join(self) -> Iterable[str]:
        """Join the pages about the same thing."""
        return [pages_group(self.kind, self.about_id)]

    def counted(self, token: Any) -> Connection:
        """Count the sockets of one link."""
        return Connection(self._name, LINKS)

    def deliver(self, event: Event) -> None:
        """Take an event; one that says that links ended is no frame."""
        if event.type == ENDED:
            spawn(self.recheck())
        else:
            super().deliver(event)

    def closed(self) -> None:
        """Stop the timers."""
        self._frames.drop()

    @property
    def _name(self) -> str:
        return link_name(self.kind, self.link_id)

    def _redeemed(self) -> int:
        if self._credentials is None:
            raise Refused(UNAUTHENTICATED)
        try:
            link_id = redeem(self._credentials[1], self.kind)
        except Unauthenticated:
            raise Refused(UNAUTHENTICATED) from None
        # Who floods waits, whatever ticket they bring next; under a name that nobody else can bring as a token.
        self._credentials = (None, salted_hmac("accounts.link_socket", link_name(self.kind, link_id), algorithm="sha256").hexdigest())
        if flood_backoff.is_held(self._credentials):
            raise Refused(TOO_MANY)
        return link_id
