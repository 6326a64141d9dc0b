"""Trackers and phones that write positions of one vehicle: making, ending and recognising them."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from depannini_dashmap.lib import audit, errors
from fleet.models import Vehicle
from telematics.models import Device
from telematics.protocols import Message
from telematics.services import READ_ONLY, UNKNOWN_VEHICLE, record_fix_of
from telematics.vehicles import storable, tracked, tracked_vehicles, visible_ids

if TYPE_CHECKING:
    from accounts.models import User

KEY_BYTES = 18
LONGEST_KEY = 100


def make_device(*, actor: User, vehicle_id: int, name: str = "") -> tuple[Device, str]:
    """Let a new device write positions of a vehicle; gives it and its key, which is not kept.

    Raises: InvalidData for a vehicle that is not the actor's; Forbidden for a viewer.
    """
    vehicle = Vehicle.objects.alive().editable_by(actor).filter(pk__in=storable({vehicle_id})).first()
    if vehicle is None:
        if visible_ids(actor, {vehicle_id}):
            raise errors.Forbidden(READ_ONLY)
        raise errors.InvalidData(UNKNOWN_VEHICLE, fields={"vehicle_id": [UNKNOWN_VEHICLE]})
    key = secrets.token_urlsafe(KEY_BYTES)
    with transaction.atomic():
        device = Device.objects.create(vehicle=vehicle, name=name, key_digest=digest_of(key))
        audit.record("device_made", actor=actor, target=device, vehicle_id=vehicle.pk)
    return device, key


def end_device(*, actor: User, device_id: int) -> None:
    """End a device's right to write, for good. Raises: NotFound; Forbidden for a viewer."""
    own = Device.objects.visible_to(actor).working().filter(pk=device_id)
    if not own.exists():
        raise errors.NotFound("Device")
    with transaction.atomic():
        device = own.editable_by(actor).select_for_update(of=("self",)).first()
        if device is None:
            raise errors.Forbidden(READ_ONLY)
        device.ended_at = timezone.now()
        device.save(update_fields=["ended_at"])
        audit.record("device_ended", actor=actor, target=device, vehicle_id=device.vehicle_id)


def hear(message: Message) -> bool:
    """Record what a device says; returns whether it was a new position.

    Effects: those of record_position. Raises: Unauthenticated for a key that is no working device's; InvalidData.
    """
    device = None
    if 0 < len(message.key) <= LONGEST_KEY:
        device = Device.objects.working().filter(key_digest=digest_of(message.key)).only("vehicle_id").first()
    if device is None:
        raise errors.Unauthenticated()
    if message.position is None:
        return False
    vehicles = tracked_vehicles(tracked(Vehicle.objects.alive().filter(pk=device.vehicle_id)))
    if device.vehicle_id not in vehicles:
        raise errors.Unauthenticated()
    return record_fix_of(vehicles[device.vehicle_id], message.position)[1]


def digest_of(key: str) -> str:
    """Give what is stored of a key: it is random enough to need no salt."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
