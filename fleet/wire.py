"""How a vehicle looks in an answer: built from one `values()` query, without model instances."""

from typing import Any

from django.db.models import QuerySet

from depannini_dashmap.lib.fields import format_decimal, format_utc

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
    "is_active",
    "created_at",
    "updated_at",
)


def vehicle_rows(vehicles: QuerySet) -> QuerySet:
    """Reduce a query to the columns that a document shows."""
    return vehicles.values(*COLUMNS)


def vehicle_document(row: dict[str, Any]) -> dict[str, Any]:
    """Return the documented vehicle object of one row of `vehicle_rows`."""
    return {
        "id": row["id"],
        "company": row["company_id"],
        "company_name": row["company__name"],
        "license_plate": row["license_plate"],
        "make": row["make"],
        "model": row["model"],
        "year": row["year"],
        "capacity": format_decimal(row["capacity"], 2),
        "driver_name": row["driver_name"],
        "driver_email": row["driver_email"],
        "driver_phone": row["driver_phone"],
        "is_active": row["is_active"],
        "created_at": format_utc(row["created_at"]),
        "updated_at": format_utc(row["updated_at"]),
    }
