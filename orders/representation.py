"""Representation of an order with its stops in answers, built from one `values_list()` query, without model instances."""

from typing import Any

from django.db.models import QuerySet

from depannini_dashmap.lib.api.keyset_pagination import decimal_text, instant_text
from depannini_dashmap.lib.db.prepared import PreparedRows
from orders.models import Order

_STOP_FIELDS = (
    "id",
    "name",
    "address",
    "latitude",
    "longitude",
    "stop_type",
    "contact_name",
    "contact_phone",
    "notes",
    "windows",
    "service_minutes",
)
_ORDER_FIELDS = (
    "id",
    "order_number",
    "customer_name",
    "customer_company",
    "customer_email",
    "customer_phone",
    "goods_description",
    "goods_weight",
    "goods_volume",
    "goods_type",
    "special_instructions",
    "status",
    "requested_pickup_date",
    "requested_delivery_date",
    "created_at",
    "updated_at",
    "company_id",
    "is_in_trip",
    "priority",
    "required_skills",
    "price",
    "paid",
)
COLUMNS = (
    *_ORDER_FIELDS,
    *(f"pickup_stop__{name}" for name in _STOP_FIELDS),
    *(f"delivery_stop__{name}" for name in _STOP_FIELDS),
)


def order_rows(orders: QuerySet) -> QuerySet:
    """Reduce a query to the columns that a document shows; stops come in the same query."""
    return orders.values_list(*COLUMNS)


visible_order = PreparedRows(
    lambda reader, order_id: order_rows(Order.objects.visible_to(reader).filter(pk=order_id).order_by())
)


def row_of(order: Order) -> tuple[Any, ...]:
    """Return the row of an order that was just made, whose stops are at hand."""
    stops = [[getattr(stop, name, None) for name in _STOP_FIELDS] for stop in (order.pickup_stop, order.delivery_stop)]
    return (*(getattr(order, name) for name in _ORDER_FIELDS), *stops[0], *stops[1])


def order_document(row: tuple[Any, ...]) -> dict[str, Any]:
    """Return the documented order object of one row of `order_rows`."""
    (
        pk, order_number, customer_name, customer_company, customer_email, customer_phone, goods_description, weight,
        volume, goods_type, special_instructions, status, pickup_date, delivery_date, created_at, updated_at, company,
        is_in_trip, priority, required_skills, price, paid, *stops,
    ) = row  # fmt: skip
    return {
        "id": pk,
        "company": company,
        "order_number": order_number,
        "customer_name": customer_name,
        "customer_company": customer_company,
        "customer_email": customer_email,
        "customer_phone": customer_phone,
        "pickup_stop": _stop(*stops[:11]),
        "delivery_stop": _stop(*stops[11:]),
        "goods_description": goods_description,
        "goods_weight": decimal_text(weight),
        "goods_volume": decimal_text(volume),
        "goods_type": goods_type,
        "priority": priority,
        "required_skills": required_skills or [],
        "special_instructions": special_instructions,
        "price": decimal_text(price),
        "paid": decimal_text(paid),
        "status": status,
        "is_in_trip": is_in_trip,
        "requested_pickup_date": pickup_date,
        "requested_delivery_date": delivery_date,
        "created_at": instant_text(created_at),
        "updated_at": instant_text(updated_at),
    }


def _stop(
    pk: int | None, name: str, address: str, latitude: Any, longitude: Any, stop_type: str, contact_name: str,
    contact_phone: str, notes: str, windows: list[dict[str, str]] | None, service_minutes: int | None,
) -> dict[str, Any] | None:  # fmt: skip
    if pk is None:
        return None
    return {
        "id": pk,
        "name": name,
        "address": address,
        "latitude": decimal_text(latitude),
        "longitude": decimal_text(longitude),
        "stop_type": stop_type,
        "contact_name": contact_name,
        "contact_phone": contact_phone,
        "notes": notes,
        "windows": windows or [],
        "service_minutes": service_minutes,
    }
