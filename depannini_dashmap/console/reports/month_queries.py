"""Read a month of what a person may see, each table once."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

from assistance.models import Assistance
from depannini_dashmap.console.reports import figures
from depannini_dashmap.lib.time_zone import display_zone
from orders.models import Order
from payments.cash_on_hand import names_of
from trips.models import Trip, TripStop

if TYPE_CHECKING:
    from accounts.models import User

AT_ONCE = 2000


class Month(NamedTuple):
    """A month of a calendar."""

    year: int
    number: int

    @property
    def first(self) -> dt.date:
        """Its first day."""
        return dt.date(self.year, self.number, 1)

    @property
    def next(self) -> Month:
        """The month after it."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def previous(self) -> Month:
        """The month before it."""
        return Month(self.year - (self.number == 1), (self.number - 2) % 12 + 1)

    @property
    def days(self) -> list[dt.date]:
        """All its days."""
        return [self.first + dt.timedelta(days=number) for number in range((self.next.first - self.first).days)]

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"


def read_month(user: User, month: Month) -> tuple[figures.Figures, dict[int, str]]:
    """Return the figures of a month as far as the user may see, and the names of assistants and clients in them."""
    zone = display_zone()
    start, end = (dt.datetime.combine(one.first, dt.time(), zone) for one in (month, month.next))
    found = figures.month_of(month.days)
    if user.is_roadside:
        jobs = Assistance.objects.filter(created_at__gte=start, created_at__lt=end).order_by()
        rows = jobs.values_list(*figures.JobRow._fields).iterator(chunk_size=AT_ONCE)
        figures.add_jobs(found, map(figures.JobRow._make, rows), zone)
    orders = Order.objects.listed_for(user).filter(created_at__gte=start, created_at__lt=end).order_by()
    taken = orders.values_list(*figures.OrderRow._fields).iterator(chunk_size=AT_ONCE)
    figures.add_orders(found, map(figures.OrderRow._make, taken), zone)
    driven = Trip.objects.listed_for(user).filter(
        planned_start_date__gte=month.first, planned_start_date__lt=month.next.first, actual_start_datetime__isnull=False
    )
    trips = driven.values_list(
        "pk", "planned_start_date", "vehicle_id", "vehicle__license_plate", "actual_start_datetime", "actual_end_datetime",
        "driven_km", "km_source",
    )  # fmt: skip
    stops = TripStop.objects.filter(trip__in=driven.order_by().values("pk"), is_completed=True).in_order_of_arrival()
    reached = stops.values_list("trip_id", "stop__latitude", "stop__longitude").iterator(chunk_size=AT_ONCE)
    figures.add_trips(found, map(figures.TripRow._make, trips), (figures.StopRow(trip, _float(lat), _float(lng)) for trip, lat, lng in reached))
    return found, names_of(found.by_assistant.keys() | found.client_ids)


def _float(value: object) -> float | None:
    return None if value is None else float(str(value))
