"""Prices and payments of the demo: paid in cash, by card, by transfer, in part, on account, and not at all."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from assistance.models import Assistance
from orders.models import Order
from payments.cash_on_hand import cash_in_hand
from payments.services import hand_in_cash, record_payment

if TYPE_CHECKING:
    from accounts.models import User
    from depannini_dashmap.demo.data import Made

INSURER = "Assurances du Littoral"
HALF = Decimal("0.5")


def price_of_order(number: int) -> Decimal | None:
    """Return what an order costs; of some nobody has named a price yet."""
    return None if number % 9 == 8 else Decimal(4500 + 750 * (number % 7))


def pay_orders(user: User, made: Made) -> None:
    """Take money for delivered orders of the companies of a dispatcher, each in another way."""
    delivered = Order.objects.editable_by(user).filter(status="delivered", price__isnull=False)
    for number, order in enumerate(delivered.order_by("pk")):
        way = number % 5
        if way == 4:
            continue  # unpaid
        amount = order.price * HALF if way == 3 and order.price else None
        method = ("cash", "card", "transfer", "transfer")[way]
        record_payment(actor=user, order_id=order.pk, amount=amount, method=method, note="acompte" if amount else "")
        made.add("payments")


def pay_jobs(user: User, made: Made) -> None:
    """Take money for completed jobs: most of it cash in the assistants' hands, of which one hands some in."""
    jobs = Assistance.objects.filter(status="completed", total_price__gt=0).order_by("pk")
    for number, job in enumerate(jobs):
        way = number % 5
        if way == 4:
            continue  # unpaid
        if way == 3:
            Assistance.objects.filter(pk=job.pk).update(billed_to=INSURER)
            record_payment(actor=user, assistance_id=job.pk, method="account", note=INSURER)
        elif way == 2:
            record_payment(actor=user, assistance_id=job.pk, method="card")
        else:
            amount = job.total_price * HALF if way else None
            record_payment(actor=user, assistance_id=job.pk, amount=amount, method="cash", taken_by=job.assistant_id)
        made.add("payments")
    holders = [cash for cash in cash_in_hand() if cash.in_hand > 1]
    if holders:
        hand_in_cash(actor=user, assistant_id=holders[0].assistant_id, amount=holders[0].in_hand * HALF)
