"""Opening a request inside the transaction of a flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.utils import timezone

from assistance import lifecycle, nearby, task_queueing
from assistance.models import Assistance, Offer
from assistance.nearby import Candidate, Search
from assistance.quotes import Place, distance_of, quote
from assistance.steps import etas, offers, state
from depannini_dashmap.lib.errors import Unauthenticated

if TYPE_CHECKING:
    from accounts.models import User


class Requested(NamedTuple):
    """A new request, and everyone near, nearest first."""

    job: Assistance
    nearby: list[Candidate]


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
    is_one_of_many: bool = False,
) -> Requested:
    """Open a client's request inside the caller's transaction; one billed to somebody else does not
    count as their one, nor does one of many.

    Effects: none on assistants where it is not offered: the caller assigns it in the same transaction.
    Raises: as request_assistance, but IntegrityError while another request is open.
    """
    now = timezone.now()
    if not state.lock_account(user.pk):
        raise Unauthenticated()
    distance_km = distance_of(pickup, dropoff)
    asked_price = quote(assistance_type, vehicle_type, distance_km, now)
    job = Assistance.objects.create(
        client=user,
        assistance_type=assistance_type,
        vehicle_type=vehicle_type,
        description=description,
        billed_to=billed_to,
        is_one_of_many=is_one_of_many or bool(billed_to),
        pickup_lat=pickup[0],
        pickup_lng=pickup[1],
        dropoff_lat=dropoff[0] if dropoff else None,
        dropoff_lng=dropoff[1] if dropoff else None,
        distance_km=distance_km,
        total_price=asked_price.price,
        price_is_final=bool(asked_price.source),
        price_source=asked_price.source,
        vat_rate=asked_price.vat_rate,
        currency=asked_price.currency,
        status=lifecycle.REQUESTED,
        wave=1,
        radius_km=offers.radius_of(1),
        created_at=now,
        updated_at=now,
        expires_at=now + settings.ASSISTANCE_TTL,
    )
    if not is_offered:
        task_queueing.plan_expiry(job.pk, job.expires_at)
        return Requested(job, [])
    near = nearby.within(*pickup, job.radius_km, Search(assistance_type, now))
    asked = etas.soonest(pickup, near, offers.size_of(1))
    offers.create_offers([(job, candidate) for candidate in asked], source=Offer.Source.WAVE, now=now)
    state.publish_status(job, now)  # the room is empty yet, but operators listen
    task_queueing.plan_wave(job.pk, 2, now)
    task_queueing.plan_expiry(job.pk, job.expires_at)
    return Requested(job, near)
