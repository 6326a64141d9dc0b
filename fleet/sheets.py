"""What a row of a vehicle sheet means: a vehicle known by its company and plate."""

from types import SimpleNamespace
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from import_export.results import RowResult

from accounts.models import Company, User
from depannini_dashmap.lib.sheets.resources import RowResource
from depannini_dashmap.lib.text import plain_digits
from fleet import services
from fleet.default_company import company_for
from fleet.models import Vehicle
from fleet.representation import vehicle_document, vehicle_rows
from fleet.serializers import VehicleSerializer
from fleet.sheet_columns import KINDS, OTHER_HEADINGS

MOST_TONNES = 150
_MAY_BE_CLEARED = ("driver_name", "driver_email", "driver_phone", "driver_language")


class VehicleResource(RowResource):
    """One vehicle a row; a plate that the company has already is changed, so a file may be imported again."""

    columns: ClassVar = {
        "company": "company__name",
        "license_plate": "license_plate",
        "make": "make",
        "model": "model",
        "year": "year",
        "capacity": "capacity",
        "driver_name": "driver_name",
        "driver_email": "driver_email",
        "driver_phone": "driver_phone",
        "driver_language": "driver_language",
        "is_active": "is_active",
    }
    other_headings, kinds = OTHER_HEADINGS, KINDS
    unique: ClassVar = ("license_plate",)
    required = ("license_plate", "make", "model", "year", "capacity")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plates: dict[int, dict[str, int]] = {}

    def put_row(self, row: dict[str, str], *, user: User, number: int, dry_run: bool) -> tuple[str, Vehicle]:
        """Add the vehicle or change the one with this plate."""
        company_id = company_for(user, named_company(user, row.get("company", "")))
        sent = {
            name: value
            for name, value in row.items()
            if name in self.columns
            and name != "company"
            and (value or name in _MAY_BE_CLEARED or name in self.required)
        }
        fields = self.validated(VehicleSerializer(context={"request": SimpleNamespace(user=user)}), sent)
        if fields.get("capacity", 0) > MOST_TONNES:
            raise ValidationError({"capacity": [_("No vehicle carries %(text)s tonnes: write the unit, as in 3500 kg.") % {"text": row["capacity"]}]})
        vehicle = self._known(company_id, fields["license_plate"])
        if vehicle is None:
            company = Company(pk=company_id)
            return RowResult.IMPORT_TYPE_NEW, services.create_vehicle(actor=user, company=company, **fields)
        before = _document(vehicle.pk)
        if vehicle.license_plate != fields["license_plate"]:
            self.note(_("Known as %(reference)s") % {"reference": vehicle.license_plate})
        vehicle = services.update_vehicle(actor=user, vehicle_id=vehicle.pk, **fields)
        same = before == _document(vehicle.pk)
        return (RowResult.IMPORT_TYPE_SKIP if same else RowResult.IMPORT_TYPE_UPDATE), vehicle

    def _known(self, company_id: int, plate: str) -> Vehicle | None:
        """Return the company's vehicle of this plate, with any separators between its letters and digits."""
        vehicles = Vehicle.objects.alive().filter(company_id=company_id)
        exact = vehicles.filter(license_plate__iexact=plate).first()
        if exact is not None:
            return exact
        if company_id not in self.plates:
            self.plates[company_id] = {_squeezed(text): pk for pk, text in vehicles.values_list("pk", "license_plate")}
        return vehicles.filter(pk=self.plates[company_id].get(_squeezed(plate))).first()


def _squeezed(plate: str) -> str:
    return "".join(letter for letter in plain_digits(plate).upper() if letter.isalnum())


def named_company(user: User, name: str) -> Company | None:
    """Return the caller's company of this name or id, None for an empty cell. Raises: ValidationError."""
    if not name:
        return None
    mine = Company.objects.visible_to(user)
    found = list(mine.filter(name__iexact=name)[:2])
    if not found and name.isascii() and name.isdigit() and len(name) < 19:
        found = list(mine.filter(pk=int(name)))
    if len(found) != 1:
        fault = _("Several companies have this name: give the id.") if found else _("Unknown company.")
        raise ValidationError({"company": [fault]})
    return found[0]


def _document(vehicle_id: int) -> dict[str, Any]:
    return vehicle_document(vehicle_rows(Vehicle.objects.filter(pk=vehicle_id)).get())
