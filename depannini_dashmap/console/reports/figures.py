"""Sums and times of a month out of plain rows. No queries, no words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median
from typing import Any, NamedTuple

from depannini_dashmap.lib.geo import haversine_km


class JobRow(NamedTuple):
    """One request for help, as it is read."""

    created_at: dt.datetime
    accepted_at: dt.datetime | None
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    status: str
    reason: str
    distance_km: Decimal
    assistant_id: int | None
    client_id: int
    billed_to: str
    total_price: Decimal
    paid: Decimal | None
    way_km: float | None = None
    way_source: str = ""


class OrderRow(NamedTuple):
    """One order, as it is read."""

    created_at: dt.datetime
    status: str
    company_id: int
    customer_name: str
    customer_company: str
    price: Decimal | None
    paid: Decimal


class TripRow(NamedTuple):
    """One trip that was driven, as it is read."""

    pk: int
    day: dt.date
    vehicle_id: int
    plate: str
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    driven_km: float | None = None
    km_source: str = ""


class StopRow(NamedTuple):
    """One stop that was reached, as it is read: in the order in which its trip came there."""

    trip_id: int
    lat: float | None
    lng: float | None


@dataclass
class Sums:
    """What is counted of a group of jobs, orders or trips. Units: km, hours, minutes."""

    jobs: int = 0
    completed: int = 0
    canceled: int = 0
    orders: int = 0
    delivered: int = 0
    cancelled: int = 0
    trips: int = 0
    stops: int = 0
    km: float = 0.0
    recorded_km: float = 0.0
    road_km: float = 0.0
    hours: float = 0.0
    worth: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)
    answers: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    @property
    def straight_km(self) -> float:
        """The part of `km` that is straight lines: all that was neither recorded nor found by road."""
        return max(self.km - self.recorded_km - self.road_km, 0.0)

    @property
    def answer_min(self) -> float | None:
        """The middle time from asking for help until somebody accepted."""
        return median(self.answers) if self.answers else None

    @property
    def wait_min(self) -> float | None:
        """The middle time from asking for help until the assistant was there."""
        return median(self.waits) if self.waits else None

    def add_job(self, job: JobRow) -> None:
        """Count a job."""
        self.jobs += 1
        self.canceled += job.status == "canceled"
        if job.accepted_at:
            self.answers.append(minutes(job.created_at, job.accepted_at))
        if job.started_at:
            self.waits.append(minutes(job.created_at, job.started_at))
        if job.status == "completed":
            self.completed += 1
            km = float(job.distance_km) if job.way_km is None else job.way_km
            self.km += km
            self.road_km += km if job.way_source == "road" else 0.0
            self.worth += job.total_price
            self.paid += job.paid or 0
            if job.accepted_at and job.ended_at:
                self.hours += minutes(job.accepted_at, job.ended_at) / 60

    def add_order(self, order: OrderRow) -> None:
        """Count an order."""
        self.orders += 1
        self.cancelled += order.status == "cancelled"
        if order.status == "delivered":
            self.delivered += 1
            self.worth += order.price or 0
            self.paid += order.paid

    def add_trip(self, trip: TripRow, stops: int, straight_km: float) -> None:
        """Count a trip that was driven: what was measured, or straight lines until it is."""
        self.trips += 1
        self.stops += stops
        km = straight_km if trip.driven_km is None else trip.driven_km
        self.km += km
        if trip.km_source == "recorded":
            self.recorded_km += km
        elif trip.km_source == "road":
            self.road_km += km
        if trip.started_at and trip.ended_at:
            self.hours += minutes(trip.started_at, trip.ended_at) / 60


@dataclass
class Figures:
    """A month: all of it, and by day, assistant, vehicle, customer and reason. Keys are ids, names or days."""

    total_jobs: Sums = field(default_factory=Sums)
    total_orders: Sums = field(default_factory=Sums)
    total_trips: Sums = field(default_factory=Sums)
    by_day: dict[dt.date, Sums] = field(default_factory=dict)
    by_assistant: dict[int, Sums] = field(default_factory=dict)
    by_vehicle: dict[tuple[str, int], Sums] = field(default_factory=dict)
    by_customer: dict[tuple[Any, ...], Sums] = field(default_factory=dict)
    by_reason: dict[str, int] = field(default_factory=dict)

    @property
    def client_ids(self) -> set[int]:
        """The clients of jobs that nobody else pays for."""
        return {key[1] for key in self.by_customer if key[0] == "client"}


def month_of(days: Iterable[dt.date]) -> Figures:
    """Return the figures of a month in which nothing has happened yet."""
    return Figures(by_day={day: Sums() for day in days})


def add_jobs(figures: Figures, jobs: Iterable[JobRow], zone: dt.tzinfo) -> None:
    """Count jobs on the day on which they were asked for."""
    for job in jobs:
        customer = ("billed", job.billed_to) if job.billed_to else ("client", job.client_id)
        groups = [figures.total_jobs, figures.by_customer.setdefault(customer, Sums())]
        if job.assistant_id:
            groups.append(figures.by_assistant.setdefault(job.assistant_id, Sums()))
        if day := figures.by_day.get(job.created_at.astimezone(zone).date()):
            groups.append(day)
        for sums in groups:
            sums.add_job(job)
        if job.status == "canceled":
            figures.by_reason[job.reason] = figures.by_reason.get(job.reason, 0) + 1


def add_orders(figures: Figures, orders: Iterable[OrderRow], zone: dt.tzinfo) -> None:
    """Count orders on the day on which they were taken."""
    for order in orders:
        customer = ("order", order.company_id, order.customer_company or order.customer_name)
        groups = [figures.total_orders, figures.by_customer.setdefault(customer, Sums())]
        if day := figures.by_day.get(order.created_at.astimezone(zone).date()):
            groups.append(day)
        for sums in groups:
            sums.add_order(order)


def add_trips(figures: Figures, trips: Iterable[TripRow], stops: Iterable[StopRow]) -> None:
    """Count trips on the day for which they were planned; kilometres of those that are not measured are straight lines between the stops that were reached."""
    reached, km, last = {}, {}, {}
    for stop in stops:
        reached[stop.trip_id] = reached.get(stop.trip_id, 0) + 1
        if stop.lat is None or stop.lng is None:
            continue
        before = last.get(stop.trip_id)
        if before is not None:
            km[stop.trip_id] = km.get(stop.trip_id, 0.0) + haversine_km(*before, stop.lat, stop.lng)
        last[stop.trip_id] = (stop.lat, stop.lng)
    for trip in trips:
        groups = [figures.total_trips, figures.by_vehicle.setdefault((trip.plate, trip.vehicle_id), Sums())]
        if day := figures.by_day.get(trip.day):
            groups.append(day)
        for sums in groups:
            sums.add_trip(trip, reached.get(trip.pk, 0), km.get(trip.pk, 0.0))


def minutes(start: dt.datetime, end: dt.datetime) -> float:
    """Return the minutes between two instants, none below zero."""
    return max((end - start).total_seconds() / 60, 0)
