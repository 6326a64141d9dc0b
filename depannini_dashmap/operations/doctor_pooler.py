"""What `manage.py doctor` asks about a pooler between the server and PostgreSQL: whose connections are they?"""

import psycopg2
from django.conf import settings
from django.db import connection

from depannini_dashmap.operations.doctor_findings import PATIENCE, Broken, Doubtful, cause, examination

_TRIES = 10
_TIMEOUTS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


@examination
def pooler() -> str:
    """See whether connections are shared between transactions, and whether the time-outs hold all the same."""
    if connection.vendor != "postgresql":
        return "SQLite has none"
    try:
        is_shared, missing, role = _look()
    except psycopg2.Error as error:
        raise Broken(f"Cannot be asked: {cause(error)}", "See database.") from error
    if is_shared and settings.DATABASE_PREPARE:
        raise Broken(
            "A pooler shares connections between transactions, and statements are prepared in them",
            "Set DATABASE_PREPARE=off, or pool_mode=session in the pooler.",
        )
    if (is_shared or not settings.DATABASE_PREPARE) and missing:
        raise Doubtful(
            f"Through this pooler {', '.join(missing)} hold only where the role has them",
            " ".join(f"ALTER ROLE {role} SET {name} = '{_wanted(name)}';" for name in missing),
        )
    if is_shared:
        return "connections are shared, and the role keeps the time-outs"
    if off := _switched_off():
        raise Doubtful(f"Our connections have no {', '.join(off)}", "Say them in the options of DATABASE_URL, or leave its options out.")
    return "each connection is our own, with its time-outs"


def _switched_off() -> list[str]:
    """Return the time-outs that a connection of the server's lacks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_settings WHERE name = ANY(%s) AND setting = '0' ORDER BY name", [list(_TIMEOUTS)])
        return [row[0] for row in cursor.fetchall()]


def _wanted(name: str) -> str:
    return {"statement_timeout": "15s", "lock_timeout": "3s", "idle_in_transaction_session_timeout": "30s"}[name]


def _look() -> tuple[bool, list[str], str]:
    """Return whether two open connections met one process of the server, which time-outs the role lacks, and its name."""
    parameters = {**connection.get_connection_params(), "connect_timeout": PATIENCE}
    for ours in ("cursor_factory", "context"):
        parameters.pop(ours, None)
    one, other = psycopg2.connect(**parameters), psycopg2.connect(**parameters)
    try:
        for held in (one, other):
            held.autocommit = True
        met: list[set[int]] = [set(), set()]
        with one.cursor() as first, other.cursor() as second:
            for _ in range(_TRIES):
                for cursor, seen in zip((first, second), met, strict=True):
                    cursor.execute("SELECT pg_backend_pid()")
                    seen.add(cursor.fetchone()[0])
            # The defaults of the role and the database, not values that others have SET on a shared connection.
            first.execute("SELECT name FROM pg_settings WHERE name = ANY(%s) AND reset_val = '0'", [list(_TIMEOUTS)])
            rows = first.fetchall()
            first.execute("SELECT current_user")
            role = first.fetchone()[0]
    finally:
        one.close()
        other.close()
    return bool(met[0] & met[1]) or any(len(seen) > 1 for seen in met), sorted(row[0] for row in rows), role
