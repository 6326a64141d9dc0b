"""Group names of the assistance sockets, and one builder for each frame, exactly as it is sent.

Who gets a frame is decided by the group it is published to; checks belong to the services that publish. What a room or an
assistant gets also goes to those who watch the roadside, as their frames (``assistance``, ``assistance_location``) and hints.

- On ``assistance.<id>`` (client, assistant, staff) ``seq`` is the version of the request: it grows with every change
  of state, price or rating; ``chat`` and ``location`` carry the version that they were sent under.
- On ``assistant.<user_id>`` ``seq`` is a clock (microseconds), as the frames are about different requests. Frames of
  two processes may cross by a moment: the consumer never lets the number that its socket sees go back.
- ``event_id`` names the event: the same one sent twice has the same id.

After a ``status`` frame whose ``assistant`` is somebody else (or nobody), an assistant in the room is not a party any more.
"""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from assistance.event_types import (
    AssignedEvent,
    ChatEvent,
    EtaEvent,
    Expected,
    LocationEvent,
    NewRequestEvent,
    Person,
    PhotosEvent,
    Point,
    PriceEvent,
    RatingEvent,
    RequestClosedEvent,
    StalledEvent,
    StatusEvent,
)
from depannini_dashmap.lib.realtime import latest_values, layer
from depannini_dashmap.lib.time_zone import format_utc
from fleet.events import register_coalescing, roadside_changed, roadside_group

# Names what has no row of its own; asking the system for randomness each time costs more than the frame.
_PROCESS = uuid.uuid4().hex[:12]
_numbers = itertools.count(1)


register_coalescing("assistance_location", by="user_id")


def assistance_group(assistance_id: int) -> str:
    """Name the group of a request's room."""
    return f"assistance.{assistance_id}"


def assistant_group(user_id: int) -> str:
    """Name the group of an assistant's sockets."""
    return f"assistant.{user_id}"


def publish_to_room(assistance_id: int, event: Mapping[str, Any]) -> None:
    """Publish an event to a request's room, after commit, and its counterpart to those who watch the roadside."""
    messages = [(assistance_group(assistance_id), dict(event))]
    kind = event["type"]
    if kind == "status":
        messages.append((roadside_group(), {**event, "type": "assistance"}))
    elif kind == "location":
        messages.append((roadside_group(), assistance_location(event)))
    layer.publish_many(messages)
    if kind not in ("location", "eta"):
        roadside_changed("chat" if kind == "chat" else "assistance")


