"""QuerySets of trips and trip stops: which a user may see, and which are still to be driven."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.apps import apps
from django.db.models import BooleanField, Count, Exists, ExpressionWrapper, IntegerField, Max, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from accounts.managers import TenantQuerySet
from depannini_dashmap.lib.db.secret_links import SecretLinkQuerySet
from trips.lifecycle import IN_PROGRESS, OPEN

OPEN_STOP = Q(is_completed=False, failed=False)
CLOSED_STOP = Q(is_completed=True) | Q(failed=True)


class TripQuerySet(TenantQuerySet):
    """Trips of companies."""

    def to_measure(self, ended_before: datetime) -> Self:
        """Keep those that ended before an instant and whose kilometres nobody has measured yet, the newest first."""
        ended = self.filter(actual_start_datetime__isnull=False, actual_end_datetime__lt=ended_before, driven_km=None)
        return ended.order_by("-actual_end_datetime")

    def to_measure_again(self, quiet_since: datetime) -> Self:
        """Keep those of whose time fixes came late, the last ones before an instant."""
        return self.filter(late_fixes_at__lt=quiet_since).order_by("late_fixes_at")

    def open(self) -> Self:
        """Keep those that are neither completed nor cancelled."""
        return self.filter(status__in=OPEN)

    def running(self) -> Self:
        """Keep those that are under way."""
        return self.filter(status=IN_PROGRESS)

    def with_progress(self) -> Self:
        """Annotate how many stops each visits, `total`, and how many of them are `done` (completed or failed)."""
        return self.annotate(total=stops_of_trip(), done=stops_of_trip(CLOSED_STOP))

    def with_expected_delay(self) -> Self:
        """Annotate `expected_late_min`: the highest threshold by which an awaited stop of a running trip is late; 0 for none."""
        rows = apps.get_model("trips", "TripStop").objects.awaited().filter(trip_id=OuterRef("pk")).order_by()
        highest = rows.values("trip_id").annotate(late=Max("late_min")).values("late")
        return self.annotate(expected_late_min=Coalesce(Subquery(highest, output_field=IntegerField()), 0))

    def with_driver_told(self) -> Self:
        """Annotate `driver_told`: whether the driver was notified of the stops as they are."""
        rows = apps.get_model("trips", "TripStop").objects.filter(trip_id=OuterRef("pk"))
        changed = Exists(rows.filter(stop__updated_at__gt=OuterRef("notified_at")).order_by())
        return self.annotate(driver_told=ExpressionWrapper(Q(driver_notified=True) & ~Q(changed), output_field=BooleanField()))


def stops_of_trip(*only: Q) -> Coalesce:
    """Count the stops of the outer query's trip, those that match `only`."""
    rows = apps.get_model("trips", "TripStop").objects.filter(*only, trip_id=OuterRef("pk")).order_by()
    count = rows.values("trip_id").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(count, output_field=IntegerField()), 0)


class TripStopQuerySet(TenantQuerySet):
    """Stops of trips, each in its place."""

    company_path = "trip__company"

    def open(self) -> Self:
        """Keep the stops that are neither completed nor failed."""
        return self.filter(OPEN_STOP)

    def in_order_of_arrival(self) -> Self:
        """Sort by trip, and the stops of each as its vehicle came there."""
        return self.order_by("trip_id", "actual_arrival_datetime", "sequence")

    def awaited(self) -> Self:
        """Keep the stops of running trips at which the vehicle has not arrived, or only seems to have."""
        has_not_arrived = Q(actual_arrival_datetime__isnull=True) | Q(arrival_is_suggested=True)
        return self.open().filter(has_not_arrived, trip__status=IN_PROGRESS)

    def watched(self) -> Self:
        """Keep the stops of running trips that the vehicle may come to, or leave."""
        may_change = Q(actual_departure_datetime__isnull=True) | Q(arrival_is_suggested=True)
        return self.open().filter(may_change, trip__status=IN_PROGRESS)


class TripOrderQuerySet(TenantQuerySet):
    """Which trip holds, or held, which order."""

    company_path = "trip__company"

    def live(self) -> Self:
        """Keep those by which a trip holds its order now."""
        return self.filter(is_live=True)


class TripLinkQuerySet(SecretLinkQuerySet, TenantQuerySet):
    """Drivers' links to trips."""

    company_path = "trip__company"
