"""Asking for help."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from assistance import lifecycle, nearby, pricing, tasks
from assistance.models import Assistance, Offer, ServiceType, Tariff, VehicleClass
from assistance.nearby import Candidate, Search
from assistance.services import etas, offers, state
from depannini_dashmap.lib.errors import Conflict, Forbidden, InvalidData, Unauthenticated
from depannini_dashmap.lib.geo import haversine_km

if TYPE_CHECKING:
    from accounts.models import User

Place = tuple[float, float]


class Requested(NamedTuple):
    """A new request as its client sees it, and everyone near, nearest first."""

    assistance: dict[str, Any]
    nearby: list[Candidate]


class Quote(NamedTuple):
    """What a job costs, who says so, and the tariff behind it; nothing yet where an assistant names the price."""

    price: Decimal
    source: str
    currency: str
    tariff: Tariff | None = None


def request_assistance(
    user: User,
    *,
    pickup: Place,
    dropoff: Place | None = None,
    assistance_type: str = "",
    vehicle_type: str = "",
    description: str = "",
) -> Requested:
    """Open one's own request, freeze its price, and offer it to the nearest.

    Effects: offers to the first wave, the plans of the next one and of the end.
    Raises: Forbidden for who is no client; InvalidData for a dropoff too far away; Conflict with `assistance_id` while
    another request is open; Unauthenticated for a closed or inactive account.
    """
    if user.user_type != "client":
        raise Forbidden()
    try:
        with transaction.atomic():
            return open_request(
                user,
                pickup=pickup,
                dropoff=dropoff,
                assistance_type=assistance_type,
                vehicle_type=vehicle_type,
                description=description,
            )
    except IntegrityError:
        open_id = open_request_of(user.pk)
        if open_id is None:
            raise
        raise Conflict("You already have an open request", code="request_already_open", assistance_id=open_id) from None


def open_request_of(client_id: int) -> int | None:
    """Return the open request that keeps a client from asking for another."""
    rows = Assistance.objects.open().filter(client_id=client_id, is_one_of_many=False)
    return rows.values_list("pk", flat=True).first()


def open_request(
    user: User,
    *,
    pickup: Place,
    dropoff: Place | None = None,
    assistance_type: str = "",
    vehicle_type: str = "",
    description: str = "",
    billed_to: str = "",
    is_offered: bool = True,
) -> Requested:
    """Open a client's request inside the caller's transaction; one billed to somebody else does not count as their one.

    Effects: none on assistants where it is not offered: whoever opens it assigns it in the same transaction.
    Raises: as request_assistance, but IntegrityError while another request is open.
    """
    now = timezone.now()
    if not state.hold_account(user.pk):
        raise Unauthenticated()
    distance_km = distance_of(pickup, dropoff)
    asked_price = quote(assistance_type, vehicle_type, distance_km, now)
    job = Assistance.objects.create(
        client=user,
        assistance_type=assistance_type,
        vehicle_type=vehicle_type,
        description=description,
        billed_to=billed_to,
        is_one_of_many=bool(billed_to),
        pickup_lat=pickup[0],
        pickup_lng=pickup[1],
        dropoff_lat=dropoff[0] if dropoff else None,
        dropoff_lng=dropoff[1] if dropoff else None,
        distance_km=distance_km,
        total_price=asked_price.price,
        price_is_final=bool(asked_price.source),
        price_source=asked_price.source,
        currency=asked_price.currency,
        status=lifecycle.REQUESTED,
        wave=1,
        radius_km=offers.radius_of(1),
        created_at=now,
        updated_at=now,
        expires_at=now + settings.ASSISTANCE_TTL,
    )
    if not is_offered:
        tasks.plan_expiry(job.pk, job.expires_at)
        return Requested(state.seen_by(user.pk, job, now), [])
    near = nearby.within(*pickup, job.radius_km, Search(assistance_type, now))
    asked = etas.soonest(pickup, near, offers.size_of(1))
    offers.open_offers([(job, candidate) for candidate in asked], source=Offer.Source.WAVE, now=now)
    state.tell_status(job, now)  # the room is empty yet, but operators listen
    tasks.plan_wave(job.pk, 2, now)
    tasks.plan_expiry(job.pk, job.expires_at)
    return Requested(state.seen_by(user.pk, job, now), near)


def quote(assistance_type: str, vehicle_type: str, distance_km: Decimal, now: datetime) -> Quote:
    """Price a job by the tariff in force; a repair, or a job without tariff, is priced by the assistant later."""
    unpriced = Quote(pricing.ZERO, Assistance.PriceSource.NONE, settings.CURRENCY)
    if assistance_type == ServiceType.REPAIR:
        return unpriced
    tariff = Tariff.objects.in_force(
        assistance_type or ServiceType.TOWING, vehicle_type or VehicleClass.LIGHT, now
    ).first()
    price = tariff.price_of(distance_km) if tariff else None
    if tariff is None or price is None:
        return unpriced
    return Quote(price, Assistance.PriceSource.TARIFF, tariff.currency or settings.CURRENCY, tariff)


def distance_of(pickup: Place, dropoff: Place | None) -> Decimal:
    """Return the way to be driven with the vehicle. Raises: InvalidData beyond ASSISTANCE_MAX_DISTANCE_KM."""
    if dropoff is None:
        return Decimal("0.000")
    distance_km = pricing.kilometres(haversine_km(*pickup, *dropoff))
    if distance_km > settings.ASSISTANCE_MAX_DISTANCE_KM:
        raise InvalidData(fields={"dropoff": [format_lazy(_("At most {count} km from the pickup."), count=f"{settings.ASSISTANCE_MAX_DISTANCE_KM:g}")]})
    return distance_km
