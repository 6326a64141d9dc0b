"""Asking for help."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from assistance import lifecycle, nearby, pricing, tasks
from assistance.models import Assistance, Offer, ServiceType, Tariff, VehicleClass
from assistance.nearby import Candidate, Search
from assistance.services import offers, state
from depannini_dashmap.lib.errors import Conflict, Forbidden, Unauthenticated
from depannini_dashmap.lib.geo import haversine_km

if TYPE_CHECKING:
    from accounts.models import User

Place = tuple[float, float]


class Requested(NamedTuple):
    """A new request as its client sees it, and everyone near, nearest first."""

    assistance: dict[str, Any]
    nearby: list[Candidate]


class _Quote(NamedTuple):
    price: Decimal
    is_final: bool
    currency: str


def request_assistance(
    user: User,
    *,
    pickup: Place,
    dropoff: Place | None = None,
    assistance_type: str = "",
    vehicle_type: str = "",
    description: str = "",
) -> Requested:
    """Open a request, freeze its price, and offer it to the nearest.

    Effects: offers to the first wave, the plans of the next one and of the end.
    Raises: Forbidden for who is no client; Conflict with `assistance_id` while another request is open;
    Unauthenticated for a closed or inactive account.
    """
    if user.user_type != "client":
        raise Forbidden()
    try:
        with transaction.atomic():
            return _request(user, pickup, dropoff, assistance_type, vehicle_type, description, timezone.now())
    except IntegrityError:
        open_id = Assistance.objects.open().filter(client_id=user.pk).values_list("pk", flat=True).first()
        if open_id is None:
            raise
        raise Conflict("You already have an open request", code="request_already_open", assistance_id=open_id) from None


def _request(
    user: User,
    pickup: Place,
    dropoff: Place | None,
    assistance_type: str,
    vehicle_type: str,
    description: str,
    now: datetime,
) -> Requested:
    if not state.hold_account(user.pk):
        raise Unauthenticated()
    distance_km = pricing.kilometres(haversine_km(*pickup, *dropoff)) if dropoff else Decimal("0.000")
    quote = _quote(assistance_type, vehicle_type, distance_km, now)
    job = Assistance.objects.create(
        client=user,
        assistance_type=assistance_type,
        vehicle_type=vehicle_type,
        description=description,
        pickup_lat=pickup[0],
        pickup_lng=pickup[1],
        dropoff_lat=dropoff[0] if dropoff else None,
        dropoff_lng=dropoff[1] if dropoff else None,
        distance_km=distance_km,
        total_price=quote.price,
        price_is_final=quote.is_final,
        currency=quote.currency,
        status=lifecycle.REQUESTED,
        wave=1,
        radius_km=offers.radius_of(1),
        created_at=now,
        updated_at=now,
        expires_at=now + settings.ASSISTANCE_TTL,
    )
    near = nearby.within(*pickup, job.radius_km, Search(assistance_type, now))
    offers.open_offers(job, near[: offers.size_of(1)], source=Offer.Source.WAVE, now=now)
    state.tell_status(job, now)  # the room is empty yet, but operators listen
    tasks.plan_wave(job.pk, 2, now)
    tasks.plan_expiry(job.pk, job.expires_at)
    return Requested(state.seen_by(user.pk, job, now), near)


def _quote(assistance_type: str, vehicle_type: str, distance_km: Decimal, now: datetime) -> _Quote:
    """Price a job by the tariff in force; a repair, or a job without tariff, is priced by the assistant later."""
    if assistance_type == ServiceType.REPAIR:
        return _Quote(pricing.ZERO, False, settings.CURRENCY)
    tariff = Tariff.objects.in_force(
        assistance_type or ServiceType.TOWING, vehicle_type or VehicleClass.LIGHT, now
    ).first()
    if tariff is None:
        return _Quote(pricing.ZERO, False, settings.CURRENCY)
    rates = pricing.Rates(tariff.base, tariff.per_km, tariff.minimum)
    return _Quote(pricing.price(rates, distance_km), True, tariff.currency or settings.CURRENCY)
