"""QuerySets of vehicles: which a user may see, and which are not deleted."""

from __future__ import annotations

from typing import Self

from accounts.managers import TenantQuerySet


class VehicleQuerySet(TenantQuerySet):
    """Vehicles of companies; deleted ones stay as rows for the sake of their trips and positions."""

    def alive(self) -> Self:
        """Keep those that are not deleted."""
        return self.filter(deleted_at__isnull=True)

    def deleted(self) -> Self:
        """Keep those that were deleted and may be restored."""
        return self.filter(deleted_at__isnull=False)
