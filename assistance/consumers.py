"""The sockets of roadside help: one for an assistant's offers, one for the room of a request.

Selectors read who may join and the first frames; events builds frames; flows are services.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from accounts.tokens import authenticate_socket, user_id_from_signature
from assistance import events, lifecycle, selectors, services
from assistance.services import PartyLocation
from assistance.sign_throttle import is_due
from depannini_dashmap.lib.errors import Conflict, NotFound
from depannini_dashmap.lib.realtime import inbound_frames
from depannini_dashmap.lib.realtime.async_tasks import in_thread
from depannini_dashmap.lib.realtime.coalesce import Coalesced, Gathered
from depannini_dashmap.lib.realtime.consumers import FORBIDDEN, Refused, SocketConsumer
from depannini_dashmap.lib.realtime.inbound_frames import BadFrame
from depannini_dashmap.lib.realtime.subscriptions import Event

logger = logging.getLogger(__name__)

TELL_EVERY = 1.0  # seconds between two locations of one sender that go out
STORE_EVERY = 5.0  # seconds between two that are stored
GATHER_FOR = 0.5  # seconds in which the places and signs of life of all senders are gathered for one statement
PRICED = {"total_price", "price_is_final", "price_consent", "currency"}
NO_PRICE: dict[str, Any] = {"seq": -1}


class TokenConsumer(SocketConsumer):
    """A socket opened with a token; its path names a row by its id."""

    __slots__ = ("seq",)

    authenticate = staticmethod(authenticate_socket)
    user_id_from_signature = staticmethod(user_id_from_signature)
    groups_need_user = False

    def __init__(self) -> None:
        self.seq = 0

    @property
    def key(self) -> int:
        """The id in the path, 0 if it is invalid."""
        text = self.scope["url_route"]["kwargs"]["key"]
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0

    async def _handle(self, frame: dict[str, Any]) -> None:
        if self.user is not None and self.user.user_type == "assistant" and is_due(self.user.pk):
            _signs.put(self.user.pk)
        await super()._handle(frame)

    def relay(self, event: Event) -> None:
        """Pass an event on, without letting the number that this socket sees go back."""
        seq = event.data.get("seq", self.seq)
        if seq >= self.seq:
            self.seq = seq
            self.send_text(event.text)
        else:
            self.send_frame(event.data | {"seq": self.seq})


class AssistantConsumer(TokenConsumer):
    """`/ws/assistant/<user id>/`: offers and what becomes of them, for that assistant alone."""

    __slots__ = ()

    def authorize(self) -> None:
        """Let the assistant of the path in."""
        if self.user.pk != self.key or self.user.user_type != "assistant":
            raise Refused(FORBIDDEN)

    def groups_to_join(self) -> Iterable[str]:
        """Join the assistant's group."""
        return [events.assistant_group(self.key)]

    def read_snapshot(self) -> list[dict]:
        """Send every open offer, once as a list and once as the frames that announced them."""
        services.keep_fresh(actor=None, user_id=self.user.pk)
        seq = events.clock_seq()
        offers = [dict(offer) for offer in selectors.open_offers_for(self.user)]
        self.seq = max([self.seq, seq, *(offer["seq"] for offer in offers)])
        return [{"type": "connection_established", "seq": seq, "user_id": self.user.pk, "offers": offers}, *offers]

    def recheck_every(self) -> float:
        """Renew well before LOCATION_TTL is over, however short it is."""
        return min(super().recheck_every(), settings.LOCATION_TTL.total_seconds() / 2)

    def renew(self) -> None:
        """An assistant with an open socket counts as active."""
        services.keep_fresh(actor=None, user_id=self.user.pk)


