"""Which vehicles have stopped reporting."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from fleet.models import Vehicle
from telematics.models import Device
from trips.models import Trip


def silent(vehicles: QuerySet[Vehicle], now: dt.datetime) -> QuerySet[Vehicle]:
    """Keep the vehicles that stopped reporting, and those under way that never did; a parked one's heartbeat is enough.

    Annotates `on_trip`: whether the vehicle is under way.
    """
    running = Trip.objects.running().filter(vehicle_id=OuterRef("pk"))
    vehicles = vehicles.alive().filter(is_active=True).annotate(on_trip=Exists(running))
    since = now - settings.VEHICLE_SILENT_AFTER
    in_contact = Exists(Device.objects.in_contact_since(since).filter(vehicle_id=OuterRef("pk")))
    went_silent = Q(latest_position__timestamp__lt=since)
    return vehicles.filter(went_silent | Q(latest_position__isnull=True, on_trip=True)).exclude(in_contact)
