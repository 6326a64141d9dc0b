"""Where each role begins in the demo without an app: the pages in a browser, and links to one trip and one of its orders."""

from __future__ import annotations

import socket
from typing import NamedTuple

from django.db import transaction

from depannini_dashmap.lib.db.secret_links import new_token
from orders.customer_links import renew_link
from orders.models import Order, OrderLink
from trips.models import Trip, TripLink, TripStop
from trips.steps.driver_links import driver_key, give_link


class RoleLink(NamedTuple):
    """A page of a role: who, its path, and what to do there."""

    role: str
    path: str
    hint: str


def role_links() -> list[RoleLink]:
    """Return a page for each role; the links of the running trip and its order are new, and end earlier ones."""
    links = [
        RoleLink("motorist", "/help/", "ask for help"),
        RoleLink("assistant", "/duty/", "sign in with an assistant's phone and password"),
    ]
    trip = Trip.objects.filter(status="in_progress").exclude(vehicle__driver_email="").select_related("vehicle").order_by("pk").first()
    if trip is None:
        return links
    token = new_token()
    give_link(trip_id=trip.pk, token=token, sent_to=driver_key(trip.vehicle, "email"))
    links.append(RoleLink("driver", f"{TripLink.page_path}{token}/", f"the stops of “{trip.name}”"))
    links += _customer_of(trip)
    return links


@transaction.atomic
def _customer_of(trip: Trip) -> list[RoleLink]:
    """Link to the order that is delivered next."""
    stop = TripStop.objects.filter(trip=trip, is_completed=False, failed=False, stop__delivery_order__isnull=False).order_by("sequence").first()
    order = Order.objects.select_for_update(of=("self",)).filter(delivery_stop_id=stop.stop_id).first() if stop else None
    if order is None:
        return []
    _link, token = renew_link(order, actor=trip.dispatcher)
    return [RoleLink("customer", f"{OrderLink.page_path}{token}/", f"wait for {order.order_number}")]


def lan_address() -> str:
    """Return this machine's address in its network, by the route that a packet would take; none is sent. Raises: OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # an address for documentation (RFC 5737)
        return str(probe.getsockname()[0])
