"""Receipt numbers: one series for each company, one for jobs, restarting each year, without a gap."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from depannini_dashmap.lib.time_zone import display_zone
from payments.models import ReceiptCounter

_TABLE = ReceiptCounter._meta.db_table
_RAISE = f"""
    INSERT INTO {_TABLE} (series, year, last) VALUES (%s, %s, 1)
    ON CONFLICT (series, year) DO UPDATE SET last = {_TABLE}.last + 1
    RETURNING last
"""  # noqa: S608 - the name of a table of ours


def take_receipt_number(series: int, now: datetime) -> tuple[int, int]:
    """Return the year of a payment, in local time, and its number.

    Effects: raises the counter in one statement; its row stays locked until the transaction ends, so take the number as
    late as possible. A transaction that fails gives its number back.
    """
    year = now.astimezone(display_zone()).year
    with connection.cursor() as cursor:
        cursor.execute(_RAISE, [series, year])
        return year, cursor.fetchone()[0]
