"""The open stops of a trip as input of the solver, and the times that a sequence of them yields. Nothing is stored here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from depannini_dashmap.lib.errors import InvalidData
from trips.lifecycle import IN_PROGRESS
from trips.models import Trip, TripStop
from trips.planning import engine
from trips.planning.day_clock import DayClock, clock_of
from trips.planning.problem import Half, Objective, PlanOrder, PlanVehicle, Problem, Route, Visit
from trips.planning.reading import Places, depot_of, plan_order, plan_vehicle, seconds_of, windows_of
from trips.planning.schedule import Schedule, schedule
from trips.sequencing import DELIVERY, PICKUP

SOLVE_SECONDS = 2
FIX_IS_FRESH = dt.timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The open stops of a trip in an order, on the clock of the trip's day; ids are trip stops'."""

    clock: DayClock
    ids: list[int | None]  # of the calls; None for the pause
    schedule: Schedule
    source: str
    stop_of_order: dict[int, int]

    def as_json(self) -> dict[str, Any]:
        """Return stops with times in UTC, legs, loads, and what the order breaks by name."""
        return {
            "source": self.source,
            "starts_at": self._at(self.schedule.starts),
            "ends_at": self._at(self.schedule.ends),
            "driving_seconds": self.schedule.seconds,
            "metres": self.schedule.metres,
            "stops": [
                {
                    "id": pk,
                    "kind": call.visit.kind,
                    "eta": self._at(call.arrival),
                    "wait": call.wait,
                    "service": call.service,
                    "leg_seconds": call.leg_seconds,
                    "leg_metres": call.leg_metres,
                    "kilograms": call.kilograms,
                    "litres": call.litres,
                }
                for pk, call in zip(self.ids, self.schedule.calls, strict=True)
            ],
            "violations": [{**asdict(row), "stop": self.stop_of_order.get(row.order or 0)} for row in self.schedule.violations],
        }

    def _at(self, seconds: int) -> str:
        return self.clock.instant(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def rows_of(trip: Trip) -> list[TripStop]:
    """Return what a trip visits, in sequence."""
    rows = TripStop.objects.filter(trip=trip).select_related("stop", "order__pickup_stop", "order__delivery_stop")
    return list(rows.order_by("sequence"))


class OpenStops:
    """The open stops of a trip as input of the solver. Trip and rows may be unsaved; rows have ids. Asks the database nothing.

    `visited` are the trip's rows as they are, where `rows` are others; the vehicle comes with its `latest_position`.
    """

    def __init__(self, trip: Trip, rows: Sequence[TripStop], places: Places | None = None, *, visited: Sequence[TripStop] | None = None) -> None:
        self.trip = trip
        self.open_rows = [row for row in rows if not row.is_closed]
        self.visited = rows if visited is None else visited
        self.places = Places() if places is None else places
        self.begins = seconds_of(trip.planned_start_time)
        self.clock = clock_of(trip.planned_start_date)
        self.visit_of: dict[int, Visit] = {}
        self.orders = self._orders()
        self.vehicle = self._vehicle()
        self.row_of = {(visit.order, visit.kind): pk for pk, visit in self.visit_of.items()}

    @cached_property
    def problem(self) -> Problem:
        """The trip alone, with the ways between its places."""
        seconds, metres = self.places.ways(within=1.0)
        return Problem(tuple(self.orders), (self.vehicle,), seconds, metres, Objective.TIME, SOLVE_SECONDS)

    def order_of(self, stop_ids: Sequence[int]) -> list[int]:
        """Return all open stops: where the vehicle is, then the named ones in their order, then the others."""
        present = [row.pk for row in self.open_rows]
        if len(set(stop_ids)) < len(stop_ids) or not set(stop_ids) <= set(present):
            raise InvalidData(fields={"stops": [_("Name open stops of this trip, each once.")]})
        here = [row.pk for row in self.open_rows if row.has_arrived]
        return list(dict.fromkeys([*here, *stop_ids, *present]))

    def evaluation(self, ids: Sequence[int]) -> Evaluation:
        """Put stops on the clock; the pause, if the vehicle has one, where it breaks and delays least."""
        visits = [self.visit_of[pk] for pk in ids]
        routes = [Route(self.trip.vehicle_id, tuple(visits))]
        if self.problem.vehicles[0].rest and visits:
            routes = [Route(self.trip.vehicle_id, (*visits[:at], Visit("break"), *visits[at:])) for at in range(len(visits) + 1)]
        timed = min((schedule(self.problem, route) for route in routes), key=lambda row: (len(row.violations), row.ends))
        names = [None if call.visit.order is None else self.row_of[call.visit.order, call.visit.kind] for call in timed.calls]
        by_order = {order: pk for (order, _kind), pk in self.row_of.items() if order is not None}
        return Evaluation(self.clock, names, timed, self.places.source, by_order)

    def best_order(self) -> list[int]:
        """Return the open stops in the best order found."""
        if len(self.open_rows) < 2:
            return [row.pk for row in self.open_rows]
        found = engine.solve_routable(self.problem, longest_wait=engine.WAIT_OF_A_REQUEST)
        if found.unassigned:
            free = tuple(replace(order, pickup=_anytime(order.pickup), delivery=_anytime(order.delivery)) for order in self.problem.orders)
            vehicle = replace(self.problem.vehicles[0], rest=None, most_stops=None, kilograms=None, litres=None)
            again = replace(self.problem, orders=free, vehicles=(vehicle,))
            found = engine.solve_routable(again, longest_wait=engine.WAIT_OF_A_REQUEST)
        visits = [visit for route in found.routes for visit in route.visits if visit.order is not None]
        ids = [self.row_of[visit.order, visit.kind] for visit in visits]
        return self.order_of(ids)

    def _orders(self) -> list[PlanOrder]:
        halves: dict[int, dict[str, TripStop]] = {}
        for row in self.open_rows:
            if row.order_id is not None:
                halves.setdefault(row.order_id, {})[row.stop.stop_type] = row
        orders = []
        for row in self.open_rows:
            pair = halves.get(row.order_id, {}) if row.order_id else {}
            if row.order is not None and row.stop.stop_type == PICKUP and DELIVERY in pair:
                orders.append(plan_order(row.order, self.places, self.begins, self.clock))
                self.visit_of[row.pk] = Visit("pickup", row.order.pk)
            elif row.order is not None and row.stop.stop_type == DELIVERY:
                if PICKUP not in pair:  # on board already
                    orders.append(replace(plan_order(row.order, self.places, self.begins, self.clock), pickup=None, vehicle=self.trip.vehicle_id))
                self.visit_of[row.pk] = Visit("delivery", row.order.pk)
            else:
                orders.append(PlanOrder(-row.pk, None, self._call(row), vehicle=self.trip.vehicle_id))
                self.visit_of[row.pk] = Visit("delivery", -row.pk)
        return orders

    def _call(self, row: TripStop) -> Half:
        """Return a stop that belongs to no whole order as a place to call at."""
        minutes = row.stop.service_minutes
        service = int(settings.ETA_SERVICE_TIME.total_seconds()) if minutes is None else minutes * 60
        return Half(self.places.number(row.stop.latitude, row.stop.longitude), windows_of(row.stop.windows, self.begins, self.clock), service)

    def _vehicle(self) -> PlanVehicle:
        trip = self.trip
        vehicle = plan_vehicle(
            trip.vehicle, self.places, clock=self.clock, starts_at=trip.planned_start_time, depot=depot_of(trip.company), is_trip=True
        )
        if self.trip.status != IN_PROGRESS:
            return vehicle
        now = timezone.now()
        fix = getattr(self.trip.vehicle, "latest_position", None)
        start = None
        if fix is not None and now - fix.timestamp <= FIX_IS_FRESH:
            start = self.places.number(fix.latitude, fix.longitude)
        elif (last := self._last_reached()) is not None:
            start = self.places.number(last.stop.latitude, last.stop.longitude)
        begins = max(int((now - self.clock.instant(0)).total_seconds()), 0)
        return replace(vehicle, start=start, shift=(begins, max(vehicle.shift[1], begins)), rest=None)

    def _last_reached(self) -> TripStop | None:
        """Return the stop on the map that was reached last."""
        times = [(row.actual_arrival_datetime, row.pk, row) for row in self.visited if row.actual_arrival_datetime and row.stop.latitude is not None]
        return max(times)[2] if times else None


def _anytime(half: Half | None) -> Any:
    return half and replace(half, windows=())
