"""Trackers, phones and forwarding servers that write positions: making and ending them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from accounts.models import Company
from depannini_dashmap.lib import errors
from depannini_dashmap.lib.ops import audit
from fleet.default_company import company_for
from fleet.models import Vehicle
from telematics.device_keys import digest_of
from telematics.models import Device, Forwarder
from telematics.services.positions import READ_ONLY, UNKNOWN_VEHICLE
from telematics.vehicle_lookup import storable, visible_ids

if TYPE_CHECKING:
    from accounts.models import User

KEY_BYTES = 18


def make_device(
    *, actor: User, vehicle_id: int, name: str = "", app: str = Device.App.OTHER, external_id: str = ""
) -> tuple[Device, str]:
    """Let a new device write positions of a vehicle; return it and its key, which is not kept.

    With an `external_id` (IMEI or a tracker's name, unique in the company) it has no key: a forwarder speaks for it.
    Raises: InvalidData for a vehicle that is not the actor's, or an id that another vehicle has; Forbidden for a viewer.
    """
    external_id = external_id.strip()
    key = "" if external_id else secrets.token_urlsafe(KEY_BYTES)
    fields = {"name": name, "app": Device.App.FORWARDED if external_id else app, "external_id": external_id}
    with transaction.atomic():
        vehicle = _held_vehicle(actor, vehicle_id)
        try:
            with transaction.atomic():
                device = Device.objects.create(
                    vehicle=vehicle, company_id=vehicle.company_id, key_digest=digest_of(key) if key else None, **fields
                )
        except IntegrityError as error:
            raise errors.InvalidData(fields={"external_id": [_whose(vehicle.company_id, external_id)]}) from error
        audit.record("device_made", actor=actor, target=device, vehicle_id=vehicle.pk)
    return device, key


def _held_vehicle(actor: User, vehicle_id: int) -> Vehicle:
    """Lock a vehicle, so that it does not go to another company before its new key is there to be ended."""
    own = Vehicle.objects.alive().editable_by(actor).filter(pk__in=storable({vehicle_id}))
    if own.exists():
        Vehicle.objects.select_for_update(no_key=True).get(pk=vehicle_id)
    vehicle = own.first()  # whose it is is asked under the lock
    if vehicle is None:
        if visible_ids(actor, {vehicle_id}):
            raise errors.Forbidden(READ_ONLY)
        raise errors.InvalidData(UNKNOWN_VEHICLE, fields={"vehicle_id": [UNKNOWN_VEHICLE]})
    return vehicle


def _whose(company_id: int, external_id: str) -> StrOrPromise:
    rows = Device.objects.working().filter(company_id=company_id, external_id=external_id)
    plate = rows.values_list("vehicle__license_plate", flat=True).first()
    return f"Vehicle {plate} of this company has it." if plate else _("Another vehicle of this company has it.")


def end_device(*, actor: User, device_id: int) -> None:
    """End a device's right to write, for good. Raises: NotFound; Forbidden for a viewer."""
    own = Device.objects.visible_to(actor).working().filter(pk=device_id)
    if not own.exists():
        raise errors.NotFound(_("Device"))
    with transaction.atomic():
        device = own.editable_by(actor).select_for_update(of=("self",)).first()
        if device is None:
            raise errors.Forbidden(READ_ONLY)
        device.ended_at = timezone.now()
        device.save(update_fields=["ended_at"])
        audit.record("device_ended", actor=actor, target=device, vehicle_id=device.vehicle_id)


def end_devices_of(*, actor: None, vehicle: Vehicle) -> None:
    """End every device of a vehicle that goes to another company: its keys are in the hands of the former one.

    A receiver calls, so no `actor`.
    """
    Device.objects.working().filter(vehicle=vehicle).update(ended_at=timezone.now())


def make_forwarder(*, actor: User, company: Company | None = None, name: str = "") -> tuple[Forwarder, str]:
    """Let a server speak for the devices of a company; return it and its secret, which is not kept.

    Raises: InvalidData without a company; Forbidden for a viewer.
    """
    company_id, secret = company_for(actor, company), secrets.token_urlsafe(KEY_BYTES)
    with transaction.atomic():
        forwarder = Forwarder.objects.create(company_id=company_id, name=name, secret_digest=digest_of(secret))
        audit.record("forwarder_made", actor=actor, target=forwarder, company_id=company_id)
    return forwarder, secret


def end_forwarder(*, actor: User, forwarder_id: int) -> None:
    """End a forwarder's right to write, for good. Raises: NotFound; Forbidden for a viewer."""
    own = Forwarder.objects.visible_to(actor).working().filter(pk=forwarder_id)
    if not own.exists():
        raise errors.NotFound("Forwarder")
    if not own.editable_by(actor).exists():
        raise errors.Forbidden()
    with transaction.atomic():
        if own.update(ended_at=timezone.now()):
            audit.record("forwarder_ended", actor=actor, target=Forwarder.objects.get(pk=forwarder_id))
