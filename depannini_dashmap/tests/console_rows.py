"""Vehicles, orders, trips and requests for tests of the console's pages."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.test import Client
from django.utils import timezone

from assistance.models import Assistance
from depannini_dashmap.lib.time_zone import format_utc
from fleet.services import create_vehicle
from orders.models import Order
from orders.services import create_order
from orders.stops import StopInput
from telematics.services.positions import record_position
from trips.models import Trip
from trips.services.stop_lists import add_order
from trips.services.trips import create_trip

EVIL = "<img src=x onerror=alert(1)>"


def make_vehicle(actor: Any, company: Any, plate: str = "16-1") -> Any:
    fields = {"make": "Renault", "model": "Master", "year": 2020, "capacity": 3, "driver_email": "ali@example.com"}
    return create_vehicle(actor=actor, company=company, license_plate=plate, **fields)


def make_order(actor: Any, company: Any, customer: str = "Pharmacie") -> Order:
    stop = {"address": "Alger", "latitude": "36.75", "longitude": "3.05"}
    return create_order(
        actor=actor,
        company=company,
        customer_name=customer,
        goods_description="boxes",
        pickup_stop=StopInput(fields={"name": "Port", **stop}),
        delivery_stop=StopInput(fields={"name": "Poste", **stop}),
    )


def make_trip(actor: Any, vehicle: Any, name: str = "Tour", orders: tuple[Order, ...] = ()) -> Trip:
    here = timezone.localtime(timezone=ZoneInfo(settings.DISPLAY_TIME_ZONE))  # whose day it is on the board
    trip = create_trip(
        actor=actor, vehicle=vehicle, name=name, planned_start_date=here.date(), planned_start_time=here.time()
    )
    for order in orders:
        add_order(actor=actor, trip_id=trip.pk, order=order)
    return trip


def report_position(actor: Any, vehicle: Any, seconds_ago: int = 0) -> None:
    """Report a vehicle about 9 km east of every stop, which are 17 minutes at the assumed pace."""
    at = format_utc(timezone.now() - dt.timedelta(seconds=seconds_ago))
    place = {"latitude": 36.75, "longitude": 3.15, "speed": 40, "heading": 270}
    record_position(actor=actor, raw={"vehicle_id": vehicle.pk, "timestamp": at, **place})


def make_request(client_user: Any) -> Assistance:
    now = timezone.now()
    return Assistance.objects.create(
        client=client_user,
        pickup_lat=36.75,
        pickup_lng=3.05,
        assistance_type="towing",
        currency="DZD",
        radius_km=10,
        expires_at=now + dt.timedelta(minutes=15),
    )


def signed_in(user: Any) -> Client:
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return browser
