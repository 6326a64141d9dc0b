"""What the customer of an order is shown: how it stands, what happened, and where the vehicle is once it comes to them. Changes nothing.

Nothing of other orders is here: a vehicle is shown from when the customer's is the next open stop, and never while it is at the
stop of somebody else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Exists, OuterRef

from depannini_dashmap.lib.geo import haversine_km
from depannini_dashmap.lib.time_zone import display_zone, instant_of
from fleet.models import Vehicle
from orders.customer_links import status_since
from orders.models import Order
from trips import eta, itinerary
from trips.expected_arrivals import expected_stops
from trips.lifecycle import IN_PROGRESS, PLANNED
from trips.models import StopProof, Trip, TripOrder, TripStop
from trips.sequencing import DELIVERY, PICKUP
from trips.steps.driver_links import end_of_next_day

ORDERED, SCHEDULED, ON_THE_ROAD, EN_ROUTE, ARRIVED = "ordered", "scheduled", "on_the_road", "en_route", "arrived"
DELIVERED, FAILED, CANCELLED = "delivered", "failed", "cancelled"
COMING = (EN_ROUTE, ARRIVED)
_PRIVATE_KM = 0.3  # around the stops of others


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the order: which, and when."""

    kind: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Fix:
    """Where the vehicle was, and when."""

    lat: float
    lng: float
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Tracking:
    """An order as its customer sees it; `due_on` and `due_at` as planned, `delivery` the stop that is, or was, to be theirs."""

    state: str
    events: list[Event]
    ended_at: dt.datetime | None = None
    due_on: dt.date | None = None
    due_at: dt.datetime | None = None
    arrival: eta.Arrival | None = None
    fix: Fix | None = None
    driver: str = ""
    vehicle: str = ""
    delivery: TripStop | None = None

    @property
    def proof(self) -> StopProof | None:
        """What proves the delivery, once it is done."""
        return getattr(self.delivery, "proof", None) if self.state == DELIVERED else None


@dataclass(frozen=True, slots=True)
class _Held:
    """An order's stops in the trip that holds it."""

    trip: Trip
    pickup: TripStop | None
    delivery: TripStop | None


def track(order: Order, now: dt.datetime) -> Tracking:
    """Return how an order stands; at most five queries and one request to the road engine, for any trip."""
    rows = _rows(order)
    held = _held([row for row in rows if row.is_of_live_trip])  # type: ignore[attr-defined]
    state = _state(order, rows, held)
    delivery = held.delivery if held else None
    ended_at = _ended_at(order, state, delivery)
    found: dict[str, Any] = {"events": _events(order, rows, held, state, ended_at), "delivery": delivery, "ended_at": ended_at}
    if state == SCHEDULED and held and delivery:
        found |= _planned(held.trip, delivery)
    if state == ON_THE_ROAD and held and delivery and _is_today(held.trip, delivery, now):
        state, live = _live(held.trip, delivery, now)
        found |= live
    if state in COMING and held:
        found |= {"driver": _first_name(held.trip), "vehicle": _vehicle(held.trip)}
    return Tracking(state=state, **found)


def _rows(order: Order) -> list[TripStop]:
    live = TripOrder.objects.live().filter(trip_id=OuterRef("trip_id"), order_id=OuterRef("order_id"))
    rows = TripStop.objects.filter(order=order).annotate(is_of_live_trip=Exists(live))
    related = ("stop", "proof", "trip__vehicle__latest_position")
    return list(rows.select_related(*related).order_by("trip_id", "sequence"))


def _held(rows: Sequence[TripStop]) -> _Held | None:
    if not rows:
        return None
    of_kind = {row.stop.stop_type: row for row in rows}
    return _Held(rows[0].trip, of_kind.get(PICKUP), of_kind.get(DELIVERY))


def _state(order: Order, rows: Sequence[TripStop], held: _Held | None) -> str:
    if order.status in (Order.Status.DELIVERED, Order.Status.CANCELLED):
        return str(order.status)
    if held is None:
        return FAILED if rows and rows[-1].failed else ON_THE_ROAD if order.status == Order.Status.IN_TRANSIT else ORDERED
    if any(row and row.failed for row in (held.pickup, held.delivery)):
        return FAILED
    return {IN_PROGRESS: ON_THE_ROAD, PLANNED: SCHEDULED}.get(held.trip.status, ORDERED)


def _events(order: Order, rows: Sequence[TripStop], held: _Held | None, state: str, ended_at: dt.datetime | None) -> list[Event]:
    found = [Event(ORDERED, order.created_at)]
    if held and held.pickup and held.pickup.is_completed and held.pickup.actual_departure_datetime:
        found.append(Event("picked_up", held.pickup.actual_departure_datetime))
    found += [Event(FAILED, row.failed_at) for row in rows if row.failed_at and row.stop.stop_type == DELIVERY]
    delivery = held.delivery if held else None
    if delivery and delivery.actual_arrival_datetime and delivery.has_arrived and not delivery.failed:
        found.append(Event(ARRIVED, delivery.actual_arrival_datetime))
    if ended_at is not None:
        found.append(Event(state, ended_at))
    return sorted(found, key=lambda event: event.at)


