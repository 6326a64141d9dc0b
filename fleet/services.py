"""The flows of vehicles: add, change, take out of the fleet, bring back."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Company, User
from accounts.permissions import require_editor
from depannini_dashmap.lib.errors import Conflict, InvalidData, NotFound
from depannini_dashmap.lib.geo import HALF_LOCATION
from depannini_dashmap.lib.ops import audit
from depannini_dashmap.lib.text import plain_plate
from fleet.default_company import company_for
from fleet.events import board_changed, vehicle_changed
from fleet.models import Vehicle
from fleet.signals import vehicle_leaving

PLATE_TAKEN = _("Another vehicle of this company has it.")


@transaction.atomic
def create_vehicle(*, actor: User, company: Company | None = None, **fields: Any) -> Vehicle:
    """Add a vehicle to a company of the actor.

    Raises: InvalidData (no company, plate taken), Forbidden (the actor only views the company).
    """
    vehicle = Vehicle(company_id=company_for(actor, company), **_with_plain_plate(fields))
    _save(vehicle)
    return vehicle


@transaction.atomic
def update_vehicle(*, actor: User, vehicle_id: int, company: Company | None = None, **fields: Any) -> Vehicle:
    """Change the named fields; another `company` moves the vehicle there unless a trip needs it.

    Raises: NotFound, Forbidden, InvalidData (plate taken), Conflict (open trips).
    """
    vehicle = _lock(actor, vehicle_id)
    if company is not None and company.pk != vehicle.company_id:
        require_editor(actor, company.pk)
        vehicle_leaving.send(sender=Vehicle, vehicle=vehicle, reason="moved")
        board_changed(vehicle.company_id, "vehicles")  # of the company that it leaves, whose map must drop it
        fields["company_id"] = company.pk
    changed = {name: value for name, value in _with_plain_plate(fields).items() if getattr(vehicle, name) != value}
    for name, value in changed.items():
        setattr(vehicle, name, value)
    if changed:
        _save(vehicle, update_fields=[*changed, "updated_at"])
    return vehicle


@transaction.atomic
def delete_vehicle(*, actor: User, vehicle_id: int) -> None:
    """Take a vehicle out of the fleet; its row, trips and positions stay.

    Raises: NotFound, Forbidden, Conflict (open trips).
    """
    vehicle = _lock(actor, vehicle_id)
    vehicle_leaving.send(sender=Vehicle, vehicle=vehicle, reason="deleted")
    vehicle.deleted_at = timezone.now()
    _save(vehicle, update_fields=["deleted_at", "updated_at"])
    audit.record("vehicle_deleted", actor=actor, target=vehicle)


@transaction.atomic
def restore_vehicle(*, actor: User, vehicle_id: int) -> Vehicle:
    """Restore a deleted vehicle; a vehicle that is not deleted stays as it is.

    Raises: NotFound, Forbidden, Conflict `plate_taken` (another vehicle has its plate by now).
    """
    vehicle = _lock(actor, vehicle_id, deleted_too=True)
    if not vehicle.is_deleted:
        return vehicle
    vehicle.deleted_at = None
    try:
        _save(vehicle, update_fields=["deleted_at", "updated_at"])
    except InvalidData as error:
        raise Conflict(_("The company already has a vehicle with this license plate."), code="plate_taken") from error
    audit.record("vehicle_restored", actor=actor, target=vehicle)
    return vehicle


def _lock(actor: User, vehicle_id: int, *, deleted_too: bool = False) -> Vehicle:
    rows = Vehicle.objects.visible_to(actor)
    vehicle = (rows if deleted_too else rows.alive()).select_for_update(of=("self",)).filter(pk=vehicle_id).first()
    if vehicle is None:
        raise NotFound(_("Vehicle"))
    require_editor(actor, vehicle.company_id)
    return vehicle


def _with_plain_plate(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with the plate in its one spelling, so that the constraint knows it again."""
    plate = fields.get("license_plate")
    plain = plain_plate(plate) if isinstance(plate, str) else ""
    return {**fields, "license_plate": plain} if plain else fields


def _require_whole_plan(vehicle: Vehicle) -> None:
    """Refuse what a planner could not read: half a place, a break or shift without its times. Raises: InvalidData."""
    faults: dict[str, list[Any]] = {}
    for end in ("start", "end"):
        half = [name for name in (f"{end}_latitude", f"{end}_longitude") if getattr(vehicle, name) is None]
        if len(half) == 1:
            faults[half[0]] = [HALF_LOCATION]
    for first, last in (("shift_start", "shift_end"), ("break_earliest", "break_latest")):
        half = [name for name in (first, last) if getattr(vehicle, name) is None]
        if len(half) == 1:
            faults[half[0]] = [_("Give both times, or neither.")]
    if vehicle.break_minutes and vehicle.break_earliest is None and vehicle.break_latest is None:
        faults["break_earliest"] = [_("Between which times does the break begin?")]
    if vehicle.shift_start is not None and vehicle.shift_start == vehicle.shift_end:
        faults["shift_end"] = [_("A shift ends at another time than it begins.")]
    if faults:
        raise InvalidData(fields=faults)


def _save(vehicle: Vehicle, update_fields: list[str] | None = None) -> None:
    _require_whole_plan(vehicle)
    try:
        with transaction.atomic():
            vehicle.save(update_fields=update_fields)
    except IntegrityError as error:
        if "vehicle_plate_once" not in str(error):
            raise
        raise InvalidData(fields={"license_plate": [PLATE_TAKEN]}) from error
    vehicle_changed(vehicle.pk, vehicle.company_id)
