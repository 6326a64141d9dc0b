"""What the planning page shows as plain values: vehicles, their open trips of a day with stops, and the orders that wait. Four queries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.db.models import Case, Q, When

from accounts.models import Company
from depannini_dashmap.lib.time_zone import display_zone
from fleet.models import Vehicle
from orders.models import Order
from trips.arrangement_preview import OWN, held_rows, version_of
from trips.lifecycle import IN_PROGRESS
from trips.models import Trip, TripStop
from trips.planning.reading import SKILL_OF_GOODS
from trips.steps.driver_links import channel_to_driver

MOST_WAITING = 500
MOST_LANES = 200
_PLACE = ("name", "latitude", "longitude", "windows")
_ORDER = ("pk", "order_number", "customer_name", "goods_weight", "goods_volume", "goods_type", "required_skills", "priority", "requested_pickup_date")
_ENDS = tuple(f"{end}_stop__{name}" for end in ("pickup", "delivery") for name in _PLACE)
_VEHICLE = (
    "pk", "license_plate", "driver_name", "driver_email", "driver_phone", "capacity", "volume_capacity", "skills", "shift_start", "shift_end", "is_active",
)  # fmt: skip
_TRIP = ("pk", "vehicle_id", "name", "status", "planned_start_date", "planned_start_time", "driver_told", "notified_at")
_STOP = (
    "pk", "trip_id", "order_id", "is_held", "is_completed", "failed", "actual_arrival_datetime", "arrival_is_suggested",
    "planned_arrival_time", "planned_arrival_date", "stop__stop_type",
)  # fmt: skip


def read_state(company: Company, day: dt.date, *, now: dt.datetime) -> dict[str, Any]:
    """Read a company's day; trips under way are shown today, whatever day they were planned for."""
    is_today = day == now.astimezone(display_zone()).date()
    of_day = Q(planned_start_date=day) | (Q(status=IN_PROGRESS) if is_today else Q())
    rows = Trip.objects.open().filter(of_day, company=company).with_driver_told()
    trips = list(rows.order_by("planned_start_date", "planned_start_time", "pk").values(*_TRIP))
    stops = _stops([trip["pk"] for trip in trips])
    found = _vehicles(company, {trip["vehicle_id"] for trip in trips})
    vehicles = sorted(found[:MOST_LANES], key=lambda row: (row["license_plate"], row["pk"]))
    with_lane = {row["pk"] for row in vehicles}
    waiting = Order.objects.available_for_trip().filter(company=company, pickup_stop__isnull=False, delivery_stop__isnull=False)
    shown = list(waiting.order_by("-priority", "created_at", "pk").values(*_ORDER, *_ENDS)[: MOST_WAITING + 1])
    orders = {row["pk"]: _order(row, "") for row in shown[:MOST_WAITING]}
    waiting_ids = list(orders)
    for row in (row for of_trip in stops.values() for row in of_trip):
        if row["order_id"] is not None and row["is_held"]:
            orders.setdefault(row["order_id"], _order(row, "order__"))
    return {
        "company": company.pk,
        "day": day.isoformat(),
        "vehicles": [_vehicle(row) for row in vehicles],
        "are_lanes_cut": len(found) > MOST_LANES,
        "trips": [_trip(row, stops.get(row["pk"], [])) for row in trips if row["vehicle_id"] in with_lane],
        "orders": orders,
        "waiting": waiting_ids,
        "is_cut": len(shown) > MOST_WAITING,
    }


def _vehicles(company: Company, used: set[int]) -> list[dict[str, Any]]:
    """Read one vehicle more than there are lanes; those with trips come first, so that others are cut before them."""
    rows = Vehicle.objects.filter(Q(company=company, is_active=True, deleted_at=None) | Q(pk__in=used))
    by_use = Case(When(pk__in=used, then=0), default=1)
    return list(rows.order_by(by_use, "license_plate", "pk").values(*_VEHICLE)[: MOST_LANES + 1])


