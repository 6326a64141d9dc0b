"""Customers' links: making one, finding what one opens, and how customers are reached. What the page shows is the trips' business."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db.models import Min, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import User
from accounts.phones import NotAPhoneNumber, normalise_phone
from depannini_dashmap.lib.db.secret_links import new_token
from depannini_dashmap.lib.errors import NotFound
from depannini_dashmap.lib.outbound import sms
from depannini_dashmap.lib.time_zone import display_zone
from orders.events import customer_links_ended
from orders.managers import LINK_AFTER_END
from orders.models import Order, OrderLink, OrderSubscription

LASTS = dt.timedelta(days=60)  # from today, or from when the order is wanted: an order that nobody ends shows nothing for ever
# What a deployment without a mail server has: messages go to its log.
_TO_LOG = "django.core.mail.backends.console."


def renew_link(order: Order, *, actor: User, language: str = "", channel: str = "") -> tuple[OrderLink, str]:
    """Make a link to an order (locked) and end the one of before; return it and its token, which is not kept."""
    if OrderLink.objects.filter(order=order).revoke():
        OrderSubscription.objects.filter(link__order=order).delete()
        customer_links_ended(order.pk)
    token = new_token()
    link = OrderLink.objects.create(
        order=order, token_hash=OrderLink.hash_of(token), made_by=actor, language=language, channel=channel, expires_at=_latest_end(order)
    )
    return link, token


def find_link(token: str) -> OrderLink:
    """Return the live link of a token, with its order, stops and company. Raises: NotFound, always the same."""
    return _with_order(OrderLink.objects.opened_by(token))


def reopen(link_id: int) -> OrderLink:
    """Return a link by its id while it is live, as `find_link` does. Raises: NotFound."""
    return _with_order(OrderLink.objects.open().filter(pk=link_id))


def _with_order(links: QuerySet[OrderLink]) -> OrderLink:
    link = links.select_related("order__company", "order__pickup_stop", "order__delivery_stop").first()
    if link is None:
        raise NotFound
    return link


def over_at(link: OrderLink, ended_at: dt.datetime | None) -> dt.datetime:
    """Return when a link opens nothing any more: some days after the order's end, or after it was made where that is later."""
    if ended_at is None:
        return link.expires_at
    return min(link.expires_at, max(ended_at, link.created_at) + LINK_AFTER_END)


def status_since(order: Order) -> dt.datetime:
    """Return since when an order has its present status; when it was changed last where the history of that is gone."""
    history = order.history.order_by("-history_id")  # type: ignore[attr-defined]
    before = Coalesce(Subquery(history.exclude(status=order.status).values("history_id")[:1]), 0)
    return history.filter(history_id__gt=before).aggregate(at=Min("history_date"))["at"] or order.updated_at


def address_for(order: Order, channel: str) -> str:
    """Return where a customer is reached by SMS (E.164) or mail; empty without an address, or where messages only go to a log."""
    if channel == OrderLink.Channel.EMAIL:
        return order.customer_email if settings.DEBUG or not settings.EMAIL_BACKEND.startswith(_TO_LOG) else ""
    if not sms.is_configured():
        return ""
    receiver = order.delivery_stop.contact_phone if order.delivery_stop else ""
    for phone in (order.customer_phone, receiver):
        try:
            return normalise_phone(phone)
        except NotAPhoneNumber:
            continue
    return ""


def channels_to(order: Order) -> list[str]:
    """Return the channels by which the customer can be sent a link."""
    return [channel.value for channel in OrderLink.Channel if address_for(order, channel)]


def _latest_end(order: Order) -> dt.datetime:
    now = timezone.now()
    wanted = order.requested_delivery_date
    if wanted is None or wanted <= now.date():
        return now + LASTS
    try:
        return dt.datetime.combine(wanted, dt.time.min, display_zone()) + LASTS
    except OverflowError:  # wanted at the end of the calendar
        return dt.datetime.combine(wanted, dt.time.min, dt.UTC)
