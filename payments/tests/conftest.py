"""Delivered orders and completed jobs that cost something."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from assistance.models import Assistance
from orders.models import Order
from orders.services import create_order


@pytest.fixture
def order_of() -> Callable[..., Order]:
    """Make a delivered order: `order_of(dispatcher, price="1500")`."""

    def make(actor: Any, price: str | None = "1500.00", status: str = "delivered", **fields: Any) -> Order:
        fields = {"customer_name": "Leila Hamdi", "goods_description": "Vaccines", **fields}
        order = create_order(actor=actor, price=price and Decimal(price), **fields)
        Order.objects.filter(pk=order.pk).update(status=status)
        order.refresh_from_db()
        return order

    return make


@pytest.fixture
def job_of(client_user: Any, assistant_user: Any) -> Callable[..., Assistance]:
    """Make a completed job: `job_of(price="3000", billed_to="Garage Sahel")`."""

    def make(price: str = "3000.00", status: str = "completed", **fields: Any) -> Assistance:
        now = timezone.now()
        ends = {"ended_at": now} if status in ("completed", "canceled") else {}
        fields = {"client": client_user, "assistant": assistant_user, "accepted_at": now, **ends, **fields}
        return Assistance.objects.create(
            pickup_lat=36.7525, pickup_lng=3.042, total_price=Decimal(price), price_is_final=True, price_source="tariff",
            currency="DZD", status=status, radius_km=10, expires_at=now, **fields,
        )  # fmt: skip

    return make