def _stops(trip_ids: list[int]) -> dict[int, list[dict[str, Any]]]:
    columns = (*_STOP, *(f"stop__{name}" for name in _PLACE), *(f"order__{name}" for name in (*_ORDER, *_ENDS)))
    rows = TripStop.objects.filter(trip_id__in=trip_ids).annotate(is_held=held_rows()).order_by("trip_id", "sequence")
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows.values(*columns):
        found.setdefault(row["trip_id"], []).append(row)
    return found


def _vehicle(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["pk"],
        "plate": row["license_plate"],
        "driver": row["driver_name"],
        "kilograms": int(row["capacity"] * 1000),
        "litres": None if row["volume_capacity"] is None else int(row["volume_capacity"] * 1000),
        "skills": row["skills"] or [],
        "shift": [_clock(row["shift_start"]), _clock(row["shift_end"])] if row["shift_start"] else None,
        "is_reached": bool(channel_to_driver(Vehicle(driver_email=row["driver_email"], driver_phone=row["driver_phone"]))[0]),
        "is_active": row["is_active"],
    }


def _trip(row: dict[str, Any], stops: list[dict[str, Any]]) -> dict[str, Any]:
    trip = Trip(vehicle_id=row["vehicle_id"], planned_start_date=row["planned_start_date"], planned_start_time=row["planned_start_time"])
    return {
        "id": row["pk"],
        "vehicle": row["vehicle_id"],
        "name": row["name"],
        "status": row["status"],
        "day": row["planned_start_date"].isoformat(),
        "starts": _clock(row["planned_start_time"]),
        "version": version_of((stop["pk"] for stop in stops), trip),
        "is_told": row["driver_told"],
        "was_told": row["notified_at"] is not None,
        "stops": [_stop(stop) for stop in stops],
    }


def _stop(row: dict[str, Any]) -> dict[str, Any]:
    is_of_order = row["order_id"] is not None and row["is_held"]
    has_arrived = row["actual_arrival_datetime"] is not None and not row["arrival_is_suggested"]
    state = "done" if row["is_completed"] else "failed" if row["failed"] else "arrived" if has_arrived else "open"
    return {
        "ref": [row["stop__stop_type"], row["order_id"]] if is_of_order else [OWN, row["pk"]],
        "kind": row["stop__stop_type"],
        "state": state,
        "due": _clock(row["planned_arrival_time"]),
        **_place(row, "stop__"),
    }


def _order(row: dict[str, Any], before: str) -> dict[str, Any]:
    of = {name: row[f"{before}{name}"] for name in _ORDER}
    by_type = [SKILL_OF_GOODS[of["goods_type"]]] if of["goods_type"] in SKILL_OF_GOODS else []
    return {
        "number": of["order_number"],
        "customer": of["customer_name"],
        "kilograms": float(of["goods_weight"] or 0),
        "litres": float(of["goods_volume"] or 0) * 1000,
        "skills": sorted({*by_type, *(of["required_skills"] or ())}),
        "priority": of["priority"],
        "wanted": of["requested_pickup_date"] and of["requested_pickup_date"].isoformat(),
        "pickup": _place(row, f"{before}pickup_stop__"),
        "delivery": _place(row, f"{before}delivery_stop__"),
    }


def _place(row: dict[str, Any], before: str) -> dict[str, Any]:
    latitude, longitude = row[f"{before}latitude"], row[f"{before}longitude"]
    return {
        "name": row[f"{before}name"],
        "at": None if latitude is None or longitude is None else [float(latitude), float(longitude)],
        "hours": _hours(row[f"{before}windows"] or ()),
    }


def _hours(windows: Iterable[dict[str, str]]) -> str:
    return ", ".join(f"{row['opens'][:5]}–{row['closes'][:5]}" for row in windows)


def _clock(time: dt.time | None) -> str:
    return "" if time is None else f"{time:%H:%M}"
