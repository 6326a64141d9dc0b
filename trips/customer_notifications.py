"""What notifications tell the customer of an order: plain values out of what their page shows; sending belongs to the services.

No name or place of anybody is in them: services of other companies carry them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from accounts.notifications import Notification
from orders.models import Order
from trips.customer_tracking import ARRIVED, DELIVERED, EN_ROUTE, FAILED, Tracking

NEAR = timedelta(minutes=10)


def tag_of(order: Order) -> str:
    """Name the one thing that a customer's notifications are about."""
    return f"order-{order.order_number}"


def to_customer(order: Order, tracking: Tracking, before: str, now: datetime) -> list[Notification]:
    """Return what the customer of an order is shown, after what was shown before; nothing while there is nothing to expect."""
    content, title, body = _sentence(tracking, before, now)
    data = {"type": "order", "order_number": order.order_number}
    return [Notification(0, tag_of(order), content, title, body, data, is_urgent=True)] if content else []


def _sentence(tracking: Tracking, before: str, now: datetime) -> tuple[str, StrOrPromise, StrOrPromise]:
    row = tracking.delivery
    if tracking.state == DELIVERED:
        return "delivered", _("Delivered"), _("Your order was delivered.")
    if tracking.state == FAILED:
        since = next((event.at for event in reversed(tracking.events) if event.kind == FAILED), None)
        content = f"failed.{since.timestamp():.0f}" if since else "failed"
        return content, _("The delivery did not succeed"), _("The company will arrange what happens next.")
    if row is None or tracking.state not in (EN_ROUTE, ARRIVED):
        return "", "", ""
    near = f"near.{row.trip_id}"
    if before == near or tracking.state == ARRIVED or (tracking.arrival is not None and tracking.arrival.at - now <= NEAR):
        return near, _("About 10 minutes away"), _("Your delivery will soon be there.")
    return f"coming.{row.trip_id}", _("On the way to you"), _("Your delivery is the next stop.")
