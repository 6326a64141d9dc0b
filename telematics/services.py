"""What can be done with positions: record one, record many, make up a drive. One transaction each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from depannini_dashmap.lib import errors
from fleet.models import Vehicle
from telematics import events, ingest
from telematics.drive import drive
from telematics.models import Position
from telematics.plausibility import Fix, Track
from telematics.presentation import POSITION_COLUMNS, position_object
from telematics.readings import MAX_ID, InvalidReading, Reading, parse_reading

if TYPE_CHECKING:
    from accounts.models import User

MAX_ROWS = 5000
MAX_FAKE_ROWS = 1000
UNKNOWN_VEHICLE = "Vehicle not found"
READ_ONLY = "You may only look at this vehicle"
ALGIERS = (36.7538, 3.0588)
FAKE_INTERVAL = dt.timedelta(seconds=15)
SHORTEST_INTERVAL = dt.timedelta(seconds=1)


class TrackedVehicle(NamedTuple):
    """What recording needs to know of a vehicle: whose it is, how it is shown, where it was last."""

    id: int
    company_id: int
    license_plate: str
    make: str
    model: str
    latest: Fix | None
    trusted: Fix | None
    odometer: float | None
    fuel_level: float | None

    def track(self) -> Track:
        """Begin to judge fixes from the latest known one."""
        return Track(self.latest, self.trusted)

    def shown_at(self, row: ingest.Row, position_id: int) -> dict[str, Any]:
        """Build the position object of a stored row."""
        reading = (*row[2:7], row.timestamp, *row[7:10], row.created_at, row.is_implausible)
        return position_object((position_id, self.id, self.license_plate, self.make, self.model, *reading))


class BulkResult(NamedTuple):
    """What became of many rows: new ones, repeated ones, and per-row errors by index."""

    accepted: int
    duplicates: int
    errors: list[dict[str, Any]]


def record_position(*, actor: User, raw: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Record one fix and give its position object, and whether it is new.

    The same vehicle and timestamp again gives the first one. Effects: `position` to the company's sockets when the
    vehicle's latest moved. Raises: InvalidData, also for a vehicle that is not the actor's; Forbidden for a viewer.
    """
    now = timezone.now()
    try:
        reading = parse_reading(raw, now)
    except InvalidReading as error:
        raise errors.InvalidData(fields=error.fields) from error
    vehicle = _editable_vehicle(actor, reading.vehicle_id)
    row = _judged(vehicle, [ingest.Row.of(reading, created_at=now)])[0]
    with transaction.atomic():
        stored = ingest.store([row])
        if not stored.count:
            return _recorded_before(row), False
        shown = vehicle.shown_at(row, stored.last_id or 0)
        if stored.moved:
            events.position_moved(vehicle.company_id, shown)
    return shown, True


def record_positions(*, actor: User, rows: Sequence[Any]) -> BulkResult:
    """Record up to MAX_ROWS fixes of any of the actor's vehicles in one statement; bad rows spoil only themselves.

    Sending them again changes nothing. Effects: one `position` per vehicle whose latest moved.
    Raises: InvalidData for too many rows.
    """
    if len(rows) > MAX_ROWS:
        raise errors.InvalidData(fields={"positions": [f"Send at most {MAX_ROWS} rows."]})
    now = timezone.now()
    readings, failures = _parse_all(rows, now)
    vehicles = _editable_vehicles(actor, {reading.vehicle_id for reading in readings.values()})
    _refuse_unknown(actor, readings, vehicles, failures)
    wanted = [ingest.Row.of(reading, created_at=now) for reading in readings.values()]
    unique = {(row.vehicle_id, row.timestamp): row for row in reversed(wanted)}
    judged: list[ingest.Row] = []
    for vehicle, own in _by_vehicle(vehicles, unique):
        judged += _judged(vehicle, own)
    with transaction.atomic():
        stored = ingest.store(judged)
        _tell_moves(vehicles, judged, stored)
    failures.sort(key=lambda failure: failure["index"])
    return BulkResult(stored.count, len(wanted) - stored.count, failures)


