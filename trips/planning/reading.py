"""Orders, vehicles and trips of the database as a problem for the solver, and how their places are numbered."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.conf import settings

from accounts.models import Company
from depannini_dashmap.lib.roads import routing
from fleet.models import Vehicle
from orders.models import Order, Stop
from trips.planning.day_clock import DayClock
from trips.planning.problem import A_DAY, HORIZON, Break, Half, Objective, PlanOrder, PlanVehicle, Problem, Window

Point = tuple[float, float]
NIGHT = 12 * 60 * 60
AFTER_LAST_WINDOW = 2 * 60 * 60
# What goods need of their vehicle by their type.
SKILL_OF_GOODS = {"refrigerated": "refrigerated", "hazmat": "hazmat", "oversized": "oversized"}
# The engine's answer to a table of hundreds of places; only a worker waits so long.
TABLE_SECONDS = 10.0


@dataclass
class Places:
    """The places of a problem, each once; `source` says where the ways between them come from."""

    points: list[Point] = field(default_factory=list)
    source: str = routing.STRAIGHT_LINE
    _numbers: dict[Point, int] = field(default_factory=dict)

    def number(self, latitude: Decimal | float | None, longitude: Decimal | float | None) -> int | None:
        """Return the number of a place, None where it has no coordinates."""
        if latitude is None or longitude is None:
            return None
        point = (float(latitude), float(longitude))
        if point not in self._numbers:
            self._numbers[point] = len(self.points)
            self.points.append(point)
        return self._numbers[point]

    def ways(self, *, within: float = TABLE_SECONDS) -> tuple[tuple[tuple[int | None, ...], ...], tuple[tuple[int | None, ...], ...]]:
        """Return whole seconds and whole metres from every place to every other."""
        table = routing.matrix(self.points, self.points, within=within)
        if any(leg.source == routing.ROAD for row in table for leg in row):
            self.source = routing.ROAD
        seconds = tuple(tuple(_whole(leg.duration_s) for leg in row) for row in table)
        metres = tuple(tuple(_whole(leg.distance_m) for leg in row) for row in table)
        return seconds, metres


def plan_order(order: Order, places: Places, begins: int, clock: DayClock) -> PlanOrder:
    """Return an order with both its stops as the solver takes it; `begins` is when trips begin, a clock time in seconds."""
    return PlanOrder(
        id=order.pk,
        pickup=_half(order.pickup_stop, places, begins, clock),
        delivery=_half(order.delivery_stop, places, begins, clock) or Half(None),
        kilograms=math.ceil(order.goods_weight or 0),
        litres=math.ceil((order.goods_volume or 0) * 1000),
        skills=skills_of(order),
        priority=order.priority,
    )


def skills_of(order: Order) -> frozenset[str]:
    """Return what an order needs of its vehicle: what its goods' type says, and what is asked for."""
    by_type = {SKILL_OF_GOODS[order.goods_type]} if order.goods_type in SKILL_OF_GOODS else set()
    return frozenset(by_type | set(order.required_skills or ()))


def plan_vehicle(
    vehicle: Vehicle, places: Places, *, clock: DayClock, starts_at: dt.time, depot: Point | None, is_trip: bool = False, home_by: int = HORIZON
) -> PlanVehicle:
    """Return a vehicle of the day; where it has no place of its own it starts and ends at the depot, without a shift it is home by `home_by`.

    A trip (`is_trip`) that starts in the small hours belongs to the shift that began the evening before.
    """
    home = places.number(*depot) if depot else None
    start = places.number(vehicle.start_latitude, vehicle.start_longitude)
    end = places.number(vehicle.end_latitude, vehicle.end_longitude)
    shift, begins = _span(vehicle.shift_start, vehicle.shift_end), _begins(vehicle, starts_at)
    if is_trip and shift and seconds_of(starts_at) <= shift[1] - A_DAY:
        shift, begins = (shift[0] - A_DAY, shift[1] - A_DAY), seconds_of(starts_at)
    rest = _rest(vehicle, shift, clock)
    ends = clock.passed(shift[1]) if shift else max(home_by, rest.closes + rest.seconds if rest and not is_trip else 0)
    return PlanVehicle(
        id=vehicle.pk,
        start=home if start is None else start,
        end=home if end is None else end,
        shift=(clock.passed(begins), ends),
        rest=rest if rest and (not is_trip or rest.opens <= ends) else None,
        kilograms=math.floor(vehicle.capacity * 1000),
        litres=None if vehicle.volume_capacity is None else math.floor(vehicle.volume_capacity * 1000),
        skills=frozenset(vehicle.skills or ()),
        most_stops=vehicle.max_stops,
        cost_fixed=math.ceil(vehicle.cost_fixed or 0),
        cost_per_hour=math.ceil(vehicle.cost_per_hour or 0),
        cost_per_km=math.ceil(vehicle.cost_per_km or 0),
    )


