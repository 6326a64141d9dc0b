"""What a long history costs: the console's and the API's lists of orders at 10,000 and at 1,000,000 of one company.

`python -m bench.long_lists [--quick]` with DATABASE_URL (PostgreSQL) in the environment: it makes a database of its own
for each size next to the given one and drops it. The orders are written by the database itself, half a minute for a
million: three years of them, of which the newest `OPEN` are under way; one in fifty was cancelled, each customer comes
again after five thousand others, and three hundred of the oldest tenth carried what nobody carries since. A figure is the time at the greater size by that at the smaller one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from bench import figures
from bench.django_setup import load_django
from bench.lists import medians_ms
from testing.databases import own_database

OPEN = 200
RARE = "Zarrouk 3500"  # the customer of 60 orders of either size, so that the page has the same rows
OLD = "amber"  # the goods of 300 orders of the oldest tenth

_STOPS = """
INSERT INTO orders_stop (company_id, name, address, latitude, longitude, stop_type, contact_name, contact_phone, notes,
                         created_at, updated_at)
SELECT %(company)s, 'Depot ' || n, n || ' Rue Didouche Mourad, Alger', 36.75, 3.05,
       CASE WHEN n %% 2 = 1 THEN 'pickup' ELSE 'delivery' END, '', '', '', now(), now()
FROM generate_series(1, 2 * %(size)s) n
RETURNING id
"""
_ORDERS = """
INSERT INTO orders_order (company_id, order_number, reference, customer_name, customer_company, customer_email,
                          customer_phone, goods_description, goods_type, special_instructions, status, is_in_trip,
                          created_at, updated_at, pickup_stop_id, delivery_stop_id)
SELECT %(company)s, 'ORD-' || 2023 + n * 3 / %(size)s || '-' || lpad(n::text, 7, '0'), '',
       CASE WHEN n %% (%(size)s / 60) = 7 THEN %(rare)s ELSE 'Customer ' || n * 7919 %% 5000 END,
       'Company ' || n %% 700, '', '+2135' || lpad((n * 7919 %% 100000000)::text, 8, '0'),
       CASE WHEN n <= %(size)s / 10 AND n * 300 %% (%(size)s / 10) < 300 THEN %(old)s
       ELSE (ARRAY['Boxes of tiles', 'Pallets of milk', 'Machine parts', 'Medicine', 'Furniture'])[1 + n %% 5] END, 'standard', '',
       CASE WHEN n > %(size)s - %(open)s THEN 'pending' WHEN n %% 50 = 7 THEN 'cancelled' ELSE 'delivered' END, false,
       now() - (%(size)s - n) * interval '3 years' / %(size)s, now(), %(first)s + 2 * n - 2, %(first)s + 2 * n - 1
FROM generate_series(1::bigint, %(size)s) n
"""


def fill_many(company: Any, size: int) -> None:
    """Add so many orders to a company without any; needs PostgreSQL, and that nobody else adds stops meanwhile."""
    from django.db import connection

    values = {"company": company.pk, "size": size, "open": OPEN, "rare": RARE, "old": OLD}
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(f"WITH made AS ({_STOPS}) SELECT min(id) FROM made", values)
        cursor.execute(_ORDERS, {**values, "first": cursor.fetchone()[0]})
        cursor.execute("VACUUM ANALYZE orders_order, orders_stop")
        cursor.execute("RESET statement_timeout")


PAGES = {
    "board": "/admin/board/",
    "order list": "/admin/orders/order/",
    "search for a rare customer": f"/admin/orders/order/?q={RARE.replace(' ', '+')}",
    "search for old goods": f"/admin/orders/order/?q={OLD}",
    "search for a number": "/admin/orders/order/?q=ORD-2024-0005000",
    "search for what is not there": "/admin/orders/order/?q=qqqxyz",
    "search for two letters that are not there": "/admin/orders/order/?q=qq",
    "status filter": "/admin/orders/order/?status__exact=cancelled",
}
LISTS = {
    "?search=": f"/api/orders/?page_size=50&search={RARE.replace(' ', '+')}",
    "?search= of old goods": f"/api/orders/?page_size=50&search={OLD}",
    "?ordering=customer_name": "/api/orders/?page_size=50&ordering=customer_name",
}


def measure(url: str, size: int, rounds: int) -> dict[str, float]:
    """Fill a database and return the median milliseconds of each page and list."""
    load_django(url)
    from django.test import Client
    from rest_framework.test import APIClient

    from accounts.models import Company, Membership, User
    from accounts.tokens import issue_pair

    company = Company.objects.create(name="Bench")
    user = User.objects.create_user("bench", user_type="dispatcher", current_company=company)
    Membership.objects.create(user=user, company=company)
    fill_many(company, size)
    browser = Client(headers={"host": "127.0.0.1"})
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    app = APIClient()
    app.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_pair(user)['access']}")
    acts = {name: (browser, path) for name, path in PAGES.items()} | {name: (app, path) for name, path in LISTS.items()}
    for client, path in acts.values():
        assert client.get(path).status_code == 200, path
    times = medians_ms([lambda c=client, p=path: c.get(p) for client, path in acts.values()], rounds)  # type: ignore[misc]
    return dict(zip(acts, times, strict=True))


def main() -> None:
    """Measure each size in a process of its own, print both columns and hand over the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        with own_database(os.environ["DATABASE_URL"], "bench") as url:
            print(json.dumps(measure(url, options.one, 9)))
            from django.db import connection

            connection.close()
        return
    sizes = [1000, 100_000] if options.quick else [10_000, 1_000_000]
    small, big = (
        json.loads(subprocess.check_output([sys.executable, "-m", "bench.long_lists", "--one", str(size)])) for size in sizes
    )
    print(f"{'':<32}{sizes[0]:>12,}{sizes[1]:>12,} ms {'ratio':>8}")
    for name in small:
        print(f"{name:<32}{small[name]:>12.1f}{big[name]:>12.1f}    {big[name] / small[name]:>8.2f}")
    for name in PAGES:
        figures.report(f"{name}, {sizes[1]:,} orders", [big[name] / small[name]], at_most=1.5, unit=f"x its time at {sizes[0]:,}")
    for name in LISTS:
        figures.report(f"API {name}, {sizes[1]:,} orders", [big[name]], at_most=20, unit="ms")


if __name__ == "__main__":
    main()