def make_up_drive(
    *, actor: User, vehicle_id: int, count: int, latitude: float | None = None, longitude: float | None = None
) -> list[dict[str, Any]]:
    """Record a plausible drive that ends now, from the given place, else from where the vehicle was last.

    When the vehicle was heard of just now, the drive lies before its first fix instead.
    Raises: Forbidden unless ALLOW_FAKE_DATA; NotFound for a vehicle that is not the actor's.
    """
    require_fake_data()
    vehicle = _editable_vehicles(actor, {vehicle_id}).get(vehicle_id)
    if vehicle is None:
        if vehicle_id <= MAX_ID and Vehicle.objects.alive().visible_to(actor).filter(pk=vehicle_id).exists():
            raise errors.Forbidden(READ_ONLY)
        raise errors.NotFound("Vehicle")
    now = timezone.now()
    start, interval = _free_span(vehicle, count, now)
    last = vehicle.latest
    legs = drive(
        latitude=latitude if latitude is not None else last.latitude if last else ALGIERS[0],
        longitude=longitude if longitude is not None else last.longitude if last else ALGIERS[1],
        starts_at=start,
        interval=interval,
        count=count,
        odometer=vehicle.odometer or 25000.0,
        fuel_level=vehicle.fuel_level if vehicle.fuel_level else 80.0,
        random=Random(),  # noqa: S311
    )
    rows = [ingest.Row.of(Reading(vehicle.id, leg.timestamp, *leg[1:5], *leg[5:9]), created_at=now) for leg in legs]
    with transaction.atomic():
        stored = ingest.store(rows)
        _tell_moves({vehicle.id: vehicle}, rows, stored)
    shown = Position.objects.filter(vehicle_id=vehicle.id, timestamp__gte=rows[0].timestamp, created_at=now)
    return [position_object(row) for row in shown.values_list(*POSITION_COLUMNS)]


def require_fake_data() -> None:
    """Let pass where made-up data is allowed. Raises: Forbidden unless ALLOW_FAKE_DATA."""
    if not settings.ALLOW_FAKE_DATA:
        raise errors.Forbidden("Fake data is switched off", code="fake_data_off")


def _parse_all(rows: Iterable[Any], now: dt.datetime) -> tuple[dict[int, Reading], list[dict[str, Any]]]:
    readings: dict[int, Reading] = {}
    failures: list[dict[str, Any]] = []
    for index, raw in enumerate(rows):
        try:
            readings[index] = parse_reading(raw, now)
        except InvalidReading as error:
            failures.append({"index": index, "error": "Invalid data", "code": "invalid_data", "fields": error.fields})
    return readings, failures


def _refuse_unknown(
    actor: User, readings: dict[int, Reading], vehicles: dict[int, TrackedVehicle], failures: list[dict[str, Any]]
) -> None:
    """Move the readings of vehicles that the actor may not write into the failures."""
    refused = [index for index, reading in readings.items() if reading.vehicle_id not in vehicles]
    if not refused:
        return
    ids = {readings[index].vehicle_id for index in refused}
    visible = set(Vehicle.objects.alive().visible_to(actor).filter(pk__in=_storable(ids)).values_list("pk", flat=True))
    for index in refused:
        vehicle_id = readings.pop(index).vehicle_id
        if vehicle_id in visible:
            failures.append({"index": index, "error": READ_ONLY, "code": "forbidden"})
        else:
            failures.append(
                {
                    "index": index,
                    "error": UNKNOWN_VEHICLE,
                    "code": "invalid_data",
                    "fields": {"vehicle_id": [UNKNOWN_VEHICLE]},
                }
            )


def _by_vehicle(
    vehicles: dict[int, TrackedVehicle], unique: dict[tuple[int, dt.datetime], ingest.Row]
) -> Iterable[tuple[TrackedVehicle, list[ingest.Row]]]:
    """Give each vehicle with its rows, both in the order in which they are stored."""
    own: dict[int, list[ingest.Row]] = {}
    for key in sorted(unique):
        own.setdefault(key[0], []).append(unique[key])
    return ((vehicles[vehicle_id], rows) for vehicle_id, rows in own.items())


