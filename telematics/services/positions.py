"""Services of positions: record one, record many, generate a drive. One transaction each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from django.db import transaction
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from depannini_dashmap.lib import errors
from depannini_dashmap.lib.ops.fake_data_guard import require_fake_data
from fleet.events import vehicles_moved
from telematics import events, ingest
from telematics.fake_drive import drive
from telematics.models import Position
from telematics.plausibility import Fix
from telematics.readings import InvalidReading, Reading, parse_reading
from telematics.representation import POSITION_COLUMNS, position_object, ready_positions
from telematics.stop_visits import follow_visits
from telematics.vehicle_lookup import TrackedVehicle, shown_reading, visible_ids, writable_vehicles
from trips.services.late_fixes import note_late_fixes, trips_of_late_fixes

if TYPE_CHECKING:
    from accounts.models import User

MAX_ROWS = 5000
MAX_FAKE_ROWS = 1000
UNKNOWN_VEHICLE = format_lazy(_("{model} not found"), model=_("Vehicle"))
READ_ONLY = "You may only look at this vehicle"
ALGIERS = (36.7538, 3.0588)
FAKE_INTERVAL = dt.timedelta(seconds=15)
SHORTEST_INTERVAL = dt.timedelta(seconds=1)
LATE = dt.timedelta(minutes=15)  # no trip is measured sooner after its end


class BulkResult(NamedTuple):
    """What became of many rows: new ones, repeated ones, and per-row errors by index."""

    accepted: int
    duplicates: int
    errors: list[dict[str, Any]]


def record_position(*, actor: User, raw: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Record one fix and return its position object, and whether it is new.

    The same vehicle and timestamp again returns the first one. Effects: `position` to the company's sockets when the
    vehicle's latest moved; visits of stops are followed. Raises: InvalidData, also for a vehicle that is not the actor's; Forbidden for a viewer.
    """
    now = timezone.now()
    reading = _checked(raw, now)
    return _record(_writable_vehicle(actor, reading.vehicle_id), reading, now)


def record_fixes(
    *, actor: None, vehicles: Mapping[int, TrackedVehicle], readings: Sequence[Reading], now: dt.datetime
) -> list[ingest.Row]:
    """Record fixes of vehicles whose devices were recognised, and return them as they were judged.

    Shape: no `actor`, devices or a file are the source. Of two of one vehicle and instant the first counts. Effects: those of record_positions; as many statements for many
    vehicles as for one.
    """
    rows = _judged_rows(vehicles, [ingest.Row.of(one, created_at=now) for one in readings])
    _store(vehicles, rows)
    return rows


def record_positions(*, actor: User, rows: Sequence[Any]) -> BulkResult:
    """Record up to MAX_ROWS fixes of any of the actor's vehicles in one statement; bad rows spoil only themselves.

    Sending them again changes nothing. Effects: one `position` per vehicle whose latest moved; visits of
    stops are followed.
    Raises: InvalidData for too many rows.
    """
    if len(rows) > MAX_ROWS:
        raise errors.InvalidData(fields={"positions": [f"Send at most {MAX_ROWS} rows."]})
    now = timezone.now()
    readings, failures = _parse_all(rows, now)
    vehicles = writable_vehicles(actor, {reading.vehicle_id for reading in readings.values()})
    _refuse_unknown(actor, readings, vehicles, failures)
    wanted = [ingest.Row.of(reading, created_at=now) for reading in readings.values()]
    stored = _store(vehicles, _judged_rows(vehicles, wanted))
    failures.sort(key=lambda failure: failure["index"])
    return BulkResult(stored.count, len(wanted) - stored.count, failures)