def publish_to_assistants(events: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """Publish (user id, event) to assistants, after commit, and to those who watch the roadside that something changed."""
    messages = [(assistant_group(user_id), dict(event)) for user_id, event in events]
    if messages:
        layer.publish_many(messages)
        roadside_changed("assistance")


def publish_location(event: LocationEvent) -> None:
    """Publish at once where a party of a request is now; it gathers with others if there are many.

    Effects: kept for `newest_location`, as places are stored only every few seconds.
    """
    latest_values.publish_newest(
        (assistance_group(event["assistance_id"]), dict(event), event["user_id"]),
        (roadside_group(), assistance_location(event), None),
    )


def newest_location(assistance_id: int, user_id: int) -> dict[str, Any] | None:
    """Return the newest location that a party published to a room within the last minute; in a thread."""
    event = latest_values.read_newest(assistance_group(assistance_id), "location", user_id)
    return event.data if event else None


def assistance_location(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the frame for those who watch the roadside, of a ``location``."""
    return {"type": "assistance_location", **{name: event[name] for name in ("assistance_id", "user_id", "lat", "lng")}}


def clock_seq() -> int:
    """Return the number that frames on an assistant's socket carry as ``seq``."""
    return time.time_ns() // 1000


def point(lat: float | None, lng: float | None) -> Point | None:
    """Return a location, or None."""
    return None if lat is None or lng is None else {"lat": lat, "lng": lng}


def status(body: dict[str, Any], *, lat: float | None = None, lng: float | None = None) -> StatusEvent:
    """Return the event of a request's state.

    Shape: ``body`` as representation.body gives it to an operator (so with phone numbers); lat and lng are the assistant's, for
    the frame of the acceptance, the only one that carries the phone number.
    """
    assistant: Person | None = None
    if body["assistant"] is not None:
        assistant = {"id": body["assistant"]["id"], "name": body["assistant"]["name"]}
        if body["status"] == "accepted":
            assistant |= {"phone_number": body["assistant"]["phone_number"], "lat": lat, "lng": lng}
    return {
        "type": "status",
        "status": body["status"],
        "assistant": assistant,
        "client": {"id": body["client"]["id"], "name": body["client"]["name"]},
        "assistance_id": body["id"],
        "seq": body["seq"],
        "event_id": f"assistance.{body['id']}.{body['seq']}",
        "reason": body["reason"],
        "assistance_type": body["assistance_type"],
        "total_price": body["total_price"],
        "price_is_final": body["price_is_final"],
        "price_consent": body["price_consent"],
        "currency": body["currency"],
        "updatedAt": body["updatedAt"],
    }


def location(
    *, user_id: int, lat: float, lng: float, assistance_id: int, seq: int, at: datetime | None
) -> LocationEvent:
    """Return the event of the location of a party, now or at an instant; None where that was not kept."""
    return {
        "type": "location",
        "lat": lat,
        "lng": lng,
        "user_id": user_id,
        "assistance_id": assistance_id,
        "at": format_utc(at),
        "seq": seq,
        "event_id": f"location.{_PROCESS}.{next(_numbers)}",
    }


def chat(
    *,
    id: int,
    message: str,
    sender: str,
    sender_id: int,
    assistance_id: int,
    created_at: datetime,
    seq: int,
    client_id: str = "",
) -> ChatEvent:
    """Return the event of a chat message; ``sender`` is the name, ``client_id`` the sender's own name for the message."""
    return {
        "type": "chat",
        "message": message,
        "sender": sender,
        "id": id,
        "sender_id": sender_id,
        "assistance_id": assistance_id,
        "createdAt": format_utc(created_at) or "",
        "client_id": client_id or None,
        "seq": seq,
        "event_id": f"chat.{id}",
    }


def price(body: dict[str, Any]) -> PriceEvent:
    """Return the event of the price and the client's answer to it."""
    return {
        "type": "price",
        "total_price": body["total_price"],
        "price_is_final": body["price_is_final"],
        "price_consent": body["price_consent"],
        "price_note": body["price_note"],
        "currency": body["currency"],
        "assistance_id": body["id"],
        "seq": body["seq"],
        "event_id": f"assistance.{body['id']}.{body['seq']}",
    }


def rating(body: dict[str, Any]) -> RatingEvent:
    """Return the event of the client's rating."""
    return {
        "type": "rating",
        "rating": body["rating"],
        "assistance_id": body["id"],
        "seq": body["seq"],
        "event_id": f"assistance.{body['id']}.{body['seq']}",
    }


def photos(*, assistance_id: int, role: str, added: int, newest_id: int, seq: int) -> PhotosEvent:
    """Return the event of new photos; they are not in it, as who may see them is asked when they are read."""
    return {
        "type": "photos",
        "role": role,
        "added": added,
        "assistance_id": assistance_id,
        "seq": seq,
        "event_id": f"photos.{newest_id}",
    }


def stalled(*, assistance_id: int, since: datetime | None, seq: int) -> StalledEvent:
    """Return the event of the instant since which a job is stalled; None once it is not."""
    return {
        "type": "stalled",
        "assistance_id": assistance_id,
        "since": format_utc(since),
        "seq": seq,
        "event_id": f"assistance.{assistance_id}.{seq}",
    }


def eta(*, assistance_id: int, eta: Expected | None, seq: int) -> EtaEvent:
    """Build the frame of the expected arrival; None withdraws it."""
    return {
        "type": "eta",
        "assistance_id": assistance_id,
        "eta": eta,
        "seq": seq,
        "event_id": f"eta.{_PROCESS}.{next(_numbers)}",
    }


def new_assistance_request(body: dict[str, Any], *, distance_km: float | None, eta_s: int | None, event_id: str) -> NewRequestEvent:
    """Offer a request to an assistant; ``body`` as representation.body gives it, distance and driving time to the pickup."""
    return {
        "type": "new_assistance_request",
        "assistance_id": body["id"],
        "pickup_location": body["pickupLocation"],
        "client": {"id": body["client"]["id"], "name": body["client"]["name"]},
        "assistance_type": body["assistance_type"],
        "vehicle_type": body["vehicle_type"],
        "dropoff_location": body["dropoffLocation"],
        "description": body["description"],
        "distance": distance_km,
        "eta_s": eta_s,
        "expires_at": body["expires_at"],
        "seq": clock_seq(),
        "event_id": event_id,
    }


def request_closed(*, assistance_id: int, reason: str, event_id: str) -> RequestClosedEvent:
    """Return the event of an offer that has ended."""
    return {
        "type": "request_closed",
        "assistance_id": assistance_id,
        "reason": reason,
        "seq": clock_seq(),
        "event_id": event_id,
    }


def assistance_assigned(*, assistance_id: int, event_id: str) -> AssignedEvent:
    """Return the event of a job that a dispatcher assigned."""
    return {"type": "assistance_assigned", "assistance_id": assistance_id, "seq": clock_seq(), "event_id": event_id}
