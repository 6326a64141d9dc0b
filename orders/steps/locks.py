"""The lock of an order that somebody changes."""

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import require_editor
from depannini_dashmap.lib.errors import NotFound
from orders.models import Order


def lock_order(actor: User, order_id: int) -> Order:
    """Lock an order that the actor may change. Raises: NotFound, Forbidden."""
    rows = Order.objects.visible_to(actor).select_related("pickup_stop", "delivery_stop")
    order = rows.select_for_update(of=("self",)).filter(pk=order_id).first()
    if order is None:
        raise NotFound(_("Order"))
    require_editor(actor, order.company_id)
    return order
