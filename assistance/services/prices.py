"""Set the price of a job: by the assistant of a repair, by staff, and the client's answer to it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from assistance import lifecycle, pricing
from assistance.models import Assistance
from assistance.steps import state
from assistance.steps.prices import Consent, Source, publish_price, store_price, validated_amount
from depannini_dashmap.lib.errors import Conflict, Forbidden, InvalidData
from depannini_dashmap.lib.ops import audit
from depannini_dashmap.lib.text import clean

if TYPE_CHECKING:
    from accounts.models import User



@transaction.atomic
def set_price(*, actor: User, assistance_id: int, amount: Decimal, reason: str = "") -> Assistance:
    """Name the price: its assistant that of a repair, before completion; staff any, with a reason, unless cancelled.

    Effects: the client is asked for consent, which nothing waits for; an adjustment by staff is audited and stays. The
    present price again changes nothing.
    Raises: NotFound for strangers; Forbidden for its client; InvalidData for no price, or staff without a reason;
    Conflict when it has ended, or a tariff or staff have fixed another price.
    """
    job, role = state.lock_request_for(actor, assistance_id)
    if role == lifecycle.CLIENT:
        raise Forbidden()
    now = timezone.now()
    if role == lifecycle.STAFF:
        _adjust(actor, job, amount, clean(reason), now)
    else:
        state.refuse_final(job)
        price = validated_amount(amount)
        if job.is_price_fixed and price != job.total_price:
            raise Conflict(_("The price of this job is fixed"), code="price_fixed", current_status=job.status)
        store_price(job, price, now)
    return job


def _adjust(staff: User, job: Assistance, amount: Decimal, reason: str, now: datetime) -> None:
    if job.status == lifecycle.CANCELED:
        state.refuse_final(job)
    price = validated_amount(amount)
    if not reason:
        raise InvalidData(fields={"reason": ["This field is required."]})
    before = job.total_price
    if store_price(job, price, now, source=Source.STAFF, note=reason):
        amounts = {"before": str(before), "after": str(price), "currency": job.currency}
        audit.record("price_adjusted", actor=staff, target=job, reason=reason, **amounts)


@transaction.atomic
def answer_price(*, actor: User, assistance_id: int, accept: bool, seen: Decimal | None = None) -> Assistance:
    """Accept or refuse a price that was named after the request, by its client; also after the completion.

    Shape: ``seen`` is the price that the client was looking at. The same answer again changes nothing; a refusal may
    turn into an acceptance, never the other way round for the same price.
    Effects: the room is notified; it is audited. Nothing else depends on it.
    Raises: NotFound for strangers; Forbidden for others than its client; Conflict for a request that was cancelled, a
    price that nobody asks about, one that is not the one seen, or one that was accepted.
    """
    job, role = state.lock_request_for(actor, assistance_id)
    if role != lifecycle.CLIENT:
        raise Forbidden()
    if job.status == lifecycle.CANCELED:
        state.refuse_final(job)
    if job.price_consent == Consent.NONE:
        raise Conflict(_("There is no price to answer"), code="no_price_asked", current_status=job.status)
    if seen is not None and pricing.money(seen) != job.total_price:
        raise Conflict(_("The price has changed"), code="price_changed", total_price=float(job.total_price))
    answer = Consent.ACCEPTED if accept else Consent.REFUSED
    now = timezone.now()
    if job.price_consent != answer:
        if job.price_consent == Consent.ACCEPTED:
            raise Conflict(_("You have accepted this price"), code="price_accepted", current_status=job.status)
        state.change(job, now, price_consent=answer)
        audit.record(f"price_{answer}", actor=actor, target=job, price=str(job.total_price), currency=job.currency)
        publish_price(job, now)
    return job
