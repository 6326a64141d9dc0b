"""Queries of views and consumers: a request as a user may see it, a socket's first frame, open offers. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from assistance import event_types, events, lifecycle, representation
from assistance.managers import RequestPhotoQuerySet
from assistance.models import Assistance, Offer, RequestPhoto, ServiceType, Tariff, VehicleClass
from depannini_dashmap.lib.db.prepared import PreparedRows
from depannini_dashmap.lib.errors import NotFound

if TYPE_CHECKING:
    from accounts.models import User

BIGGEST_ID = 2**63 - 1
_WHEREABOUTS = ("assistant__assistant_profile__lat", "assistant__assistant_profile__lng")
_ROOM = (*representation.ROW, *_WHEREABOUTS)
_OFFER = ("id", "distance_km", "eta_s")

# Read for each socket that is let in.
_any_room = PreparedRows(lambda _, pk: Assistance.objects.filter(pk=pk).order_by().values_list(*_ROOM))
_own_room = PreparedRows(
    lambda _, pk, user_id: Assistance.objects.of_person(user_id).filter(pk=pk).order_by().values_list(*_ROOM)
)
_open_offers = PreparedRows(
    lambda _, user_id: Offer.objects.open()
    .filter(assistant_id=user_id, assistance__status=lifecycle.REQUESTED)
    .order_by("offered_at", "id")
    .values_list(*_OFFER, *(f"assistance__{name}" for name in representation.ROW))
)


class Snapshot(TypedDict):
    """The present state of a request for who connects: send ``assistance`` first, then the two frames if any."""

    seq: int
    assistance: dict[str, Any]
    status: event_types.StatusEvent | None
    location: event_types.LocationEvent | None


def may_join(user: User, assistance_id: int) -> bool:
    """Return whether the user belongs in the room of a request: its client, its assistant, staff and Roadside."""
    return is_id(assistance_id) and Assistance.objects.of_party(user).filter(pk=assistance_id).exists()


def room_row(user: User, assistance_id: int) -> representation.Row:
    """Return the row of a request that the user is a party of, with the assistant's location. Raises: NotFound."""
    rows: list[tuple] = []
    if is_id(assistance_id):
        rows = _any_room(None, assistance_id) if user.is_roadside else _own_room(None, assistance_id, user.pk)
    if not rows:
        raise NotFound(_("Assistance"))
    return dict(zip(_ROOM, rows[0], strict=True))


def snapshot_for(user: User, assistance_id: int) -> Snapshot:
    """Return the present state of a request with its version as ``seq``.

    Shape: see Snapshot; ``status`` from accepted on, ``location`` (of the assistant) while the job is under way.
    Raises: NotFound for who does not belong in the room.
    """
    row = room_row(user, assistance_id)
    now = timezone.now()
    body = representation.body(row, viewer_id=user.pk, sees_all=user.is_roadside, now=now)
    lat, lng = (row[name] for name in _WHEREABOUTS)
    return {
        "seq": row["version"],
        "assistance": body,
        "status": None if row["status"] == lifecycle.REQUESTED else events.status(body, lat=lat, lng=lng),
        "location": _last_location(row, lat, lng),
    }


def open_offers_for(assistant: User) -> list[event_types.NewRequestEvent]:
    """Return a ``new_assistance_request`` frame for every open offer of an assistant, oldest first."""
    now = timezone.now()
    frames = []
    for pk, distance_km, eta_s, *row in _open_offers(None, assistant.pk):
        body = representation.body(dict(zip(representation.ROW, row, strict=True)), viewer_id=assistant.pk, now=now)
        frames.append(
            events.new_assistance_request(body, distance_km=distance_km, eta_s=eta_s, event_id=f"offer.{pk}")
        )
    return frames


def visible_rows(user: User) -> QuerySet[Assistance, dict[str, Any]]:
    """Return the rows of all requests that a user may see, for lists and single views."""
    return Assistance.objects.visible_to(user).values(*representation.ROW)


def assistance_for(user: User, assistance_id: int) -> dict[str, Any]:
    """Give one request as a user may see it. Raises: NotFound."""
    row = visible_rows(user).filter(pk=assistance_id).first() if is_id(assistance_id) else None
    if row is None:
        raise NotFound(_("Assistance"))
    return representation.body(row, viewer_id=user.pk, sees_all=user.is_roadside, now=timezone.now())


def photos_for(user: User, assistance_id: int) -> RequestPhotoQuerySet:
    """Return the photos of a request that a user may see. Raises: NotFound for who may see none of its photos."""
    rows = Assistance.objects.filter(pk=assistance_id) if is_id(assistance_id) else Assistance.objects.none()
    if not rows.showing_photos_to(user).exists():
        raise NotFound(_("Assistance"))
    return RequestPhoto.objects.filter(assistance_id=assistance_id)


def tariff_of(job: Assistance) -> Tariff | None:
    """Return the tariff that explains a request's price; None where another made it, or the tariff was rewritten since."""
    if job.price_source != Assistance.PriceSource.TARIFF:
        return None
    kind, size = job.assistance_type or ServiceType.TOWING, job.vehicle_type or VehicleClass.LIGHT
    tariff = Tariff.objects.in_force(kind, size, job.created_at).first()
    return tariff if tariff is not None and tariff.price_of(job.distance_km) == job.total_price else None


def is_id(number: int) -> bool:
    """Return whether a number can be the id of a row at all."""
    return 0 < number <= BIGGEST_ID


def _last_location(row: representation.Row, lat: float | None, lng: float | None) -> event_types.LocationEvent | None:
    if row["status"] not in lifecycle.WITH_ASSISTANT or lat is None or lng is None:
        return None
    return events.location(
        user_id=row["assistant_id"], lat=lat, lng=lng, assistance_id=row["id"], seq=row["version"], at=None
    )
