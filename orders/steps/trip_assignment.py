"""Assign orders to a trip and release them: the services that the trips app calls.

Each verb is called inside the trip's transaction, after the trip's row was locked; it locks the orders by id and keeps
their history. Bodies know nothing of trips: `Order.is_in_trip` is the claim.
"""

from collections.abc import Collection, Iterable

from django.db import transaction
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.models import User
from depannini_dashmap.lib.errors import Conflict, InvalidData
from fleet.events import board_changed
from orders.events import orders_changed
from orders.lifecycle import ASSIGNED, FINISHED, JOURNEY_STEPS, PENDING
from orders.models import Order, Stop


@transaction.atomic
def claim_for_trip(order_ids: Collection[int], *, actor: User | None = None) -> list[Order]:
    """Put orders into a trip: each becomes `assigned` and belongs to that trip alone. All or none.

    The caller has checked that the actor may see them. Raises: InvalidData (an order is gone or lacks a stop),
    Conflict `order_not_available` (in a trip, or not pending).
    """
    orders = _lock(order_ids)
    if len(orders) != len(set(order_ids)):
        raise InvalidData(format_lazy(_("{model} not found"), model=_("Order")), fields={"order": [_("Unknown id.")]})
    for order in orders:
        if not order.is_available_for_trip:
            reason = _("Order {number} is already in a trip") if order.is_in_trip else _("Order {number} is {status}")
            raise Conflict(
                format_lazy(reason, number=order.order_number, status=JOURNEY_STEPS.word(order.status)),
                code="order_not_available",
                current_status=order.status,
            )
        if not order.is_carriable:
            raise InvalidData(
                format_lazy(_("Order {number} needs both a pickup and a delivery stop"), number=order.order_number)
            )
    for order in orders:
        order.status, order.is_in_trip = ASSIGNED, True
    _save(orders, actor, gettext_noop("put into a trip"))
    return orders


@transaction.atomic
def release_from_trip(order_ids: Collection[int], *, actor: User | None = None) -> None:
    """Take orders out of their trip: they are `pending` again, unless delivered or cancelled."""
    held = [order for order in _lock(order_ids) if order.is_in_trip]
    for order in held:
        order.is_in_trip = False
        order.status = order.status if order.status in FINISHED else PENDING
    _save(held, actor, gettext_noop("taken out of a trip"))


@transaction.atomic
def set_status_from_trip(order_ids: Collection[int], status: str, *, actor: User | None = None) -> list[int]:
    """Move the orders of a trip forward to `in_transit` or `delivered`; those already there or further stay.

    Returns the ids that moved.
    """
    return _move(order_ids, status, "trip", actor)


@transaction.atomic
def undo_delivery(order_ids: Collection[int], status: str, *, actor: User | None = None) -> list[int]:
    """Take back a delivery that was reported by mistake: to `in_transit` in a running trip, else to `assigned`.

    Returns the ids that moved.
    """
    return _move(order_ids, status, "undo", actor)


@transaction.atomic
def move_to_company(order_ids: Collection[int], company_id: int, *, actor: User | None = None) -> None:
    """Move pending orders and their stops to another company of the same caller, whose trip will carry them.

    Payments stay with the company that took them: their receipts are numbered there, and are its own to see.
    Raises: Conflict (the order is in a trip or not pending).
    """
    moving = [order for order in _lock(order_ids) if order.company_id != company_id]
    left = {order.company_id for order in moving}
    for order in moving:
        if not order.is_available_for_trip:
            raise Conflict(
                format_lazy(_("Order {number} cannot change its company"), number=order.order_number),
                current_status=order.status,
            )
        order.company_id = company_id
        if order.reference and Order.objects.filter(company_id=company_id, reference=order.reference).exists():
            order.reference = ""
    stop_ids = [stop for order in moving for stop in (order.pickup_stop_id, order.delivery_stop_id) if stop]
    Stop.objects.filter(pk__in=stop_ids).update(company_id=company_id)
    _save(moving, actor, gettext_noop("moved to another company"), "company", "reference")
    for old_company_id in left:
        board_changed(old_company_id, "orders")


def _lock(order_ids: Collection[int]) -> list[Order]:
    return list(Order.objects.select_for_update().filter(pk__in=order_ids).order_by("pk"))


def _move(order_ids: Collection[int], status: str, mover: str, actor: User | None) -> list[int]:
    moving = [
        order for order in _lock(order_ids) if order.is_in_trip and JOURNEY_STEPS.allows(order.status, status, mover)
    ]
    for order in moving:
        order.status = status
    _save(moving, actor, gettext_noop("followed its trip"))
    return [order.pk for order in moving]


def _save(orders: list[Order], actor: User | None, reason: str, *more_fields: str) -> None:
    if not orders:
        return
    now = timezone.now()
    for order in orders:
        order.updated_at = now
    _update_alike(orders, ("status", "is_in_trip", "updated_at", *more_fields))
    Order.history.bulk_history_create(orders, update=True, default_user=actor, default_change_reason=reason)
    for company_id in {order.company_id for order in orders}:
        orders_changed(company_id, [order.pk for order in orders if order.company_id == company_id])


def _update_alike(orders: Iterable[Order], fields: tuple[str, ...]) -> None:
    """Write rows with equal values together: one UPDATE for each kind of outcome, nearly always one in all."""
    kinds: dict[tuple, list[int]] = {}
    names = [f"{name}_id" if name == "company" else name for name in fields]
    for order in orders:
        kinds.setdefault(tuple(getattr(order, name) for name in names), []).append(order.pk)
    for values, ids in kinds.items():
        Order.objects.filter(pk__in=ids).update(**dict(zip(names, values, strict=True)))
