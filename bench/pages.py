"""What the console's pages cost: queries and time, as a ratio to an empty admin page of the same run.

`python -m bench.pages [--quick]` with DATABASE_URL in the environment (PostgreSQL: it makes a database of its own next to
the given one and drops it at the end; without it, a SQLite file). 10,000 orders, 1,000 trips of 6 stops, 1,000 vehicles
with a latest position each, and 1,000,000 positions (--quick: a tenth of everything). The empty page is
`/admin/password_change/`: session, user, roles and the same frame around nothing.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import statistics
import time
from typing import Any

from bench.django_setup import load_django
from testing.databases import own_database

STOPS = 6
OPEN_ORDERS = 200


def fill(scale: float) -> Any:
    """Make a haulier with a long history and return a dispatcher of it and an operator."""
    from django.contrib.auth.models import Group
    from django.db import connection
    from django.utils import timezone

    from accounts.models import Company, Membership, User
    from fleet.models import Vehicle
    from orders.models import Order, Stop
    from trips.models import Trip, TripStop

    vehicles, orders, trips, positions = (int(n * scale) for n in (1000, 10_000, 1000, 1_000_000))
    company = Company.objects.create(name="Bench")
    nadia = User.objects.create_user("nadia", "nadia@example.com", "x", user_type="dispatcher", current_company=company)
    Membership.objects.create(user=nadia, company=company)
    salim = User.objects.create_user("salim", "salim@example.com", "x", user_type="staff")
    salim.groups.add(Group.objects.get_or_create(name="Operators")[0])
    fleet = Vehicle.objects.bulk_create(
        Vehicle(company=company, license_plate=f"{n}-16", make="M", model="T", year=2020, capacity=3) for n in range(vehicles)
    )
    stops = Stop.objects.bulk_create(
        (Stop(company=company, name=f"Stop {n}", address="Alger", latitude="36.75", longitude="3.05") for n in range(2 * orders)),
        batch_size=2000,
    )
    now = timezone.now()
    Order.objects.bulk_create(
        (
            Order(
                company=company, order_number=f"ORD-2026-{n:05}", customer_name=f"Customer {n}", goods_description="boxes",
                pickup_stop=stops[2 * n], delivery_stop=stops[2 * n + 1],
                status="pending" if n < OPEN_ORDERS else "delivered",
            )
            for n in range(orders)
        ),
        batch_size=2000,
    )  # fmt: skip
    Order.objects.filter(status="delivered").update(created_at=now - dt.timedelta(days=60))
    made = Trip.objects.bulk_create(
        Trip(
            company=company, vehicle=fleet[n % vehicles], dispatcher=nadia, name=f"Trip {n}",
            status="planned" if n < 20 else "completed",
            planned_start_date=now.date() - dt.timedelta(days=0 if n < 20 else 2 + n % 300), planned_start_time=dt.time(8),
            actual_start_datetime=None if n < 20 else now, actual_end_datetime=None if n < 20 else now,
        )
        for n in range(trips)
    )  # fmt: skip
    TripStop.objects.bulk_create(
        (
            TripStop(trip=trip, stop=stops[(k * STOPS + s) % len(stops)], sequence=s + 1)
            for k, trip in enumerate(made)
            for s in range(STOPS)
        ),
        batch_size=2000,
    )
    fill_positions(nadia, [vehicle.pk for vehicle in fleet], positions, now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return nadia, salim


def fill_positions(actor: Any, vehicle_ids: list[int], count: int, now: dt.datetime) -> None:
    """Write a history through the product's own bulk service."""
    from telematics.services.positions import record_positions

    each = count // len(vehicle_ids)
    moments = [(now - dt.timedelta(seconds=30 * step)).isoformat() for step in range(each, 0, -1)]
    fix = {"latitude": 36.75, "longitude": 3.05, "speed": 40, "heading": 90}
    for start in range(0, len(vehicle_ids), 5):
        some = vehicle_ids[start : start + 5]
        rows = [{"vehicle_id": pk, "timestamp": moment, **fix} for pk in some for moment in moments]
        record_positions(actor=actor, rows=rows)


def measure(client: Any, paths: list[str], rounds: int) -> list[tuple[str, int, int, float]]:
    """Return path, queries, bytes and median milliseconds; the paths take turns."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    times: dict[str, list[float]] = {path: [] for path in paths}
    facts = {}
    for turn in range(rounds + 1):
        for path in paths:
            if not turn:
                with CaptureQueriesContext(connection) as queries:
                    answer = client.get(path)
                assert answer.status_code == 200, (path, answer.status_code)
                facts[path] = (len(queries), len(answer.content))
                continue
            started = time.perf_counter()
            client.get(path)
            times[path].append((time.perf_counter() - started) * 1000)
    return [(path, *facts[path], statistics.median(times[path])) for path in paths]


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with own_database(os.environ.get("DATABASE_URL", ""), "bench") as url:
        load_django(url)
        from django.test import Client

        nadia, salim = fill(0.1 if options.quick else 1.0)
        print(f"{'who':<12}{'page':<34}{'queries':>8}{'kB':>8}{'ms':>9}{'ratio':>8}")
        for user in (nadia, salim):
            client = Client(headers={"host": "127.0.0.1"})
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
            pages = [
                "/admin/password_change/", "/admin/", "/admin/board/", "/admin/map/", "/admin/map/state/",
                "/admin/orders/order/", "/admin/trips/trip/", "/admin/fleet/vehicle/", "/admin/telematics/position/",
            ]  # fmt: skip
            rows = measure(client, pages, options.rounds)
            floor = rows[0][3]
            for path, queries, size, spent in rows:
                print(f"{user.username:<12}{path:<34}{queries:>8}{size / 1000:>8.0f}{spent:>9.1f}{spent / floor:>8.2f}")


if __name__ == "__main__":
    main()