def _judged(vehicle: TrackedVehicle, rows: list[ingest.Row]) -> list[ingest.Row]:
    """Flag the rows of one vehicle, sorted by time, that no road vehicle could have driven."""
    track, latest = vehicle.track(), vehicle.latest
    is_late = latest is not None and rows[0].timestamp < latest.timestamp
    judged = []
    for row in rows:
        if is_late and latest is not None and row.timestamp > latest.timestamp:
            track, is_late = vehicle.track(), False
        if not track.judge(Fix(row.timestamp, row.latitude, row.longitude)):
            judged.append(row)
            continue
        trusted = track.trusted or Fix(None, None, None)  # type: ignore[arg-type]
        judged.append(
            row._replace(
                is_implausible=True,
                trusted_at=trusted.timestamp,
                trusted_latitude=trusted.latitude,
                trusted_longitude=trusted.longitude,
            )
        )
    return judged


def _tell_moves(vehicles: dict[int, TrackedVehicle], rows: Sequence[ingest.Row], stored: ingest.Stored) -> None:
    newest = {row.vehicle_id: row for row in rows}
    for vehicle_id, position_id in stored.moved.items():
        vehicle = vehicles[vehicle_id]
        shown = vehicle.shown_at(newest[vehicle_id], position_id)
        events.position_moved(vehicle.company_id, shown)


def _editable_vehicle(actor: User, vehicle_id: int) -> TrackedVehicle:
    vehicle = _editable_vehicles(actor, {vehicle_id}).get(vehicle_id)
    if vehicle is not None:
        return vehicle
    if Vehicle.objects.alive().visible_to(actor).filter(pk__in=_storable({vehicle_id})).exists():
        raise errors.Forbidden(READ_ONLY)
    raise errors.InvalidData(UNKNOWN_VEHICLE, fields={"vehicle_id": [UNKNOWN_VEHICLE]})


def _editable_vehicles(actor: User, vehicle_ids: set[int]) -> dict[int, TrackedVehicle]:
    """Read the vehicles that the actor may write positions of, with their latest fix, in one query."""
    rows = (
        Vehicle.objects.alive()
        .editable_by(actor)
        .filter(pk__in=_storable(vehicle_ids))
        .values_list(
            "pk",
            "company_id",
            "license_plate",
            "make",
            "model",
            "latest_position__timestamp",
            "latest_position__latitude",
            "latest_position__longitude",
            "latest_position__trusted_at",
            "latest_position__trusted_latitude",
            "latest_position__trusted_longitude",
            "latest_position__odometer",
            "latest_position__fuel_level",
        )
    )
    return {row[0]: TrackedVehicle(*row[:5], _fix(row[5:8]), _fix(row[8:11]), *row[11:]) for row in rows}


def _fix(values: tuple) -> Fix | None:
    return None if values[0] is None else Fix(*values)


def _storable(ids: set[int]) -> list[int]:
    """Leave out the numbers that no id column can hold: nothing has them."""
    return [number for number in ids if 0 < number <= MAX_ID]


def _recorded_before(row: ingest.Row) -> dict[str, Any]:
    recorded = Position.objects.filter(vehicle_id=row.vehicle_id, timestamp=row.timestamp)
    return position_object(recorded.values_list(*POSITION_COLUMNS).get())


def _free_span(vehicle: TrackedVehicle, count: int, now: dt.datetime) -> tuple[dt.datetime, dt.timedelta]:
    """Find when a drive of `count` fixes can lie without crossing the vehicle's history."""
    length = FAKE_INTERVAL * (count - 1)
    if vehicle.latest is None or vehicle.latest.timestamp < now - length - FAKE_INTERVAL:
        return now - length, FAKE_INTERVAL
    interval = (now - vehicle.latest.timestamp) / count
    if interval >= SHORTEST_INTERVAL:
        return vehicle.latest.timestamp + interval, interval
    first = Position.objects.filter(vehicle_id=vehicle.id).order_by("timestamp").values_list("timestamp", flat=True)[0]
    return first - FAKE_INTERVAL - length, FAKE_INTERVAL
