"""Handling of devices' reports: fixes are stored, and each device's row keeps its status."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from django.utils import timezone

from depannini_dashmap.lib import errors
from depannini_dashmap.lib.db.bulk_updates import RowUpdate
from fleet.models import Vehicle
from telematics.device_keys import recognise_devices
from telematics.device_readings import DeviceReading, Refusal, read_report
from telematics.models import Device, Forwarder
from telematics.protocols import Message, Report
from telematics.services.device_alarms import record_device_alarms
from telematics.services.positions import record_fixes
from telematics.vehicle_lookup import tracked, tracked_vehicles

UNKNOWN_IDS_KEPT = 20
LONGEST_ID = 65  # one more than a row can hold, so that a longer one is never taken for its beginning

CountAgainstLimit = Callable[[str, int], None]  # count so many events of a key; raises TooManyRequests


def record_reports(*, actor: None, messages: Sequence[Message], count_against_limit: CountAgainstLimit) -> None:
    """Record what devices say that name themselves by their keys; they are who speaks, so no `actor`.

    Only who is recognised is counted, so that a message of thousands of made-up keys costs one query.
    Raises: Unauthenticated, TooManyRequests, before anything is stored.
    """
    if not messages:  # nobody who could be known said anything
        raise errors.Unauthenticated()
    by_key: dict[str, list[Report]] = {}
    for message in messages:
        by_key.setdefault(message.device, []).append(message.report)
    known = recognise_devices(by_key)
    _count(count_against_limit, known, by_key)
    _record(known, by_key)


def record_forwarded_reports(
    *, actor: None, forwarder: Forwarder, messages: Sequence[Message], count_against_limit: CountAgainstLimit
) -> None:
    """Record what a forwarder says of the devices of its company; ids that no vehicle has are remembered for people.

    The forwarder is who speaks, so no `actor`. Raises: TooManyRequests, before anything is stored; nothing else, as sending it again would help nobody.
    """
    by_id: dict[str, list[Report]] = {}
    for message in messages:
        # What no database text can hold is no id that somebody entered.
        if message.device.isprintable():
            by_id.setdefault(message.device[:LONGEST_ID], []).append(message.report)
    rows = Device.objects.working().filter(company_id=forwarder.company_id, external_id__in=[one for one in by_id if one])
    known = {device.external_id: device for device in rows}
    _count(count_against_limit, known, by_id)
    _record(known, {external_id: reports for external_id, reports in by_id.items() if external_id in known})
    _note_forwarder(forwarder, [one for one in by_id if one not in known])


def _count(count_against_limit: CountAgainstLimit, known: dict[str, Device], reports: dict[str, list[Report]]) -> None:
    """Count the reports of each vehicle: its trackers share what it may send. Raises: TooManyRequests."""
    costs = Counter[int]()
    for name, device in known.items():
        costs[device.vehicle_id] += len(reports[name])
    for vehicle_id, cost in costs.items():
        count_against_limit(f"vehicle:{vehicle_id}", cost)


def _record(known: Mapping[str, Device], reports: Mapping[str, list[Report]]) -> None:
    """Store what recognised devices reported, and say on their rows how it went: a fixed number of statements."""
    now = timezone.now()
    vehicles = tracked_vehicles(tracked(Vehicle.objects.alive().filter(pk__in={one.vehicle_id for one in known.values()})))
    # A vehicle that was deleted this very moment is no one's place any more.
    reported = [
        (device, [_read(device, report, now) for report in reports[name]])
        for name, device in known.items()
        if device.vehicle_id in vehicles
    ]
    fixes = [reading.reading for _device, readings in reported for reading in readings if reading.reading is not None]
    rows = record_fixes(actor=None, vehicles=vehicles, readings=fixes, now=now)
    is_trusted = {(row.vehicle_id, row.timestamp): not row.is_implausible for row in rows}
    DEVICE_STATUS_UPDATE.run([_note(device, readings, is_trusted, now) for device, readings in reported])
    trusted = {key for key, is_good in is_trusted.items() if is_good}
    record_device_alarms(actor=None, reported=reported, trusted=trusted, now=now)


def _read(device: Device, report: Report, now: dt.datetime) -> DeviceReading:
    return read_report(report, vehicle_id=device.vehicle_id, speed_unit=device.speed_unit(report.speed_unit), now=now)


# What one message changes on a device's row; fields that it does not report stay.
DEVICE_STATUS_UPDATE = RowUpdate(
    "telematics_device",
    {
        "id": "bigint", "contacted_at": "timestamptz", "position_at": "timestamptz", "refusal": "text",
        "refusal_detail": "text", "dropped": "text", "battery": "smallint",
    },
    """
    contacted_at = given.contacted_at,
    position_at = CASE WHEN given.position_at IS NULL OR telematics_device.position_at >= given.position_at
        THEN telematics_device.position_at ELSE given.position_at END,
    refused_at = CASE WHEN given.refusal IS NULL THEN refused_at ELSE given.contacted_at END,
    refusal = COALESCE(given.refusal, telematics_device.refusal),
    refusal_detail = COALESCE(given.refusal_detail, telematics_device.refusal_detail),
    dropped = COALESCE(given.dropped, telematics_device.dropped),
    battery = COALESCE(given.battery, telematics_device.battery)
    """,
)  # fmt: skip


def _note(
    device: Device, readings: Sequence[DeviceReading], is_trusted: Mapping[tuple[int, dt.datetime], bool], now: dt.datetime
) -> tuple:
    """Return what DEVICE_STATUS_UPDATE says of a device: when it spoke, what of it was of use, and why the rest was not."""
    refusal, detail = None, None
    trusted: list[dt.datetime] = []
    for one in readings:
        if one.refusal:
            refusal, detail = one.refusal, one.detail[:60]
        if one.reading is None:
            continue
        if is_trusted[device.vehicle_id, one.reading.timestamp]:
            trusted.append(one.reading.timestamp)
        elif not one.refusal:
            refusal, detail = Refusal.JUMP, ""
    dropped = sorted({name for one in readings for name in one.dropped})
    said = ", ".join(dropped)[:100] if dropped or trusted else None
    battery = next((one.battery for one in reversed(readings) if one.battery is not None), None)
    return device.pk, now, max(trusted, default=None), refusal, detail, said, battery


def note_unreadable(*, actor: None, device: Device) -> None:
    """Say on the device's row that its message had no known form; the device is who speaks, so no `actor`."""
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
