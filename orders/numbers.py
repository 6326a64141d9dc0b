"""Order numbers: unique everywhere, in order, without a race."""

from datetime import datetime

from django.db import connection
from django.utils import timezone

_RAISE = """
    INSERT INTO orders_ordernumber (year, last) VALUES (%s, %s)
    ON CONFLICT (year) DO UPDATE SET last = orders_ordernumber.last + excluded.last
    RETURNING last
"""


def format_number(year: int, number: int) -> str:
    """Return `ORD-2024-0001`; beyond 9999 the number simply grows longer."""
    return f"ORD-{year}-{number:04d}"


def take_numbers(count: int = 1, *, now: datetime | None = None) -> list[str]:
    """Take the next `count` order numbers of the year (UTC), in order.

    Effects: raises the year's counter in one statement; its row stays locked until the transaction ends, so take
    numbers as late as possible. A transaction that fails leaves no gap, one that deletes its order does.
    """
    year = (now or timezone.now()).year
    with connection.cursor() as cursor:
        cursor.execute(_RAISE, [year, count])
        last = cursor.fetchone()[0]
    return [format_number(year, number) for number in range(last - count + 1, last + 1)]
