"""The socket of the driver's page: when to look again at the trip, which the office may have changed."""

from __future__ import annotations

from typing import Any

from accounts.link_sockets import LinkSocket
from trips.models import TripLink
from trips.steps.driver_links import reopen


class DriverSocket(LinkSocket):
    """`/ws/t/`: for who has a ticket of the page."""

    __slots__ = ()

    kind = TripLink

    def find(self) -> tuple[Any, int]:
        """Find the link, if the one it was sent to still drives the trip."""
        link = reopen(self.link_id)
        return link, link.trip_id
