"""A database of a size worth speaking of, and a look at the locks that a migration takes there."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import psycopg2

from testing.environments import IsolatedEnvironment

MIGRATING = "drill-migrate"  # what the migrating sessions call themselves
EVERY = 0.01

_BLOCKING = "('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"  # that keep writers away
_LOOK = f"""
    SELECT l.pid, c.relname, l.mode, l.granted FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    JOIN pg_class c ON c.oid = l.relation AND c.relkind = 'r'
    WHERE a.application_name = '{MIGRATING}' AND l.mode IN {_BLOCKING}
"""


def fill(environment: IsolatedEnvironment, positions: int, people: int = 50_000, orders: int = 50_000, requests: int = 50_000) -> None:
    """Multiply the first row of each large table, with the columns of the present release."""
    _multiply(
        environment, "accounts_user", people, username="'filled' || n", email="NULL", phone_number="NULL", google_sub="NULL",
        user_type="'client'", current_company_id="NULL", is_staff="false", is_superuser="false",
    )  # fmt: skip
    first = environment.rows("SELECT max(id) FROM orders_stop")[0][0]
    _multiply(environment, "orders_stop", 2 * orders)
    _multiply(
        environment, "orders_order", orders, order_number="'F' || n", reference="''", is_in_trip="false", status="'pending'",
        pickup_stop_id=f"{first} + 2 * n - 1", delivery_stop_id=f"{first} + 2 * n",
    )  # fmt: skip
    _multiply(environment, "assistance_assistance", requests, status="'completed'", ended_at="now()")
    _multiply(environment, "telematics_position", positions, timestamp="timestamptz '2015-01-01' + n * interval '1 second'")
    environment.rows("ANALYZE")


def _multiply(environment: IsolatedEnvironment, table: str, count: int, **changed: str) -> None:
    """Insert so many copies of a table's first row; `changed` columns are SQL of `n`, counted from 1."""
    columns = [
        name
        for (name,) in environment.rows(
            f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' AND is_identity = 'NO'"
        )
    ]
    values = ", ".join(changed.get(name) or f'r."{name}"' for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    # Copied rows refer to existing ones: constraint triggers are disabled, as in a restore.
    environment.rows(
        "SET session_replication_role = replica; "
        f"INSERT INTO {table} ({names}) SELECT {values} FROM generate_series(1, {count}) n, (SELECT * FROM {table} ORDER BY id LIMIT 1) r"
    )


def size(environment: IsolatedEnvironment) -> str:
    """Say how much is stored."""
    tables = {
        "positions": "telematics_position",
        "users": "accounts_user",
        "orders": "orders_order",
        "stops": "orders_stop",
        "requests": "assistance_assistance",
    }
    return ", ".join(f"{environment.rows(f'SELECT count(*) FROM {table}')[0][0]:,} {name}" for name, table in tables.items())


@dataclass(frozen=True)
class Lock:
    """How long one lock on one table was seen."""

    seconds: float = 0.0
    table: str = ""
    mode: str = ""

    def __str__(self) -> str:
        return (
            f"{self.seconds:.2f} ({self.mode} on {self.table})"
            if self.table
            else f"none seen, looking every {EVERY * 1000:.0f} ms"
        )


class Locks:
    """Looks at the locks of migrating sessions, on tables that others see already, which keep writers away."""

    def __init__(self, environment: IsolatedEnvironment) -> None:
        self.connection = psycopg2.connect(environment.database_url)
        self.connection.autocommit = True
        self.seen: dict[tuple, tuple[float, float]] = {}
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Locks:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()
        self.connection.close()

    def _look(self) -> None:
        with self.connection.cursor() as cursor:
            while not self.over.wait(EVERY):
                cursor.execute(_LOOK)
                now = time.perf_counter()
                for key in cursor.fetchall():
                    first, _ = self.seen.get(key, (now, now))
                    self.seen[key] = (first, now)

    def longest(self, *, granted: bool) -> Lock:
        """Return the lock that was held, or waited for, the longest; taken twice, it counts from the first time to the last."""
        found = [
            Lock(last - first + EVERY, table, mode)
            for (_, table, mode, held), (first, last) in self.seen.items()
            if held == granted
        ]
        return max(found, key=lambda lock: lock.seconds, default=Lock())
