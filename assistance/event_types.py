"""The keys of every frame of roadside help, as docs/asyncapi.yaml has them."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Point(TypedDict):
    """Where something is, in degrees."""

    lat: float
    lng: float


class Person(TypedDict):
    """A party; the other keys only on the ``status`` of the acceptance."""

    id: int
    name: str
    phone_number: NotRequired[str | None]
    lat: NotRequired[float | None]
    lng: NotRequired[float | None]


class StatusEvent(TypedDict):
    """The request is in a state: it was just reached, or is sent to a new socket."""

    type: str
    status: str
    assistant: Person | None
    client: Person
    assistance_id: int
    seq: int
    event_id: str
    reason: str | None
    assistance_type: str | None
    total_price: float
    price_is_final: bool
    price_consent: str | None
    currency: str
    updatedAt: str


class LocationEvent(TypedDict):
    """Where one party is."""

    type: str
    lat: float
    lng: float
    user_id: int
    assistance_id: int
    at: str | None
    seq: int
    event_id: str


class ChatEvent(TypedDict):
    """What one party wrote."""

    type: str
    message: str
    sender: str
    id: int
    sender_id: int
    assistance_id: int
    createdAt: str
    client_id: str | None
    seq: int
    event_id: str


class PriceEvent(TypedDict):
    """The price was named, or the client has answered it."""

    type: str
    total_price: float
    price_is_final: bool
    price_consent: str | None
    price_note: str | None
    currency: str
    assistance_id: int
    seq: int
    event_id: str


class RatingEvent(TypedDict):
    """The client rated the job."""

    type: str
    rating: int
    assistance_id: int
    seq: int
    event_id: str


class NewRequestEvent(TypedDict):
    """Somebody near the assistant needs help."""

    type: str
    assistance_id: int
    pickup_location: Point
    client: Person
    assistance_type: str | None
    vehicle_type: str | None
    dropoff_location: Point | None
    description: str
    distance: float | None
    eta_s: int | None
    expires_at: str
    seq: int
    event_id: str


class RequestClosedEvent(TypedDict):
    """An offer is over: taken, canceled, unanswered, declined, busy, inactive or released."""

    type: str
    assistance_id: int
    reason: str
    seq: int
    event_id: str


class AssignedEvent(TypedDict):
    """A dispatcher gave the assistant a job by hand."""

    type: str
    assistance_id: int
    seq: int
    event_id: str


class StalledEvent(TypedDict):
    """The assistant of an accepted job has given no sign of life for too long; with null, is there again."""

    type: str
    assistance_id: int
    since: str | None
    seq: int
    event_id: str


class PhotosEvent(TypedDict):
    """A party added so many photos: the list is to be read again."""

    type: str
    role: str
    added: int
    assistance_id: int
    seq: int
    event_id: str


class Expected(TypedDict):
    """When an assistant may be there: about then, mostly between those, by `road` or `straight_line`, reckoned when."""

    at: str | None
    earliest: str | None
    latest: str | None
    source: str
    reckoned_at: str | None


class EtaEvent(TypedDict):
    """The assistant's arrival (at the pickup; while the job is ongoing, at the dropoff) changed by more than a minute."""

    type: str
    assistance_id: int
    eta: Expected | None
    seq: int
    event_id: str
