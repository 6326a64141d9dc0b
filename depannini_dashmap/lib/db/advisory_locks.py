"""Advisory locks, for what has no row to lock."""

from django.db import connection


def take_lock(name: str) -> None:
    """Take the advisory lock of a name, and hold it until the end of the transaction.

    For accounts and addresses that do not exist, which must behave like those that do. No effect on SQLite, which has one
    writer at a time.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