def make_up_drive(
    *, actor: User, vehicle_id: int, count: int, latitude: float | None = None, longitude: float | None = None
) -> list[dict[str, Any]]:
    """Record a plausible drive that ends now, from the given place, else from where the vehicle was last.

    When the vehicle reported just now, the drive lies before its first fix instead.
    Raises: Forbidden unless ALLOW_FAKE_DATA; NotFound for a vehicle that is not the actor's.
    """
    require_fake_data()
    vehicle = writable_vehicles(actor, {vehicle_id}).get(vehicle_id)
    if vehicle is None:
        if visible_ids(actor, {vehicle_id}):
            raise errors.Forbidden(READ_ONLY)
        raise errors.NotFound(_("Vehicle"))
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
    rows = _judged(vehicle, rows)
    with transaction.atomic():
        stored = _stored(rows)
        _publish_moves({vehicle.id: vehicle}, rows, stored)
    shown = Position.objects.filter(vehicle_id=vehicle.id, timestamp__gte=rows[0].timestamp, created_at=now)
    return [position_object(row) for row in shown.values_list(*POSITION_COLUMNS)]


def _checked(raw: Mapping[str, Any], now: dt.datetime) -> Reading:
    try:
        return parse_reading(raw, now)
    except InvalidReading as error:
        raise errors.InvalidData(fields=error.fields) from error


def _record(vehicle: TrackedVehicle, reading: Reading, now: dt.datetime) -> tuple[dict[str, Any], bool]:
    row = _judged(vehicle, [ingest.Row.of(reading, created_at=now)])[0]
    stored = _stored([row])
    if not stored.count:
        return _recorded_before(row), False
    if vehicle.is_on_trip:
        follow_visits({vehicle.id: [row]})
    shown = vehicle.shown_at(row, stored.position_id or 0)
    if stored.moved:
        events.positions_moved([(vehicle.company_id, vehicle.id, shown)])
        vehicles_moved([vehicle.id] if vehicle.is_on_trip else [])
    return shown, True


def _store(vehicles: Mapping[int, TrackedVehicle], rows: Sequence[ingest.Row]) -> ingest.Stored:
    """Store judged rows, publish the moves of the latest ones, and let trips know of arrivals."""
    driven: dict[int, list[ingest.Row]] = {}
    for row in rows:
        if vehicles[row.vehicle_id].is_on_trip:
            driven.setdefault(row.vehicle_id, []).append(row)
    with transaction.atomic():
        stored = _stored(rows)
        _publish_moves(vehicles, rows, stored)
    follow_visits(driven)
    return stored


def _stored(rows: Sequence[ingest.Row]) -> ingest.Stored:
    """Store judged rows; trips that may have been measured without them are measured again."""
    late: dict[int, tuple[dt.datetime, dt.datetime]] = {}
    for row in rows:
        if row.timestamp < row.created_at - LATE and not row.is_implausible:
            first, last = late.get(row.vehicle_id, (row.timestamp, row.timestamp))
            late[row.vehicle_id] = (min(first, row.timestamp), max(last, row.timestamp))
    ended = trips_of_late_fixes(actor=None, spans=late) if late else []
    if not ended:
        return ingest.store(rows)
    with transaction.atomic():
        stored = ingest.store(rows)
        if stored.count:
            note_late_fixes(actor=None, trip_ids=ended)
    return stored


def _parse_all(rows: Iterable[Any], now: dt.datetime) -> tuple[dict[int, Reading], list[dict[str, Any]]]:
    readings: dict[int, Reading] = {}
    failures: list[dict[str, Any]] = []
    for index, raw in enumerate(rows):
        try:
            readings[index] = parse_reading(raw, now)
        except InvalidReading as error:
            refusal = errors.InvalidData(fields=error.fields)
            failures.append({"index": index, "error": refusal.message, "code": refusal.code, "fields": error.fields})
    return readings, failures


