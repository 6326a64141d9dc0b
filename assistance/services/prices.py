"""Set the price of a job: by the assistant of a repair, by staff, and the client's answer to it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from assistance import events, lifecycle, pricing
from assistance.models import Assistance, ServiceType
from assistance.services import state
from depannini_dashmap.lib.errors import Conflict, Forbidden, InvalidData
from depannini_dashmap.lib.ops import audit
from depannini_dashmap.lib.text import clean

if TYPE_CHECKING:
    from accounts.models import User

Body = dict[str, Any]
Consent, Source = Assistance.Consent, Assistance.PriceSource


@transaction.atomic
def set_price(user: User, assistance_id: int, amount: Decimal, *, reason: str = "") -> Body:
    """Name the price: its assistant that of a repair, before completion; staff any, with a reason, unless canceled.

    Effects: the client is asked for consent, which nothing waits for; an adjustment by staff is audited and stays. The
    present price again changes nothing.
    Raises: NotFound for strangers; Forbidden for its client; InvalidData for no price, or staff without a reason;
    Conflict when it has ended, or a tariff or staff have fixed another price.
    """
    job, role = state.locked_for(user, assistance_id)
    if role == lifecycle.CLIENT:
        raise Forbidden()
    now = timezone.now()
    if role == lifecycle.STAFF:
        _adjust(user, job, amount, clean(reason), now)
    else:
        state.refuse_final(job)
        price = checked(amount)
        if job.is_price_fixed and price != job.total_price:
            raise Conflict("The price of this job is fixed", code="price_fixed", current_status=job.status)
        put(job, price, now)
    return state.seen_by(user.pk, job, now, sees_all=role == lifecycle.STAFF)


def _adjust(staff: User, job: Assistance, amount: Decimal, reason: str, now: datetime) -> None:
    if job.status == lifecycle.CANCELED:
        state.refuse_final(job)
    price = checked(amount)
    if not reason:
        raise InvalidData(fields={"reason": ["This field is required."]})
    before = job.total_price
    if put(job, price, now, source=Source.STAFF, note=reason):
        amounts = {"before": str(before), "after": str(price), "currency": job.currency}
        audit.record("price_adjusted", actor=staff, target=job, reason=reason, **amounts)


@transaction.atomic
def answer_price(user: User, assistance_id: int, *, accept: bool, seen: Decimal | None = None) -> Body:
    """Accept or refuse a price that was named after the request, by its client; also after the completion.

    Shape: ``seen`` is the price that the client was looking at. The same answer again changes nothing; a refusal may
    turn into an acceptance, never the other way round for the same price.
    Effects: the room is told; it is audited. Nothing else depends on it.
    Raises: NotFound for strangers; Forbidden for others than its client; Conflict for a request that was canceled, a
    price that nobody asks about, one that is not the one seen, or one that was accepted.
    """
    job, role = state.locked_for(user, assistance_id)
    if role != lifecycle.CLIENT:
        raise Forbidden()
    if job.status == lifecycle.CANCELED:
        state.refuse_final(job)
    if job.price_consent == Consent.NONE:
        raise Conflict("There is no price to answer", code="no_price_asked", current_status=job.status)
    if seen is not None and pricing.money(seen) != job.total_price:
        raise Conflict("The price has changed", code="price_changed", total_price=float(job.total_price))
    answer = Consent.ACCEPTED if accept else Consent.REFUSED
    now = timezone.now()
    if job.price_consent != answer:
        if job.price_consent == Consent.ACCEPTED:
            raise Conflict("You have accepted this price", code="price_accepted", current_status=job.status)
        state.change(job, now, price_consent=answer)
        audit.record(f"price_{answer}", actor=user, target=job, price=str(job.total_price), currency=job.currency)
        _tell(job, now)
    return state.seen_by(user.pk, job, now)


def put(job: Assistance, price: Decimal, now: datetime, *, source: str = Source.ASSISTANT, note: str = "") -> bool:
    """Store a checked price of a locked request, ask its client and tell the room; False for the present price."""
    if (job.total_price, job.price_is_final) == (price, True):
        return False
    named = {"total_price": price, "price_is_final": True, "price_source": source, "price_note": note}
    state.change(job, now, **named, price_consent=Consent.PENDING)
    _tell(job, now)
    return True


def checked(amount: Decimal) -> Decimal:
    """Return a price that somebody may name. Raises: InvalidData."""
    most = settings.ASSISTANCE_MAX_PRICE
    if not amount.is_finite() or not 0 <= amount <= most:
        raise InvalidData(fields={"total_price": [format_lazy(_("An amount from 0 to {most}."), most=most)]})
    return pricing.money(amount)


def of_repair(job: Assistance) -> dict[str, Any]:
    """Return what changes when a repairer takes a request without a type: it is a repair, which they price."""
    fixed_by_staff = job.price_source == Source.STAFF
    return {"assistance_type": ServiceType.REPAIR, **({} if fixed_by_staff else _unpriced())}


def without_assistant(job: Assistance) -> dict[str, Any]:
    """Return what changes when an assistant leaves a job: the price that they named, and what was said to it, goes too."""
    return {} if job.is_price_fixed else _unpriced()


def _unpriced() -> dict[str, Any]:
    return {
        "total_price": pricing.ZERO,
        "price_is_final": False,
        "price_source": Source.NONE,
        "price_consent": Consent.NONE,
        "price_note": "",
        "currency": settings.CURRENCY,
    }


def _tell(job: Assistance, now: datetime) -> None:
    body = state.seen_by(job.client_id, job, now)
    events.publish_to_room(job.pk, events.price(body))
