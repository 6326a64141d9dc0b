"""The cost of finding assistants nearby, as a ratio to `SELECT 1` of the same run, from 1,000 to 1,000,000 assistants.

`python -m bench.nearby [--quick] [--sizes 1000,10000,100000,1000000]` with DATABASE_URL in the environment (PostgreSQL:
it makes a database of its own next to the given one and drops it at the end; without it, a SQLite file of its own).
Assistants lie evenly over an area the size of northern Algeria, so that more of them means that they are denser.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from bench import figures
from bench.django_setup import load_django
from testing.databases import own_database

SOUTH, NORTH, WEST, EAST = 30.0, 37.0, -2.0, 8.0
BATCH = 20_000
GOAL_SIZE = 10_000  # assistants
RUNS = 3
WAITING = 160  # requests around a first position: as many as are offered at once
WARM_UP = 200  # searches of each kind, over 70 degrees of the map: a server has seen where its assistants are


def grow_to(size: int, dice: random.Random) -> None:
    """Add assistants on duty until there are so many, half of each service."""
    from django.db import connection
    from django.utils import timezone

    from accounts.models import User
    from assistance.models import AssistantProfile

    now, made = timezone.now(), AssistantProfile.objects.count()
    while made < size:
        count = min(BATCH, size - made)
        users = User.objects.bulk_create(
            User(username=f"a{made + n}", password="!", user_type="assistant") for n in range(count)
        )
        profiles = []
        for number, user in enumerate(users):
            profile = AssistantProfile(
                user=user, service_type=("towing", "repair")[number % 2], is_active=True, seen_at=now,
                vehicle_type="truck", driving_license_cat="c", driving_license_num="16/1",
            )  # fmt: skip
            profile.place(dice.uniform(SOUTH, NORTH), dice.uniform(WEST, EAST))
            profiles.append(profile)
        AssistantProfile.objects.bulk_create(profiles)
        made += count
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def milliseconds(rounds: int, **actions: Callable[[], Any]) -> dict[str, float]:
    """Return the median time of each action, warm; they take turns, so that a busy machine slows all alike."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(-WARM_UP, rounds):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            if turn >= 0:
                times[name].append((time.perf_counter() - start) * 1000)
    return {name: statistics.median(own) for name, own in times.items()}


def measure(size: int, rounds: int, dice: random.Random) -> dict[str, float]:
    """Measure the searches at the present size, each next to its floor."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from assistance import nearby
    from assistance.nearby import Search

    def somewhere() -> tuple[float, float]:
        return dice.uniform(SOUTH + 1, NORTH - 1), dice.uniform(WEST + 1, EAST - 1)

    def select_1() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()

    def nearest(service: str) -> list[Any]:
        return nearby.nearest(*somewhere(), 10, 50.0, Search(service, timezone.now()))

    def within() -> list[Any]:
        return nearby.within(*somewhere(), 10.0, Search("towing", timezone.now()))

    took = milliseconds(
        rounds, floor=select_1, towing=lambda: nearest("towing"), any_service=lambda: nearest(""), within=within
    )
    with CaptureQueriesContext(connection) as queries:
        found = sum(len(nearest("towing")) for _ in range(50))
    return {
        "assistants": size,
        "SELECT 1 ms": took["floor"],
        "nearest 10 ms": took["towing"],
        "ratio": took["towing"] / took["floor"],
        "any service": took["any_service"] / took["floor"],
        "queries": len(queries) / 50,
        "found": found / 50,
        "in 10 km ms": took["within"],
    }


def measure_request(rounds: int, dice: random.Random) -> dict[str, float]:
    """Measure a whole call for help in this process, through every layer but the network, and its frames' part in it."""
    from django.db import connection
    from rest_framework.test import APIClient

    from accounts.models import User
    from accounts.tokens import issue_pair
    from assistance.models import Assistance
    from depannini_dashmap.lib.realtime import layer

    user = User.objects.create_user(f"+2137{dice.randrange(10**8):08}", None, None, name="Bench", user_type="client")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_pair(user)['access']}")

    spent: list[float] = []

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            start = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                spent.append((time.thread_time() - start) * 1000)

        return run

    def ask() -> tuple[float, float]:
        spent.clear()
        place = {"lat": dice.uniform(SOUTH + 1, NORTH - 1), "lng": dice.uniform(WEST + 1, EAST - 1)}
        start = time.perf_counter()
        answer = client.post("/api/assistance/request/", {"pickup": place})
        took = (time.perf_counter() - start) * 1000
        assert answer.status_code == 201, answer.content
        frames = sum(spent)
        Assistance.objects.filter(client=user).delete()
        return took, frames

    asked: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        client.post("/api/assistance/request/", {"pickup": {"lat": 36.0, "lng": 3.0}})
    Assistance.objects.filter(client=user).delete()
    own = layer.publish_many, layer.publish_refresh, layer.send
    # Within a transaction an event is encoded at once and queued, with the others, after the commit.
    layer.publish_many, layer.publish_refresh, layer.send = map(timed, own)
    times = [ask() for _ in range(rounds + 5)][5:]
    layer.publish_many, layer.publish_refresh, layer.send = own
    took, frames = (statistics.median(column) for column in zip(*times, strict=True))
    queries = len([sql for sql in asked if sql.split()[0] in {"SELECT", "INSERT", "UPDATE", "EXECUTE"}])
    return {"request ms": took, "its queries": queries, "frames add ms": frames}