def _refuse_unknown(
    actor: User, readings: dict[int, Reading], vehicles: dict[int, TrackedVehicle], failures: list[dict[str, Any]]
) -> None:
    """Move the readings of vehicles that the actor may not write into the failures."""
    refused = [index for index, reading in readings.items() if reading.vehicle_id not in vehicles]
    if not refused:
        return
    visible = visible_ids(actor, {readings[index].vehicle_id for index in refused})
    for index in refused:
        vehicle_id = readings.pop(index).vehicle_id
        if vehicle_id in visible:
            failures.append({"index": index, "error": READ_ONLY, "code": "forbidden"})
        else:
            failures.append(
                {
                    "index": index,
                    "error": str(UNKNOWN_VEHICLE),
                    "code": "invalid_data",
                    "fields": {"vehicle_id": [str(UNKNOWN_VEHICLE)]},
                }
            )


def _judged_rows(vehicles: Mapping[int, TrackedVehicle], rows: Sequence[ingest.Row]) -> list[ingest.Row]:
    """Return rows of any vehicles ready to store; of two of one vehicle and instant the first counts."""
    unique = {(row.vehicle_id, row.timestamp): row for row in reversed(rows)}
    return [row for vehicle, own in _by_vehicle(vehicles, unique) for row in _judged(vehicle, own)]


def _by_vehicle(
    vehicles: Mapping[int, TrackedVehicle], unique: dict[tuple[int, dt.datetime], ingest.Row]
) -> Iterable[tuple[TrackedVehicle, list[ingest.Row]]]:
    """Return each vehicle with its rows, both in the order in which they are stored."""
    own: dict[int, list[ingest.Row]] = {}
    for key in sorted(unique):
        own.setdefault(key[0], []).append(unique[key])
    return ((vehicles[vehicle_id], rows) for vehicle_id, rows in own.items())


def _judged(vehicle: TrackedVehicle, rows: list[ingest.Row]) -> list[ingest.Row]:
    """Make the rows of one vehicle, sorted by time, ready to store: flag what is not to be trusted.

    What no road vehicle could have driven is flagged; so is what has no fix, which says nothing of the next row either.
    """
    track, latest = vehicle.track(), vehicle.latest
    is_late = latest is not None and rows[0].timestamp < latest.timestamp
    judged, newest, doubt = [], None, None
    for index, row in enumerate(rows):
        if is_late and latest is not None and row.timestamp > latest.timestamp:
            track, is_late = vehicle.track(), False
        if row.is_implausible:
            judged.append(row)
        elif track.judge(Fix(row.timestamp, row.latitude, row.longitude)):
            judged.append(row._replace(is_implausible=True))
            doubt = index
        else:
            judged.append(row)
            newest, doubt = index, None
    if newest is not None:
        text = orjson.dumps(shown_reading(judged[newest])).decode()
        judged[newest] = judged[newest]._replace(reading_json=text)
    if doubt is not None:
        judged[doubt] = judged[doubt]._replace(is_doubt=True)
    return judged


def _publish_moves(vehicles: Mapping[int, TrackedVehicle], rows: Sequence[ingest.Row], stored: ingest.Stored) -> None:
    newest = {row.vehicle_id: row.reading_json for row in rows if row.reading_json}
    moved = [(position_id, *vehicles[key].shown, newest[key]) for key, position_id in stored.moved.items()]
    events.positions_moved(
        (vehicles[vehicle_id].company_id, vehicle_id, position)
        for vehicle_id, position in zip(stored.moved, ready_positions(moved), strict=True)
    )
    vehicles_moved(key for key in stored.moved if vehicles[key].is_on_trip)


def _writable_vehicle(actor: User, vehicle_id: int) -> TrackedVehicle:
    vehicle = writable_vehicles(actor, {vehicle_id}).get(vehicle_id)
    if vehicle is not None:
        return vehicle
    if visible_ids(actor, {vehicle_id}):
        raise errors.Forbidden(READ_ONLY)
    raise errors.InvalidData(UNKNOWN_VEHICLE, fields={"vehicle_id": [UNKNOWN_VEHICLE]})


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
