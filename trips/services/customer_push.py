"""Notifications of one order in the browser of its customer, while the page is closed; they say what the page would show.

Much of that follows from time and from where a vehicle is, so nothing queues them: a round compares again and again.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.notifications import Notification
from accounts.steps import link_push
from depannini_dashmap.lib.db.prepared import PreparedObjects
from depannini_dashmap.lib.errors import NotFound
from depannini_dashmap.lib.ops.enqueue import enqueue
from depannini_dashmap.lib.outbound.push_messages import PushAddress
from orders import customer_links
from orders.models import OrderLink, OrderSubscription
from trips.customer_notifications import tag_of, to_customer
from trips.customer_view import tracked
from trips.lifecycle import IN_PROGRESS
from trips.models import TripOrder

AT_ONCE = 50  # of a round, those that were looked at longest ago


@transaction.atomic
def follow_order(*, actor: None, token: str, address: PushAddress, language: str) -> OrderSubscription:
    """Notify a browser of what changes from now on, until the link ends; what its page shows now it is not told.

    Shape: no `actor`. Raises: NotFound for a link that opens nothing; Unavailable where nothing can be sent to browsers.
    """
    link_push.require_push()
    link = customer_links.find_link(token)
    OrderLink.objects.select_for_update(no_key=True).get(pk=link.pk)  # waits for who ends the link
    link = customer_links.find_link(token)
    seen, now = _wanted(link, {}), timezone.now()
    more = {"asked": link_push.contents(seen), "looked_at": now}
    return link_push.subscribe(OrderSubscription, address, seen, link=link, language=language, subscribed_at=now, **more)


def look_after_customers(*, actor: None) -> int:
    """Queue a message to each browser whose order stands differently from what it was told; return how many these are.

    Shape: no `actor`, a round calls it, with no transaction open. It looks at orders that changed or that are in a running
    trip, at most AT_ONCE of them: four queries and one question about roads each.
    """
    now, rows, queued = timezone.now(), _due(), 0
    for row in rows:
        wanted = _wanted_of(row)
        asked = None if wanted is None else link_push.contents(wanted)
        if asked != row.asked:
            with transaction.atomic():
                queued += OrderSubscription.objects.filter(pk=row.pk, asked=row.asked).update(asked=asked or {})
                enqueue("trips.tasks.push_customer", row.pk)
    OrderSubscription.objects.filter(pk__in=[row.pk for row in rows]).update(looked_at=now)
    return queued


def _query_due() -> QuerySet[OrderSubscription]:
    trips = TripOrder.objects.live().filter(order_id=OuterRef("link__order_id"))
    moving = trips.filter(Q(trip__status=IN_PROGRESS) | Q(trip__updated_at__gte=OuterRef("looked_at")))
    due = OrderSubscription.objects.filter(Q(link__order__updated_at__gte=F("looked_at")) | Exists(moving))
    return due.order_by("looked_at", "pk")[:AT_ONCE]


_due = PreparedObjects(_query_due)


def push_customer(*, actor: None, subscription_id: int) -> None:
    """Send a browser what it does not show yet, and take away what is over; forget one that is no more, or whose link ended.

    Shape: no `actor`, the worker calls it, with no transaction open. Raises: PushFailed, PushNotSet.
    """
    row = OrderSubscription.objects.filter(pk=subscription_id).first()
    if row is None:
        return
    wanted = _wanted_of(row)
    if wanted is None:
        row.delete()
    else:
        link_push.show(row, wanted, timezone.now())


def _wanted_of(row: OrderSubscription) -> list[Notification] | None:
    """Return what a browser shall show; None once its link opens nothing."""
    try:
        return _wanted(customer_links.reopen(row.link_id), row.seen | row.shown | row.asked)
    except NotFound:
        return None


def _wanted(link: OrderLink, before: dict[str, str]) -> list[Notification]:
    return to_customer(link.order, tracked(link), before.get(tag_of(link.order), ""), timezone.now())