def first_place_queries(waiting: int) -> int:
    """Return how many statements a first position takes where so many requests wait around."""
    from django.db import connection
    from django.utils import timezone
    from rest_framework.test import APIClient

    from accounts.models import User
    from accounts.tokens import issue_pair
    from assistance import services
    from assistance.models import Assistance, AssistantProfile, Offer

    clients = User.objects.bulk_create(User(username=f"w{n}", password="!", user_type="client") for n in range(waiting))
    place = {"pickup_lat": SOUTH, "pickup_lng": WEST, "radius_km": 5.0, "expires_at": timezone.now() + timedelta(hours=1)}
    Assistance.objects.bulk_create(Assistance(client=client, **place) for client in clients)
    user = User.objects.create_user("+213555100000", None, None, name="Bench", user_type="assistant")
    AssistantProfile.objects.create(user=user, service_type="towing", driving_license_cat="c", driving_license_num="16/1")
    services.set_duty(actor=user, is_active=True)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_pair(user)['access']}")
    asked: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        answer = client.put("/api/profile/update-location/", {"lat": SOUTH, "lng": WEST})
    assert answer.status_code == 200, answer.content
    assert Offer.objects.filter(assistant=user).count() == waiting
    return len([sql for sql in asked if sql.split()[0] not in {"BEGIN", "SAVEPOINT", "RELEASE"}])


def exponent(lines: list[dict[str, float]]) -> float:
    """Return the growth exponent of the nearest search by least squares over the logarithms."""
    points = [(math.log(line["assistants"]), math.log(line["nearest 10 ms"])) for line in lines]
    mean_x, mean_y = (statistics.fmean(column) for column in zip(*points, strict=True))
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def report(sizes: list[int], taken: list[list[dict[str, float]]], exponents: list[float]) -> None:
    """Hand over what the table shows; of the sizes the dearest counts, where the goal names none."""
    growth = f"from {sizes[0]:,} to {sizes[-1]:,}"
    figures.report(f"nearest assistants: growth exponent {growth}", exponents, at_most=0.1)
    dearest = [max(max(line["ratio"], line["any service"]) for line in lines) for lines in taken]
    figures.report("nearest assistants, dearest size and service", dearest, at_most=6, unit="x SELECT 1")
    if GOAL_SIZE not in sizes:
        return
    place = sizes.index(GOAL_SIZE)
    among = f"an assistance request among {GOAL_SIZE:,} active"
    queries = [lines[place]["its queries"] for lines in taken]
    figures.report(f"{among}: queries", queries, at_most=8, is_strict=True)
    added = [max(line["its queries"] for line in lines[place:]) - own for lines, own in zip(taken, queries, strict=True)]
    figures.report(f"{among}: queries added by more of them", added, at_most=0, is_strict=True)
    frames = [lines[place]["frames add ms"] for lines in taken]
    figures.report(f"{among}: notification adds", frames, at_most=0.15, unit="ms")


def main() -> None:
    """Print a line for each run at each size, then the exponents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000,1000000")
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="to 100,000, fewer rounds")
    options = parser.parse_args()
    sizes = [1000, 10_000, 100_000] if options.quick else [int(size) for size in options.sizes.split(",")]
    rounds, runs = (100, 1) if options.quick else (options.rounds, RUNS)
    dice = random.Random(options.seed)
    with own_database(os.environ.get("DATABASE_URL", ""), "bench") as url:
        os.environ["LOCATION_TTL"] = "86400"
        load_django(url)
        taken: list[list[dict[str, float]]] = [[] for _ in range(runs)]
        for size in sizes:
            grow_to(size, dice)
            for lines in taken:
                lines.append(measure(size, rounds, dice) | measure_request(rounds // 4, dice))
                if size == sizes[0] and lines is taken[0]:
                    print("  ".join(f"{name:>15}" for name in lines[0]))
                print("  ".join(f"{value:>15.3f}" for value in lines[-1].values()), flush=True)
        if len(sizes) > 1:
            exponents = [exponent(lines) for lines in taken]
            print(f"growth exponent of nearest 10: {statistics.median(exponents):.3f} (goal ≤ 0.1); goal of the ratio ≤ 6")
            report(sizes, taken, exponents)
        from django.db import connection

        first = first_place_queries(WAITING)
        print(f"a first position near {WAITING} waiting requests: {first} statements")
        figures.report(f"a first position near {WAITING} waiting requests: statements", [first], at_most=6, is_strict=True)
        connection.close()


if __name__ == "__main__":
    main()
