"""What a job or an order owes. Reads, changes nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.db.models import Q, Sum, Value
from django.db.models.functions import Coalesce

from assistance import lifecycle
from assistance.models import Assistance
from assistance.pricing import ZERO, money, vat_in
from orders.models import Order
from payments.models import Payment

Payable = Order | Assistance


class Balance(NamedTuple):
    """What something costs and what has come in for it; `on_account` is the part of `due` that is to be billed."""

    price: Decimal | None
    paid: Decimal
    on_account: Decimal
    currency: str
    vat_rate: Decimal
    is_canceled: bool

    @property
    def due(self) -> Decimal:
        """What is still owed; nothing for what was cancelled."""
        return ZERO if self.is_canceled or self.price is None else max(self.price - self.paid, ZERO)

    @property
    def credit(self) -> Decimal:
        """What came in beyond the price, and may have to be given back."""
        owed = ZERO if self.is_canceled or self.price is None else self.price
        return max(self.paid - owed, ZERO)

    @property
    def vat(self) -> Decimal:
        """The VAT that the price has in it."""
        return ZERO if self.price is None else vat_in(self.price, self.vat_rate)


def balance_of(thing: Payable) -> Balance:
    """Return what a job or an order costs, and what came in."""
    sums = Payment.objects.of(thing).aggregate(
        received=Coalesce(Sum("amount", filter=~Q(method=Payment.Method.ACCOUNT)), Value(ZERO)),
        promised=Coalesce(Sum("amount", filter=Q(method=Payment.Method.ACCOUNT)), Value(ZERO)),
    )
    received, promised = money(sums["received"]), money(sums["promised"])
    if isinstance(thing, Order):
        found = Balance(thing.price, received, promised, settings.CURRENCY, ZERO, thing.status == "cancelled")
    else:
        has_price = thing.price_is_final or thing.total_price > 0
        price = thing.total_price if has_price else None
        found = Balance(price, received, promised, thing.currency, thing.vat_rate, thing.status == lifecycle.CANCELED)
    return found._replace(on_account=min(found.on_account, found.due))