class AssistanceConsumer(TokenConsumer):
    """`/ws/assistance/<id>/`: the room of a request, for its client, its assistant and staff."""

    __slots__ = ("is_sender", "locations", "price", "status", "status_seq")

    handlers: ClassVar[dict[str, str]] = {"location": "take_location", "chat": "take_chat"}
    snapshot_authorizes = True

    def __init__(self) -> None:
        super().__init__()
        self.status, self.status_seq = "", -1
        self.price = NO_PRICE  # the newest price frame that was shown
        self.is_sender = False  # whether the user is the client or the assistant, whose locations are published
        self.locations: LocationStream | None = None

    def authorize(self) -> None:
        """Let the parties in."""
        if not selectors.may_join(self.user, self.key):
            raise Refused(FORBIDDEN)

    def groups_to_join(self) -> Iterable[str]:
        """Join the group of the room."""
        return [events.assistance_group(self.key)]

    def read_snapshot(self) -> list[dict]:
        """Show the request, and from acceptance on the status and the assistant's last place."""
        try:
            state = selectors.snapshot_for(self.user, self.key)
        except NotFound:
            raise Refused(FORBIDDEN) from None
        body = state["assistance"]
        self.seq = max(self.seq, state["seq"])
        if state["seq"] >= self.status_seq:
            self.status, self.status_seq = body["status"], state["seq"]
        self.is_sender = self.user.pk in _parties(body)
        first = {"type": "connection_established", "seq": self.seq, "assistance_id": self.key, "assistance": body}
        return [first, *(dict(frame) for frame in (state["status"], self._newest_place(state["location"])) if frame)]

    def _newest_place(self, stored: Any) -> Any:
        """Return the assistant's newest place: the one published last, which may not be stored yet, else the stored one."""
        newest = stored and events.newest_location(self.key, stored["user_id"])
        return newest | {"seq": self.seq} if newest else stored

    def relay(self, event: Event) -> None:
        """Pass an event on, but no status or price older than the one shown; a status without the user ends it.

        A status that a newer price has overtaken is sent with that price.
        """
        if event.type not in ("status", "price"):
            return super().relay(event)
        told = event.data
        if event.type == "price":
            if told["seq"] > max(self.price["seq"], self.status_seq):  # a status shows the price too
                self.price = told
                super().relay(event)
            return None
        if told["seq"] <= self.status_seq:
            return None
        self.status, self.status_seq = told["status"], told["seq"]
        if told["seq"] < self.price["seq"]:
            newer = {name: value for name, value in self.price.items() if name in PRICED}
            self.send_frame(told | newer | {"seq": self.seq})
        else:
            super().relay(event)
        if self.status in lifecycle.FINAL and self.locations is not None:
            self.locations.forget()
        if self.is_sender and self.user.pk not in _parties(told):
            self.is_sender = False
            self.close(FORBIDDEN)
        return None

    def renew(self) -> None:
        """An assistant whose socket answers its pings counts as active."""
        if self.user.user_type == "assistant":
            services.note_sign_of_life(actor=None, user_id=self.user.pk)

    def take_location(self, frame: dict[str, Any]) -> None:
        """Take the sender's location: published to the room at most once a second, stored every five."""
        lat, lng = inbound_frames.coordinate(frame, "lat", 90), inbound_frames.coordinate(frame, "lng", 180)
        if not self.is_sender:
            raise BadFrame("not_a_party", "Only the client and the assistant share their location here")
        if self.status in lifecycle.FINAL:
            raise Conflict(f"This request is already {self.status}", code="already_final")
        if self.locations is None:
            self.locations = LocationStream.of(self)
        self.locations.put(lat, lng, self)

    async def take_chat(self, frame: dict[str, Any]) -> None:
        """Store a message and publish it to the room; a repeat by its `client_id` answers the sender alone, with the first one."""
        message = frame.get("message")
        if not isinstance(message, str):
            raise BadFrame("invalid", fields={"message": ["A text is needed."]})
        posted = await in_thread(services.post_chat, actor=self.user, assistance_id=self.key, message=message, client_id=frame.get("client_id"))
        if not posted.is_new:
            self.seq = max(self.seq, posted.frame["seq"])
            self.send_frame({**posted.frame, "seq": self.seq})

    def close(self, code: int) -> None:
        """Close; the last location of a user without access is not published."""
        if code == FORBIDDEN and self.locations is not None:
            self.locations.forget()
        super().close(code)

    def closed(self) -> None:
        """Let the newest place go out before the socket is forgotten."""
        if self.locations is not None:
            self.locations.flush()


class LocationStream:
    """The places that one sender reports in one room, thinned out; shared by the sender's sockets in this process."""

    _open: ClassVar[WeakValueDictionary[tuple[int, int], LocationStream]] = WeakValueDictionary()

    def __init__(self, user: Any, assistance_id: int):
        self.user, self.assistance_id = user, assistance_id
        self.told = Coalesced(TELL_EVERY, self._tell)
        self.stored = Coalesced(STORE_EVERY, self._store)
        self.consumer: AssistanceConsumer | None = None

    @classmethod
    def of(cls, consumer: AssistanceConsumer) -> LocationStream:
        """Return the stream of a consumer's user and room."""
        key = (consumer.user.pk, consumer.key)
        stream = cls._open.get(key)
        if stream is None:
            stream = cls._open[key] = cls(consumer.user, consumer.key)
        return stream

    def put(self, lat: float, lng: float, consumer: AssistanceConsumer) -> None:
        """Take a place."""
        self.consumer = consumer
        self.told.put((lat, lng, timezone.now()))
        self.stored.put((lat, lng))

    def flush(self) -> None:
        """Publish and store the waiting locations."""
        self.told.flush()
        self.stored.flush()

    def forget(self) -> None:
        """Drop what waits: the request has ended."""
        self.told.drop()
        self.stored.drop()

    def _tell(self, place: tuple[float, float, datetime]) -> None:
        seq = self.consumer.seq if self.consumer else 0
        events.publish_location(
            events.location(
                user_id=self.user.pk, lat=place[0], lng=place[1], assistance_id=self.assistance_id, seq=seq, at=place[2]
            )
        )

    def _store(self, place: tuple[float, float]) -> None:
        _places.put(self, PartyLocation(self.assistance_id, self.user.pk, *place))

    def refuse(self) -> None:
        """Take note that the database no longer knows the sender as a party of an open request."""
        self.forget()
        if self.consumer is not None:
            self.consumer.send_error("already_final", "This request has ended or is no longer yours")


async def _store_places(gathered: dict[LocationStream, PartyLocation]) -> None:
    places = list(gathered.values())
    try:
        refused = await in_thread(services.store_locations_and_etas, actor=None, places=places)
    except DatabaseError as error:  # the next place of each sender comes within seconds
        logger.warning("%d places were not stored: %s", len(places), type(error).__name__)
        return
    for stream, place in gathered.items():
        if place[:2] in refused:
            stream.refuse()


async def _note_signs(gathered: dict[int, None]) -> None:
    try:
        await in_thread(services.note_signs_of_life, actor=None, user_ids=gathered)
    except DatabaseError as error:  # the next frame of each is another sign
        logger.warning("%d signs of life were not noted: %s", len(gathered), type(error).__name__)


_places = Gathered(GATHER_FOR, _store_places)
_signs = Gathered(GATHER_FOR, _note_signs)


def _parties(body: dict[str, Any]) -> set[int]:
    """Return the ids of the client and the assistant of a request or of a status frame."""
    return {person["id"] for person in (body["client"], body["assistant"]) if person}
