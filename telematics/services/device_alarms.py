"""The alarms that devices raise are kept, each once however often the device says it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from django.db import transaction

from telematics.device_readings import DeviceReading
from telematics.models import Device, DeviceAlarm, LatestPosition

SAME_WITHIN = dt.timedelta(minutes=10)  # a button that is held, a retry: the alarm of before
MOST_KINDS = 20  # of one device in one message


class _Said(NamedTuple):
    at: dt.datetime
    place: tuple[float, float] | None


def record_device_alarms(
    *, actor: None, reported: Sequence[tuple[Device, Sequence[DeviceReading]]], trusted: Collection[tuple[int, dt.datetime]], now: dt.datetime
) -> None:
    """Keep what devices raise. What one raises again within SAME_WITHIN is the same alarm; so is a message that is sent twice.

    Shape: `reported` pairs devices with their readings, `trusted` holds the fixes (vehicle, instant) that may be shown; any other
    alarm has the place where the vehicle was last. The devices are who speaks, so no `actor`. A fixed number of statements.
    """
    said = {device.pk: found for device, readings in reported if (found := _said_by(device, readings, trusted))}
    if not said:
        return
    devices = {device.pk: device for device, _readings in reported if device.pk in said}
    latest = LatestPosition.objects.filter(vehicle__in={device.vehicle_id for device in devices.values()})
    places = {pk: (latitude, longitude) for pk, latitude, longitude in latest.values_list("vehicle_id", "latitude", "longitude")}
    with transaction.atomic():
        # Two messages of one device would else find no row of each other.
        list(Device.objects.select_for_update(no_key=True).filter(pk__in=said).order_by("pk").values_list("pk"))
        known = _known(said)
        new, changed = [], []
        for pk, kinds in said.items():
            for kind, presses in kinds.items():
                for press in sorted(presses, key=lambda one: one.at):
                    row = next((one for one in known[pk, kind] if one.first_at - SAME_WITHIN <= press.at <= one.last_at + SAME_WITHIN), None)
                    if row is None:
                        latitude, longitude = press.place or places.get(devices[pk].vehicle_id) or (None, None)
                        row = DeviceAlarm(
                            device_id=pk, vehicle_id=devices[pk].vehicle_id, kind=kind, first_at=press.at, last_at=press.at,
                            heard_at=now, created_at=now, latitude=latitude, longitude=longitude,
                        )  # fmt: skip
                        known[pk, kind].append(row)
                        new.append(row)
                    row.first_at, row.last_at, row.heard_at = min(row.first_at, press.at), max(row.last_at, press.at), now
                    if row.pk:
                        changed.append(row)
        DeviceAlarm.objects.bulk_create(new)
        DeviceAlarm.objects.bulk_update(dict.fromkeys(changed), ["first_at", "last_at", "heard_at"])


def _said_by(device: Device, readings: Sequence[DeviceReading], trusted: Collection[tuple[int, dt.datetime]]) -> dict[str, list[_Said]]:
    found: dict[str, list[_Said]] = defaultdict(list)
    for one in readings:
        if one.said_at is None:
            continue
        fix = one.reading if one.reading is not None and (device.vehicle_id, one.reading.timestamp) in trusted else None
        for kind in one.alarms:
            if kind in found or len(found) < MOST_KINDS:
                found[kind].append(_Said(one.said_at, (fix.latitude, fix.longitude) if fix else None))
    return found


def _known(said: dict[int, dict[str, list[_Said]]]) -> dict[tuple[int, str], list[DeviceAlarm]]:
    instants = [press.at for kinds in said.values() for presses in kinds.values() for press in presses]
    rows = DeviceAlarm.objects.filter(
        device__in=said, kind__in={kind for kinds in said.values() for kind in kinds}, last_at__gte=min(instants) - SAME_WITHIN,
        first_at__lte=max(instants) + SAME_WITHIN,
    )  # fmt: skip
    known: dict[tuple[int, str], list[DeviceAlarm]] = defaultdict(list)
    for row in rows.order_by("-last_at"):
        known[row.device_id, row.kind].append(row)
    return known
