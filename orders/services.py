"""Services of orders: create, change, delete. What trips do to them is in `trip_assignment`."""

from typing import Any

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import Company, User
from depannini_dashmap.lib.errors import Conflict
from fleet.default_company import company_for
from fleet.events import board_changed
from orders.columns import ENDS
from orders.lifecycle import FINISHED, JOURNEY_STEPS, may_request
from orders.locks import lock_order
from orders.models import Order, Stop
from orders.numbers import take_numbers
from orders.signals import order_status_requested
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
        board_changed(order.company_id, "orders")
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
    board_changed(order.company_id, "orders")


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
