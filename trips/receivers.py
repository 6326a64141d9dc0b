"""Receivers of the signals of fleet and orders; each is one service call."""

from typing import Any

from django.dispatch import receiver

from fleet.models import Vehicle
from fleet.signals import vehicle_leaving
from orders.models import Order
from orders.signals import order_status_requested
from trips.services import trips


@receiver(vehicle_leaving, dispatch_uid="trips.keep_needed_vehicle")
def keep_needed_vehicle(vehicle: Vehicle, **kwargs: Any) -> None:
    """Keep a vehicle that has open trips."""
    trips.require_no_open_trips(actor=None, vehicle_id=vehicle.pk)


@receiver(order_status_requested, dispatch_uid="trips.answer_status_request")
def answer_status_request(order: Order, status: str, actor: Any, **kwargs: Any) -> str | None:
    """Return the status of the trip that holds an order; one whose stop failed leaves it by the statuses that say so."""
    return trips.answer_status_request(actor=actor, order_id=order.pk, status=status)
