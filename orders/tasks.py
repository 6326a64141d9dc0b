"""Tasks of orders; a row holds an id only and is safe to run twice."""

from __future__ import annotations

from django.utils import timezone
from django_tasks import task

from depannini_dashmap.lib.db.secret_links import new_token
from orders import customer_messages
from orders.customer_links import address_for
from orders.models import OrderLink


@task()
def deliver_link(link_id: int) -> None:
    """Make the token of a link, store its hash and send it, unless it was sent or ended, or the customer has no address now.

    A try whose message may have left makes another token: the older one then opens nothing.
    """
    unsent = OrderLink.objects.live().filter(pk=link_id, sent_at=None)
    link = unsent.select_related("order__company", "order__delivery_stop").first()
    address = link and address_for(link.order, link.channel)
    if link is None or not address:
        return
    token = new_token()
    if not unsent.update(token_hash=OrderLink.hash_of(token)):
        return
    customer_messages.send_link(link, address, OrderLink.address_of(token))
    unsent.update(sent_at=timezone.now())
