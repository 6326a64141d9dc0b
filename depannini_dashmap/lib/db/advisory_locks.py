"""One after the other, where there is no row to lock."""

from django.db import connection


def take_turn(name: str) -> None:
    """Wait for others who took this turn, and keep it until the end of the transaction.

    For what has no row: accounts and addresses that do not exist, which must behave like those that do. SQLite has one
    writer at a time anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
