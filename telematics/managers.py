"""QuerySets of positions and devices: which a user may see, and reads of many."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models

from accounts.managers import TenantQuerySet

if TYPE_CHECKING:
    from accounts.models import User


class OfVehicleQuerySet(TenantQuerySet):
    """Rows of a vehicle; those of deleted vehicles are nobody's to see."""

    company_path = "vehicle__company"

    def visible_to(self, user: User) -> Self:
        """Keep the rows of the user's companies' vehicles that are not deleted; operators see all companies."""
        return super().visible_to(user).filter(vehicle__deleted_at__isnull=True)

    def listed_for(self, user: User) -> Self:
        """Keep the same rows for a list, by the values of the company ids."""
        return super().listed_for(user).filter(vehicle__deleted_at__isnull=True)


class PositionQuerySet(OfVehicleQuerySet):
    """The history of fixes."""

    def between(self, start: datetime | None, end: datetime | None) -> Self:
        """Keep the fixes recorded from `start` to `end`, both included; None leaves a side open."""
        rows = self if start is None else self.filter(timestamp__gte=start)
        return rows if end is None else rows.filter(timestamp__lte=end)

    def recorded_before(self, instant: datetime) -> Self:
        """Keep what retention may take."""
        return self.filter(timestamp__lt=instant)


class LatestPositionQuerySet(OfVehicleQuerySet):
    """One row a vehicle."""


class ForwarderQuerySet(TenantQuerySet):
    """Servers that forward reports of trackers."""

    def working(self) -> Self:
        """Keep those that may still write."""
        return self.filter(ended_at__isnull=True)


class DeviceQuerySet(OfVehicleQuerySet):
    """Trackers of vehicles."""

    def working(self) -> Self:
        """Keep those that may write: not ended, of a vehicle that is not deleted."""
        return self.filter(ended_at__isnull=True, vehicle__deleted_at__isnull=True)

    def in_contact_since(self, instant: datetime) -> Self:
        """Keep the working ones that said something since, and were not refused: a parked vehicle is not silent."""
        not_refused = models.Q(refused_at__isnull=True) | models.Q(refused_at__lt=models.F("contacted_at"))
        return self.working().filter(not_refused, contacted_at__gte=instant)


class DeviceAlarmQuerySet(OfVehicleQuerySet):
    """Alarms that devices raised."""

    def news(self, heard_since: datetime, raised_since: datetime) -> Self:
        """Keep those that were said since, and are no history that a device sends late; of vehicles still with the company of the device."""
        rows = self.filter(heard_at__gte=heard_since, last_at__gte=raised_since, vehicle__deleted_at__isnull=True)
        return rows.filter(device__company=models.F("vehicle__company"))
