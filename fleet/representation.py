"""Representation of a vehicle in answers, built from one `values_list()` query, without model instances."""

from typing import Any

from django.db.models import QuerySet

from depannini_dashmap.lib.api.keyset_pagination import decimal_text, instant_text
from fleet.models import PLANNING

COLUMNS = (
    "id",
    "company_id",
    "company__name",
    "license_plate",
    "make",
    "model",
    "year",
    "capacity",
    "driver_name",
    "driver_email",
    "driver_phone",
    "driver_language",
    "is_active",
    "created_at",
    "updated_at",
    *PLANNING,
)
_DECIMALS = {"volume_capacity", "start_latitude", "start_longitude", "end_latitude", "end_longitude"}
_DECIMALS |= {name for name in PLANNING if name.startswith("cost_")}
_CLOCKS = {"shift_start", "shift_end", "break_earliest", "break_latest"}


def vehicle_rows(vehicles: QuerySet) -> QuerySet:
    """Reduce a query to the columns that a document shows."""
    return vehicles.values_list(*COLUMNS)


def vehicle_document(row: tuple[Any, ...]) -> dict[str, Any]:
    """Return the documented vehicle object of one row of `vehicle_rows`."""
    (
        pk, company, company_name, license_plate, make, model, year, capacity, driver_name, driver_email, driver_phone,
        driver_language, is_active, created_at, updated_at, *planning,
    ) = row  # fmt: skip
    return {
        "id": pk,
        "company": company,
        "company_name": company_name,
        "license_plate": license_plate,
        "make": make,
        "model": model,
        "year": year,
        "capacity": decimal_text(capacity),
        "driver_name": driver_name,
        "driver_email": driver_email,
        "driver_phone": driver_phone,
        "driver_language": driver_language,
        "is_active": is_active,
        **_planning(planning),
        "created_at": instant_text(created_at),
        "updated_at": instant_text(updated_at),
    }


def _planning(values: list[Any]) -> dict[str, Any]:
    return {name: _planning_value(name, value) for name, value in zip(PLANNING, values, strict=True)}


def _planning_value(name: str, value: Any) -> Any:
    if name == "skills":
        return value or []
    if value is None or (name not in _DECIMALS and name not in _CLOCKS):
        return value
    return decimal_text(value) if name in _DECIMALS else value.isoformat("seconds")
