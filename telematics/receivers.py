"""Receivers of the signals of lower apps for devices; each is one service call."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from fleet.models import Vehicle
from fleet.signals import vehicle_leaving
from telematics.services.devices import end_devices_of


@receiver(vehicle_leaving, dispatch_uid="telematics.end_devices")
def end_devices(vehicle: Vehicle, reason: str, **_: Any) -> None:
    """Let the keys of a vehicle that goes to another company write no more."""
    if reason == "moved":
        end_devices_of(actor=None, vehicle=vehicle)
