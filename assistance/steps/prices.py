"""Storing the price of a locked request."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from assistance import events, pricing, representation, task_queueing
from assistance.models import Assistance, ServiceType
from assistance.steps import state
from depannini_dashmap.lib.errors import InvalidData

Consent, Source = Assistance.Consent, Assistance.PriceSource


def store_price(job: Assistance, price: Decimal, now: datetime, *, source: str = Source.ASSISTANT, note: str = "") -> bool:
    """Store a checked price of a locked request, ask its client and tell the room; False for the present price."""
    if (job.total_price, job.price_is_final) == (price, True):
        return False
    named = {"total_price": price, "price_is_final": True, "price_source": source, "price_note": note}
    state.change(job, now, **named, price_consent=Consent.PENDING)
    publish_price(job, now)
    return True


def validated_amount(amount: Decimal) -> Decimal:
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


def publish_price(job: Assistance, now: datetime) -> None:
    """Publish a price, and what the client says to it, to the room and the phones."""
    events.publish_to_room(job.pk, events.price(representation.of(job, viewer_id=job.client_id, now=now)))
    task_queueing.queue_push_of_job(job.pk)
