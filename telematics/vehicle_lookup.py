"""The vehicles of recorded positions, read in one query."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from depannini_dashmap.lib.db.prepared import PreparedRows, among
from fleet.models import Vehicle
from telematics.ingest import Row
from telematics.plausibility import Fix, Track
from telematics.readings import MAX_ID
from telematics.representation import position_object, reading_object
from trips.models import Trip

if TYPE_CHECKING:
    from accounts.models import User

COLUMNS = (
    "pk",
    "company_id",
    "license_plate",
    "make",
    "model",
    "latest_position__timestamp",
    "latest_position__latitude",
    "latest_position__longitude",
    "latest_position__doubted_at",
    "latest_position__doubted_latitude",
    "latest_position__doubted_longitude",
    "latest_position__odometer",
    "latest_position__fuel_level",
    "is_on_trip",
)


class TrackedVehicle(NamedTuple):
    """Whose a vehicle is, how it is shown, where it was last."""

    id: int
    company_id: int
    license_plate: str
    make: str
    model: str
    latest: Fix | None
    doubted: Fix | None
    odometer: float | None
    fuel_level: float | None
    is_on_trip: bool

    def track(self) -> Track:
        """Begin to judge fixes from the latest known one, and the newer one that was out of reach."""
        return Track(self.doubted or self.latest, self.latest)

    @property
    def shown(self) -> tuple[int, str, str, str]:
        """Return what position objects say of the vehicle, in the order of presentation.VEHICLE_COLUMNS."""
        return self.id, self.license_plate, self.make, self.model

    def shown_at(self, row: Row, position_id: int) -> dict[str, Any]:
        """Build the position object of a stored row."""
        return position_object((position_id, *self.shown, *reading_of(row)))


def reading_of(row: Row) -> tuple:
    """Return a row's values in the order of presentation.READING_COLUMNS."""
    return (*row[2:7], row.timestamp, *row[7:10], row.created_at, row.is_implausible)


def shown_reading(row: Row) -> dict[str, Any]:
    """Build the part of the position object that the device reported."""
    return reading_object(*reading_of(row))


def writable_vehicles(actor: User, vehicle_ids: set[int]) -> dict[int, TrackedVehicle]:
    """Read the vehicles that the actor may write positions of, with their latest fix."""
    ids = storable(vehicle_ids)
    if connection.vendor != "postgresql":
        return tracked_vehicles(_writable(actor, ids))
    return tracked_vehicles(_one(actor, ids[0]) if len(ids) == 1 else _many(actor, ids))


def visible_ids(actor: User, vehicle_ids: set[int]) -> set[int]:
    """Return those of the vehicles that the actor may see."""
    seen = Vehicle.objects.alive().visible_to(actor).filter(pk__in=storable(vehicle_ids))
    return set(seen.values_list("pk", flat=True))


def storable(ids: set[int]) -> list[int]:
    """Leave out the numbers that no id column can hold: nothing has them."""
    return [number for number in ids if 0 < number <= MAX_ID]


def tracked(vehicles: QuerySet) -> QuerySet:
    """Select what a TrackedVehicle is made of."""
    running = Trip.objects.filter(vehicle=OuterRef("pk"), status=Trip.Status.IN_PROGRESS)
    return vehicles.order_by().annotate(is_on_trip=Exists(running)).values_list(*COLUMNS)


def tracked_vehicles(rows: Iterable[tuple]) -> dict[int, TrackedVehicle]:
    """Make vehicles, by id, of the rows of `tracked`."""
    return {row[0]: TrackedVehicle(*row[:5], _fix(row[5:8]), _fix(row[8:11]), *row[11:]) for row in rows}


def _writable(actor: Any, vehicle_ids: Any) -> QuerySet:
    return tracked(Vehicle.objects.alive().editable_by(actor).filter(pk__in=vehicle_ids))


_one = PreparedRows(lambda actor, vehicle_id: _writable(actor, [vehicle_id]))
_many = PreparedRows(lambda actor, ids: _writable(actor, among(ids)))


def _fix(values: tuple) -> Fix | None:
    return None if values[0] is None else Fix(*values)
