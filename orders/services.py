"""Services of orders: create, change, delete, and the customer's link. What trips do to orders is in `trip_assignment`."""

from typing import Any

from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.limits import message_budget
from accounts.models import Company, User
from depannini_dashmap.lib.db.secret_links import new_token
from depannini_dashmap.lib.errors import Conflict, InvalidData, NotFound
from depannini_dashmap.lib.ops import audit
from depannini_dashmap.lib.ops.enqueue import enqueue
from fleet.default_company import company_for
from fleet.events import board_changed
from orders import customer_messages
from orders.customer_links import address_for, renew_link
from orders.events import customer_links_ended, orders_changed
from orders.field_names import ENDS
from orders.lifecycle import FINISHED, JOURNEY_STEPS, may_request
from orders.models import Order, OrderLink, OrderSubscription, Stop
from orders.numbers import take_numbers
from orders.signals import order_status_requested
from orders.steps.locks import lock_order
from orders.stops import StopInput, give_stops, put_stop


@transaction.atomic
def create_order(
    *,
    actor: User,
    company: Company | None = None,
    pickup_stop: StopInput | None = None,
    delivery_stop: StopInput | None = None,
    order_number: str = "",
    **fields: Any,
) -> Order:
    """Take an order with its stops and give it a number, unless the caller took one from `take_numbers` before.

    Raises: InvalidData (no company, half a stop or location), Forbidden (the actor only views the company).
    """
    order = Order(company_id=company_for(actor, company), **fields)
    give_stops(order, dict(zip(ENDS, (pickup_stop, delivery_stop), strict=True)))
    order.order_number = order_number or take_numbers()[0]
    order.save()
    board_changed(order.company_id, "orders")
    return order


@transaction.atomic
def update_order(
    *,
    actor: User,
    order_id: int,
    status: str | None = None,
    pickup_stop: StopInput | None = None,
    delivery_stop: StopInput | None = None,
    **fields: Any,
) -> Order:
    """Change the named fields, stops in place.

    Raises: NotFound, Forbidden, InvalidData (half a stop or location), Conflict (the trip does not allow the status).
    """
    order = lock_order(actor, order_id)
    if status is not None and status != order.status:
        trip_status = _require_status(order, status, actor)
        fields["status"] = status
        if trip_status == "failed":
            fields["is_in_trip"] = False
    changed = {name for name, value in fields.items() if getattr(order, name) != value}
    for name in changed:
        setattr(order, name, fields[name])
    for end, sent in zip(ENDS, (pickup_stop, delivery_stop), strict=True):
        if sent is not None and put_stop(order, end, sent):
            changed.add(f"{end}_stop")
    if changed:
        order.save(update_fields=[*changed, "updated_at"])
    if changed or pickup_stop is not None or delivery_stop is not None:
        orders_changed(order.company_id, [order.pk])
    return order


@transaction.atomic
def delete_order(*, actor: User, order_id: int) -> None:
    """Delete an order with its stops; nothing is lost when a trip, even an old one, still shows them.

    Raises: NotFound, Forbidden, Conflict `order_in_trip`.
    """
    order = lock_order(actor, order_id)
    if order.is_in_trip:
        raise Conflict(_("The order is in a trip"), code="order_in_trip")
    stop_ids = [stop_id for stop_id in (order.pickup_stop_id, order.delivery_stop_id) if stop_id]
    try:
        order.delete()
        Stop.objects.filter(pk__in=stop_ids).delete()
    except ProtectedError as error:
        raise Conflict(_("A trip or a payment still shows this order"), code="order_in_trip") from error
    customer_links_ended(order_id)
    board_changed(order.company_id, "orders")


@transaction.atomic
def make_link(*, actor: User, order_id: int, language: str = "") -> tuple[OrderLink, str]:
    """Give an order a link for its customer, and end the one of before; return it and its address, which is told only now.

    Raises: NotFound, Forbidden.
    """
    order = lock_order(actor, order_id)
    link, token = renew_link(order, actor=actor, language=language)
    audit.record("order_link_made", actor=actor, target=order, link_id=link.pk)
    return link, OrderLink.address_of(token)


@transaction.atomic
def send_link(*, actor: User, order_id: int, channel: str, language: str = "") -> OrderLink:
    """Have a new link sent to the order's customer by SMS or mail, and end the one of before.

    Effects: a message of the company's budget, and the task that sends it.
    Raises: NotFound, Forbidden, InvalidData (no address, or none that gets messages), TooManyRequests (the company's day is full).
    """
    order = lock_order(actor, order_id)
    address = address_for(order, channel)
    if not address:
        raise InvalidData(_("The customer cannot be reached this way"), code="no_customer_address")
    budget_channel = "phone" if channel == OrderLink.Channel.SMS else "email"
    message_budget.spend(message_budget.CUSTOMER, budget_channel, address, asker=actor, company_id=order.company_id)
    link, _token = renew_link(order, actor=actor, language=language, channel=channel)
    audit.record("order_link_sent", actor=actor, target=order, link_id=link.pk, channel=channel)
    enqueue("orders.tasks.deliver_link", link.pk)
    return link


def deliver_link(*, actor: None, link_id: int) -> None:
    """Make the token of a link, store its hash and send it, unless it was sent or ended, or the customer has no address now.

    Shape: no `actor`, a task calls it, outside any transaction. A try whose message may have left makes another token: the
    older one then opens nothing. Raises: whatever the mail server or the SMS backend raises.
    """
    unsent = OrderLink.objects.live().filter(pk=link_id, sent_at=None)
    link = unsent.select_related("order__company", "order__delivery_stop").first()
    address = link and address_for(link.order, link.channel)
    if link is None or not address:
        return
    token = new_token()
    if not unsent.update(token_hash=OrderLink.hash_of(token)):
        return
    customer_links_ended(link.order_id)
    customer_messages.send_link(link, address, OrderLink.address_of(token))
    unsent.update(sent_at=timezone.now())


@transaction.atomic
def revoke_link(*, actor: User, order_id: int) -> None:
    """End an order's link. Raises: NotFound (also where it has none), Forbidden."""
    order = lock_order(actor, order_id)
    if not OrderLink.objects.filter(order=order).revoke():
        raise NotFound(_("Customer's link"))
    OrderSubscription.objects.filter(link__order=order).delete()
    customer_links_ended(order.pk)
    audit.record("order_link_ended", actor=actor, target=order)


def is_final(*, actor: User, order: Order) -> bool:
    """Return whether an order is delivered or cancelled, or held by a trip that is over: nothing in bulk rewrites it."""
    return order.status in FINISHED or _trip_status(order, order.status, actor) in ("completed", "cancelled")


def _require_status(order: Order, status: str, actor: User) -> str | None:
    """Return the state of the order's trip where it allows the status."""
    trip_status = _trip_status(order, status, actor)
    if not may_request(order.status, status, trip_status=trip_status):
        raise Conflict(
            format_lazy(
                _("Cannot set a {before} order to {after} in its trip"),
                before=JOURNEY_STEPS.word(order.status),
                after=JOURNEY_STEPS.word(status),
            ),
            code="invalid_transition",
            current_status=order.status,
        )
    return trip_status


def _trip_status(order: Order, status: str, actor: User) -> str | None:
    """Ask the trips what state the order's trip is in; a trip that does not answer allows nothing."""
    if not order.is_in_trip:
        return None
    answers = order_status_requested.send(sender=Order, order=order, status=status, actor=actor)
    return next((answer for _, answer in answers if answer is not None), "unknown")
