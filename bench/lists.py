"""What the lists of orders, vehicles and trips cost: queries, time a row, and the ratio to the bare fetch of the same run.

`python -m bench.lists [--quick] [--sizes 100,1000,10000] [--trips 500]` with DATABASE_URL in the environment
(PostgreSQL: it makes a database of its own next to the given one and drops it at the end; without it, a SQLite file).
The floor runs the very statements of the list through the driver's own cursor, makes one flat dict of each row and
encodes them with orjson; the list is the whole request in process: sign-in, filters, pages of 1,000, documents, bytes.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import time
from collections.abc import Callable
from typing import Any

from bench import figures
from bench.django_setup import load_django
from testing.databases import own_database

STOPS_A_TRIP = 6
GOAL_SIZE = 2000  # orders


def medians_ms(acts: list[Callable[[], Any]], rounds: int) -> list[float]:
    """Return the median time of each act in milliseconds; they take turns, so that a busy machine slows all alike."""
    times: list[list[float]] = [[] for _ in acts]
    for turn in range(rounds + 1):
        for act, taken in zip(acts, times, strict=True):
            started = time.perf_counter()
            act()
            if turn:
                taken.append((time.perf_counter() - started) * 1000)
    return [statistics.median(taken) for taken in times]


def read_list(client: Any, path: str) -> None:
    """Read all pages of a list, without reading the documents."""
    url: str | None = path
    while url:
        answer = client.get(url)
        assert answer.status_code == 200, answer.content
        following = re.search(rb'"next":"([^"]+)"', answer.content[-600:])
        url = following.group(1).decode() if following else None


def statements_of(client: Any, path: str) -> list[tuple[str, Any]]:
    """Return the statements that a list runs after the sign-in, with their parameters."""
    from django.db import connection

    seen: list[tuple[str, Any]] = []

    def note(execute: Callable, sql: str, params: Any, many: bool, context: dict) -> Any:
        seen.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        read_list(client, path)
    return seen


def bare_fetch(statements: list[tuple[str, Any]]) -> None:
    """Fetch the same rows with the driver alone and encode them."""
    import orjson
    from django.db import connection

    connection.ensure_connection()
    for sql, params in statements:
        with connection.connection.cursor() if connection.vendor == "postgresql" else connection.cursor() as cursor:
            cursor.execute(sql, params)
            names = [str(index) for index, _ in enumerate(cursor.description)]
            orjson.dumps([dict(zip(names, row, strict=True)) for row in cursor.fetchall()], default=str)


def fill_orders(company: Any, size: int) -> None:
    """Add orders until the company has so many."""
    from orders.fake_orders import invent_orders
    from orders.models import Order

    while (missing := size - Order.objects.filter(company=company).count()) > 0:
        invent_orders(company_id=company.pk, count=min(1000, missing), seed=missing)


def fill_vehicles(company: Any, size: int) -> None:
    """Add vehicles until the company has so many."""
    from fleet.models import Vehicle

    have = Vehicle.objects.filter(company=company).count()
    Vehicle.objects.bulk_create(
        Vehicle(company=company, license_plate=f"B{number}", make="Ford", model="Transit", year=2023, capacity=2)
        for number in range(have, size)
    )


def fill_trips(actor: Any, company: Any, size: int) -> None:
    """Plan trips of three orders each through the services."""
    import datetime as dt

    from fleet.models import Vehicle
    from orders.fake_orders import invent_orders
    from trips.services import stop_lists, trips

    vehicle = Vehicle.objects.create(
        company=company, license_plate="T1", make="Ford", model="Transit", year=2023, capacity=2
    )
    for number in range(size):
        trip = trips.create_trip(
            actor=actor,
            vehicle=vehicle,
            name=f"Route {number}",
            planned_start_date=dt.date(2026, 1, 1),
            planned_start_time=dt.time(8),
        )
        for order in invent_orders(company_id=company.pk, count=STOPS_A_TRIP // 2, seed=number):
            stop_lists.add_order(actor=actor, trip_id=trip.pk, order=order)


def measure(client: Any, path: str, rows: int, rounds: int, runs: int) -> tuple[list[float], list[float]]:
    """Print one line of the table, the rows counted as the database does by itself within a minute.

    Returns the queries of a page and the ratio to the bare fetch, in each run.
    """
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    statements, pages = statements_of(client, path), max(1, -(-rows // 1000))
    queries, times = [], []
    for _ in range(runs):
        queries.append(len(statements_of(client, path)) / pages)
        times.append(medians_ms([lambda: read_list(client, path), lambda: bare_fetch(statements)], rounds))
    ratios = [whole / bare for whole, bare in times]
    whole, bare = (statistics.median(column) for column in zip(*times, strict=True))
    print(
        f"{path:<18} {rows:>7} {statistics.median(queries):>9.1f} {whole:>9.1f} {whole / rows * 1000:>9.1f} "
        f"{bare:>9.1f} {statistics.median(ratios):>7.2f}",
        flush=True,
    )
    return queries, ratios


def report(what: str, measured: tuple[list[float], list[float]]) -> None:
    """Hand over the two figures of a list."""
    figures.report(f"{what}: queries a page", measured[0], at_most=3, is_strict=True)
    figures.report(f"{what}: time", measured[1], at_most=1.5, unit="x the bare fetch and JSON")


def main() -> None:
    """Fill a database step by step and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--sizes", default="100,1000,2000,10000")
    parser.add_argument("--trips", type=int, default=500)
    options = parser.parse_args()
    sizes = [100, GOAL_SIZE] if options.quick else [int(size) for size in options.sizes.split(",")]
    rounds, runs, trips = (5, 1, 50) if options.quick else (7, 3, options.trips)
    with own_database(os.environ.get("DATABASE_URL", ""), "bench") as url:
        load_django(url)
        from rest_framework.test import APIClient

        from accounts.models import Company, Membership, User
        from accounts.tokens import issue_pair

        company = Company.objects.create(name="Bench")
        actor = User.objects.create_user("bench", user_type="dispatcher", current_company=company)
        Membership.objects.create(user=actor, company=company)
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_pair(actor)['access']}")
        print(f"{'list':<18} {'rows':>7} {'q./page':>9} {'ms':>9} {'µs/row':>9} {'bare ms':>9} {'ratio':>7}")
        for size in sizes:
            fill_orders(company, size)
            measured = measure(client, "/api/orders/", size, rounds, runs)
            if size == GOAL_SIZE:
                report(f"orders list, {size:,}", measured)
        for size in sizes:
            fill_vehicles(company, size)
            measure(client, "/api/vehicles/", size, rounds, runs)
        fill_trips(actor, company, trips)
        report(f"trips list, {trips:,} x {STOPS_A_TRIP} stops", measure(client, "/api/trips/", trips, rounds, runs))
        from django.db import connection

        connection.close()


if __name__ == "__main__":
    main()