def build(
    orders: Iterable[Order],
    vehicles: Iterable[Vehicle],
    *,
    clock: DayClock,
    starts_at: dt.time,
    depot: Point | None,
    objective: Objective,
    time_limit: float,
) -> tuple[Problem, Places]:
    """Return the problem of a day and its places."""
    places, vehicles = Places(), list(vehicles)
    begins = min((_begins(vehicle, starts_at) for vehicle in vehicles), default=seconds_of(starts_at))
    plan_orders = tuple(plan_order(order, places, begins, clock) for order in orders)
    ends = day_ends(plan_orders, clock.passed(seconds_of(starts_at)))
    plan_vehicles = tuple(plan_vehicle(vehicle, places, clock=clock, starts_at=starts_at, depot=depot, home_by=ends) for vehicle in vehicles)
    seconds, metres = places.ways()
    return Problem(plan_orders, plan_vehicles, seconds, metres, objective, time_limit), places


def day_ends(orders: Iterable[PlanOrder], starts: int) -> int:
    """Return by when vehicles without a shift are home that start at a time: after the longest day, or a while after the last window has opened.

    Both are seconds that have passed since midnight.
    """
    windows = (window for order in orders for half in (order.pickup, order.delivery) if half is not None for window in half.windows)
    last = max((opens for opens, _closes in windows), default=0)
    return min(max(starts + int(settings.PLAN_LONGEST_DAY.total_seconds()), last + AFTER_LAST_WINDOW), HORIZON)


def _begins(vehicle: Vehicle, starts_at: dt.time) -> int:
    """Return the clock time at which a vehicle may begin: with its shift, and not before the plan."""
    shift = _span(vehicle.shift_start, vehicle.shift_end)
    return max(shift[0], seconds_of(starts_at)) if shift else seconds_of(starts_at)


def _half(stop: Stop | None, places: Places, begins: int, clock: DayClock) -> Half | None:
    if stop is None:
        return None
    service = stop.service_minutes
    return Half(
        places.number(stop.latitude, stop.longitude),
        windows_of(stop.windows, begins, clock),
        int(settings.ETA_SERVICE_TIME.total_seconds()) if service is None else service * 60,
    )


def windows_of(windows: Sequence[dict[str, Any]] | None, begins: int, clock: DayClock) -> tuple[Window, ...]:
    """Return the windows of a stop in seconds that have passed since midnight.

    One that is over when trips begin is that of the next day where it opens within the NIGHT that follows: trips that begin
    in the evening reach it.
    """
    spans = ((seconds_of(dt.time.fromisoformat(row["opens"])), seconds_of(dt.time.fromisoformat(row["closes"]))) for row in windows or ())
    return tuple(sorted(_passed(_after(span, begins, begins + NIGHT), clock) for span in spans))


def _after(span: Window, begins: int, until: int) -> Window:
    """Return a span that is over at `begins` a day later where it then opens by `until`; another one as it is."""
    opens, closes = span[0] + A_DAY, span[1] + A_DAY
    return (opens, closes) if span[1] < begins and opens <= until else span


def _rest(vehicle: Vehicle, shift: Window | None, clock: DayClock) -> Break | None:
    """Return the pause; that of a shift past midnight may be after it."""
    span = _span(vehicle.break_earliest, vehicle.break_latest)
    if span is None or not vehicle.break_minutes:
        return None
    return Break(*_passed(_after(span, *shift) if shift else span, clock), vehicle.break_minutes * 60)


def _span(first: dt.time | None, last: dt.time | None) -> Window | None:
    """Return two clock times as seconds; where the last is before the first it is of the next day."""
    if first is None or last is None:
        return None
    opens, closes = seconds_of(first), seconds_of(last)
    return opens, closes if closes >= opens else closes + A_DAY


def _passed(span: Window, clock: DayClock) -> Window:
    return clock.passed(span[0]), clock.passed(span[1])


def seconds_of(clock: dt.time) -> int:
    """Return a clock time in seconds since midnight."""
    return clock.hour * 3600 + clock.minute * 60 + clock.second


def _whole(amount: float | None) -> int | None:
    return None if amount is None else round(amount)


def depot_of(company: Company) -> Point | None:
    """Return where a company's vehicles start and end unless they have places of their own."""
    if company.depot_latitude is None or company.depot_longitude is None:
        return None
    return float(company.depot_latitude), float(company.depot_longitude)
