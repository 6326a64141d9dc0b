"""What is told after commit about orders: to the boards of their company, and to their customers' pages."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.link_events import links_ended, pages_changed
from fleet.events import board_changed
from orders.models import OrderLink


def orders_changed(company_id: int, order_ids: Iterable[int]) -> None:
    """Hint to the boards of a company and to the pages of its orders' customers that they should look again."""
    board_changed(company_id, "orders")
    pages_changed(OrderLink, *order_ids)


def customer_links_ended(order_id: int) -> None:
    """Have the pages of an order's customer check whether their link still opens it."""
    links_ended(OrderLink, order_id)
