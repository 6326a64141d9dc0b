"""Which orders and stops somebody may see, and which wait for a trip."""

from __future__ import annotations

from typing import Self

from accounts.managers import TenantQuerySet


class StopQuerySet(TenantQuerySet):
    """Places where something is loaded or unloaded."""


class OrderQuerySet(TenantQuerySet):
    """What must be carried."""

    def available_for_trip(self) -> Self:
        """Keep those that are pending and that no trip carries."""
        return self.filter(status="pending", is_in_trip=False)

    def unavailable_for_trip(self) -> Self:
        """Keep those that cannot be put into a trip."""
        return self.exclude(status="pending", is_in_trip=False)

    def with_stops(self) -> Self:
        """Bring both stops in the same query."""
        return self.select_related("pickup_stop", "delivery_stop")