def _ended_at(order: Order, state: str, delivery: TripStop | None) -> dt.datetime | None:
    if state not in (DELIVERED, CANCELLED):
        return None
    left = delivery.actual_departure_datetime if delivery and state == DELIVERED else None
    return left or status_since(order)


def _planned(trip: Trip, delivery: TripStop) -> dict[str, Any]:
    """Return the planned day, and the instant where the stop has a clock time."""
    clock = delivery.planned_arrival_time
    if clock is None:
        return {"due_on": delivery.planned_arrival_date or trip.planned_start_date}
    due = itinerary.due_at(trip.planned_start, clock, delivery.planned_arrival_date)
    return {"due_on": due.date(), "due_at": instant_of(due, display_zone())}


def _is_today(trip: Trip, delivery: TripStop, now: dt.datetime) -> bool:
    """Return whether a running trip's day, or the one after it, is still on: one that nobody ended shows nothing live."""
    return now < end_of_next_day(trip, delivery.planned_arrival_date, trip.actual_start_datetime)


# --- Live -----------------------------------------------------------------------------------------------------------------
_COLUMNS = ("trip_id", "sequence", "is_completed", "failed", "actual_arrival_datetime", "actual_departure_datetime", "arrival_is_suggested", "failed_at")
_PLACE = ("stop__latitude", "stop__longitude")


def _live(trip: Trip, delivery: TripStop, now: dt.datetime) -> tuple[str, dict[str, Any]]:
    """Return the state of an order in a running trip, and what may be shown of it now."""
    stops = list(TripStop.objects.filter(trip=trip).select_related("stop").only(*_COLUMNS, *_PLACE).order_by("sequence"))
    ahead = {stop.stop_id: stop.arrival for stop in expected_stops([trip.pk], now).get(trip.pk, [])}
    arrival = ahead.get(delivery.pk)
    if not _is_next(stops, delivery):
        return ON_THE_ROAD, {"arrival": arrival}
    others = [stop for stop in stops if stop.pk != delivery.pk]
    return ARRIVED if delivery.has_arrived else EN_ROUTE, {"arrival": arrival, "fix": _fix(trip, delivery, others, now)}


def _is_next(stops: Sequence[TripStop], delivery: TripStop) -> bool:
    """Return whether a stop is the first open one, and the driver is at no other that is still open."""
    still_open = [stop for stop in stops if not stop.is_closed]
    if not still_open or still_open[0].pk != delivery.pk:
        return False
    return not any(stop.has_arrived and not stop.actual_departure_datetime for stop in still_open[1:])


def _fix(trip: Trip, delivery: TripStop, others: Sequence[TripStop], now: dt.datetime) -> Fix | None:
    """Return where the vehicle is, unless that is old, from before it left the last stop, or at somebody else's place."""
    vehicle = trip.vehicle
    try:
        latest = vehicle.latest_position
    except ObjectDoesNotExist:
        return None
    if vehicle.company_id != trip.company_id or now - latest.timestamp > settings.ETA_MAX_FIX_AGE:
        return None
    here = (latest.latitude, latest.longitude)
    left = [(at, stop) for stop in others if (at := _left_at(stop)) is not None]
    if left:
        at, last = max(left, key=lambda row: row[0])
        if latest.timestamp < at or (_place(last) is None and _is_still_there(vehicle, here, at)):
            return None
    if not _is_near(here, _place(delivery)) and any(_is_near(here, _place(stop)) for stop in others):
        return None
    return Fix(round(latest.latitude, 5), round(latest.longitude, 5), latest.timestamp)


def _left_at(stop: TripStop) -> dt.datetime | None:
    """Return when a stop was left; of one that failed nobody says so, and the vehicle was there until then at least."""
    return max(filter(None, (stop.actual_departure_datetime, stop.failed_at)), default=None)


def _is_still_there(vehicle: Vehicle, here: itinerary.Point, at: dt.datetime) -> bool:
    """Return whether a vehicle may still be where it was at an instant, as far as positions tell: the stop itself has no place."""
    before = vehicle.positions.filter(timestamp__lte=at).order_by("-timestamp").values_list("latitude", "longitude").first()
    return before is None or _is_near(here, before)


def _place(row: TripStop) -> itinerary.Point | None:
    latitude, longitude = row.stop.latitude, row.stop.longitude
    return None if latitude is None or longitude is None else (float(latitude), float(longitude))


def _is_near(here: itinerary.Point, place: itinerary.Point | None) -> bool:
    return place is not None and haversine_km(*here, *place) < _PRIVATE_KM


def _first_name(trip: Trip) -> str:
    return (trip.driver_name.split() or [""])[0]


def _vehicle(trip: Trip) -> str:
    vehicle = trip.vehicle
    return " ".join(part for part in (vehicle.make, vehicle.model) if part) if vehicle.company_id == trip.company_id else ""
