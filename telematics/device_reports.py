"""What is done with what devices say: fixes are stored, and each device's row says how it goes with it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from django.db.models import F, Value
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from depannini_dashmap.lib import errors
from fleet.models import Vehicle
from telematics import devices
from telematics.device_readings import DeviceReading, Refusal, read_report
from telematics.models import Device, Forwarder
from telematics.protocols import Message, Report
from telematics.services import record_fixes_of
from telematics.vehicle_lookup import TrackedVehicle, tracked, tracked_vehicles

UNKNOWN_IDS_KEPT = 20
LONGEST_ID = 65  # one more than a row can hold, so that a longer one is never taken for its beginning


Spend = Callable[[str, int], None]  # count so many events of a key; raises TooManyRequests


def receive(messages: Sequence[Message], spend: Spend) -> None:
    """Record what devices say that name themselves by their keys.

    Only who is recognised is counted, so that a message of thousands of made-up keys costs one query.
    Raises: Unauthenticated, TooManyRequests, before anything is stored.
    """
    by_key: dict[str, list[Report]] = {}
    for message in messages:
        by_key.setdefault(message.device, []).append(message.report)
    known = devices.recognise_devices(by_key)
    _spend(spend, known, by_key)
    _record(known, by_key)


def receive_forwarded(forwarder: Forwarder, messages: Sequence[Message], spend: Spend) -> None:
    """Record what a forwarder says of the devices of its company; ids that no vehicle has are remembered for people.

    Raises: TooManyRequests, before anything is stored; nothing else, as sending it again would help nobody.
    """
    by_id: dict[str, list[Report]] = {}
    for message in messages:
        # What no database text can hold is no id that somebody entered.
        if message.device.isprintable():
            by_id.setdefault(message.device[:LONGEST_ID], []).append(message.report)
    rows = Device.objects.working().filter(company_id=forwarder.company_id, external_id__in=[one for one in by_id if one])
    known = {device.external_id: device for device in rows}
    _spend(spend, known, by_id)
    _record(known, {external_id: reports for external_id, reports in by_id.items() if external_id in known})
    _note_forwarder(forwarder, [one for one in by_id if one not in known])


def _spend(spend: Spend, known: dict[str, Device], reports: dict[str, list[Report]]) -> None:
    """Count the reports of each vehicle: its trackers share what it may send. Raises: TooManyRequests."""
    costs = Counter[int]()
    for name, device in known.items():
        costs[device.vehicle_id] += len(reports[name])
    for vehicle_id, cost in costs.items():
        spend(f"vehicle:{vehicle_id}", cost)


def _record(known: dict[str, Device], reports: dict[str, list[Report]]) -> None:
    now = timezone.now()
    vehicles = tracked_vehicles(tracked(Vehicle.objects.alive().filter(pk__in={one.vehicle_id for one in known.values()})))
    for name, device in known.items():
        vehicle = vehicles.get(device.vehicle_id)
        if vehicle is None:
            raise errors.Unauthenticated()
        readings = [
            read_report(report, vehicle_id=vehicle.id, speed_unit=device.speed_unit(report.speed_unit), now=now)
            for report in reports[name]
        ]
        _note(device, readings, _store(vehicle, readings, now), now)


def _store(vehicle: TrackedVehicle, readings: Iterable[DeviceReading], now: dt.datetime) -> dict[dt.datetime, bool]:
    """Store the fixes; return of each instant whether its fix can be trusted."""
    fixes = [reading.reading for reading in readings if reading.reading is not None]
    return {row.timestamp: not row.is_implausible for row in record_fixes_of(vehicle, fixes, now)}


def _note(device: Device, readings: Sequence[DeviceReading], is_trusted: dict[dt.datetime, bool], now: dt.datetime) -> None:
    """Say on the device's row when it spoke, what of it was of use, and why the rest was not."""
    refusal, detail = "", ""
    for one in readings:
        if one.refusal:
            refusal, detail = one.refusal, one.detail
        elif one.reading is not None and not is_trusted.get(one.reading.timestamp, True):
            refusal, detail = Refusal.JUMP, ""
    changes: dict[str, object] = {"contacted_at": now}
    trusted = [instant for instant, good in is_trusted.items() if good]
    if trusted:
        newest = Value(max(trusted))
        changes["position_at"] = Greatest(Coalesce(F("position_at"), newest), newest)
    if refusal:
        changes |= {"refused_at": now, "refusal": refusal, "refusal_detail": detail[:60]}
    dropped = sorted({name for one in readings for name in one.dropped})
    if dropped or trusted:
        changes["dropped"] = ", ".join(dropped)[:100]
    battery = next((one.battery for one in reversed(readings) if one.battery is not None), None)
    if battery is not None:
        changes["battery"] = battery
    Device.objects.filter(pk=device.pk).update(**changes)


def note_unreadable(device: Device) -> None:
    """Say on the device's row that its message had no known form."""
    now = timezone.now()
    Device.objects.filter(pk=device.pk).update(
        contacted_at=now, refused_at=now, refusal=Refusal.NOT_UNDERSTOOD, refusal_detail=""
    )


def _note_forwarder(forwarder: Forwarder, unknown: Sequence[str]) -> None:
    now = timezone.now()
    changes: dict[str, object] = {"contacted_at": now}
    if unknown:
        seen = {**forwarder.unknown_ids, **{one: now.isoformat("T", "seconds") for one in unknown}}
        newest = sorted(seen, key=lambda one: seen[one], reverse=True)[:UNKNOWN_IDS_KEPT]
        changes["unknown_ids"] = {one: seen[one] for one in newest}
    Forwarder.objects.filter(pk=forwarder.pk).update(**changes)
