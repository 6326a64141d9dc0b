"""Positions against the floor of the same run, as ratios: single and bulk ingest, latest, pages of the history.

`python -m bench.telematics [--quick] [--sizes 100000,1000000,10000000] [--server] [--best]` with DATABASE_URL (PostgreSQL) and
REDIS_URL in the environment. It makes a database of its own next to the given one and drops it at the end. `--server`
sends the bulk calls to a server of its own over HTTP; otherwise they run in this process.
"""

from __future__ import annotations

import argparse
import gc
import http.client
import io
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import orjson

from bench import figures
from bench.django_setup import load_django
from bench.fleet import VEHICLES, Clock, bearer, body, make_fleet, post, values
from testing.databases import own_database
from testing.servers import start_server

ROOT = Path(__file__).resolve().parent.parent
ROWS_A_CALL = 1000
TYPICAL: Callable[[list[float]], float] = statistics.median


# --- The machine under test ------------------------------------------------------------------------------------------------
def settle() -> None:
    """Let PostgreSQL finish what it would do by itself soon: clean, count, write out."""
    from django.db import DatabaseError, connection

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM ANALYZE")
        with suppress(DatabaseError):  # who owns the database need not own the server
            cursor.execute("CHECKPOINT")
        cursor.execute("RESET statement_timeout")


@contextmanager
def server() -> Iterator[int]:
    """Run a server on a free port until the block ends."""
    started = start_server(environment=os.environ, log=Path(os.devnull))
    try:
        yield started.port
    finally:
        started.stop()


# --- Measuring -----------------------------------------------------------------------------------------------------------------
def medians(rounds: int, *works: Callable[[int], Any]) -> list[float]:
    """Return the typical seconds of each work."""
    return [TYPICAL(own) for own in timed(rounds, *works)]


def timed(rounds: int, *works: Callable[[int], Any]) -> list[list[float]]:
    """Time the works in turn, so many rounds after one to warm up; returns the seconds of each work in each round.

    Garbage is collected every twenty rounds: else one work would pay for what the others left, and collecting between
    the works would let each begin with cold caches, which costs Python more than the floor.
    """
    times: list[list[float]] = [[] for _ in works]
    for number in range(rounds + 1):
        if number % 20 == 0:
            gc.collect()
            gc.freeze()
            gc.disable()
        for own, work in zip(times, works, strict=True):
            begin = time.perf_counter()
            work(number)
            own.append(time.perf_counter() - begin)
    gc.enable()
    return [own[1:] for own in times]


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """Return the growth exponent between the least and the greatest size."""
    if len(sizes) < 2:
        return 0.0
    return math.log(seconds[-1] / seconds[0]) / math.log(sizes[-1] / sizes[0])


def report(what: str, figure: str, goal: str = "") -> None:
    """Print one line of the table."""
    print(f"{what:<64} {figure:>18}   {goal}", flush=True)


# --- The figures ---------------------------------------------------------------------------------------------------------------------
def bench_single(user: Any, vehicle_ids: list[int], clock: Clock, rounds: int, runs: int) -> None:
    """Compare one durable position with a bare durable INSERT of the same row."""
    from django.db import connection

    from depannini_dashmap.wsgi import application
    from telematics.ingest import HISTORY
    from telematics.services.positions import record_position, record_positions

    insert = f"INSERT INTO telematics_position ({HISTORY}) VALUES ({', '.join(['%s'] * 12)})"
    token = bearer(user)
    record_positions(actor=user, rows=[body(vehicle_id, clock.next()) for vehicle_id in vehicle_ids])
    settle()
    connection.ensure_connection()
    cursor = connection.connection.cursor()

    def vehicle(number: int) -> int:
        return vehicle_ids[number % VEHICLES]

    def bare(number: int) -> None:
        cursor.execute(insert, values(vehicle(number), clock.next()))

    def service(number: int) -> None:
        record_position(actor=user, raw=body(vehicle(number), clock.next()))

    def request(number: int) -> None:
        statuses: list[str] = []
        raw = orjson.dumps(body(vehicle(number), clock.next()))
        answer = application(post("/api/positions/", raw, token), lambda status, _: statuses.append(status))
        assert b"".join(answer) and statuses == ["201 Created"], statuses
        answer.close()

    taken = [medians(rounds, bare, service, request) for _ in range(runs)]
    in_service, in_request = ([own[n] / own[0] for own in taken] for n in (1, 2))
    report("single position, durable: bare INSERT", f"{statistics.median(own[0] for own in taken) * 1000:.2f} ms")
    report("  record_position (checks, history, latest, event)", f"{statistics.median(in_service):.2f} x", "<= 2.5")
    report("  whole request in process (routing, sign-in, JSON too)", f"{statistics.median(in_request):.2f} x", "<= 2.5")
    figures.report("REST write, a durable position: record_position", in_service, at_most=2.5, unit="x a bare INSERT")
    figures.report("REST write, a durable position: whole request", in_request, at_most=2.5, unit="x a bare INSERT")


def bench_bulk(
    user: Any, vehicle_ids: list[int], vehicles: int, clock: Clock, rounds: int, port: int | None
) -> tuple[float, float]:
    """Compare bulk calls of so many vehicles, the latest kept, with raw COPY of such rows into the same table.

    Returns the seconds of a raw COPY and of a call.
    """
    from django.db import connection
    from rest_framework.test import APIClient

    from telematics.ingest import HISTORY

    token = bearer(user)
    client = APIClient(headers={"Authorization": token})
    connection.ensure_connection()
    cursor = connection.connection.cursor()
    tables = [[(vehicle_ids[n % vehicles], clock.next()) for n in range(ROWS_A_CALL)] for _ in range(2 * rounds + 2)]
    texts = ["".join("\t".join(map(str, values(*row))) + "\n" for row in table) for table in tables[: rounds + 1]]
    bodies = [json.dumps({"positions": [body(*row) for row in table]}) for table in tables[rounds + 1 :]]
    channel = http.client.HTTPConnection("127.0.0.1", port) if port else None

    def copy(number: int) -> None:
        cursor.copy_expert(f"COPY telematics_position ({HISTORY}) FROM STDIN", io.StringIO(texts[number]))

    def bulk(number: int) -> None:
        if channel:
            headers = {"Authorization": token, "Content-Type": "application/json"}
            channel.request("POST", "/api/positions/bulk/", bodies[number], headers)
            result = json.loads(channel.getresponse().read())
        else:
            answer = client.post("/api/positions/bulk/", bodies[number], content_type="application/json")
            result = answer.json()
        assert result == {"accepted": ROWS_A_CALL, "duplicates": 0, "errors": []}, result

    floor, taken = medians(rounds, copy, bulk)
    if channel:
        channel.close()
    return floor, taken


def bench_bulks(user: Any, vehicle_ids: list[int], clock: Clock, rounds: int, runs: int, port: int | None) -> None:
    """Compare bulk calls of few vehicles and of many."""
    for vehicles in (100, VEHICLES):
        taken = [bench_bulk(user, vehicle_ids, vehicles, clock, rounds, port) for _ in range(runs)]
        ratios = [floor / own for floor, own in taken]
        floor, own = (statistics.median(column) for column in zip(*taken, strict=True))
        report(f"raw COPY, {ROWS_A_CALL} rows a call", f"{ROWS_A_CALL / floor:,.0f} rows/s")
        where = f"{'over HTTP' if port else 'in process'}, {vehicles} vehicles"
        report(f"  bulk {where}", f"{ROWS_A_CALL / own:,.0f} rows/s")
        report(f"  bulk {where} / raw COPY", f"{statistics.median(ratios):.2f}", ">= 0.20")
        what = f"bulk positions {where.replace(str(vehicles), f'{vehicles:,}')}, {ROWS_A_CALL:,} rows a call"
        figures.report(what, ratios, at_least=0.20, unit="of raw COPY")


def start_over(user: Any, vehicle_ids: list[int], clock: Clock) -> None:
    """Forget the history but for one position of each vehicle: bulk left more than the least size to come."""
    from django.db import connection

    from telematics.services.positions import record_positions

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE telematics_position")
    record_positions(actor=user, rows=[body(vehicle_id, clock.next()) for vehicle_id in vehicle_ids])


def fill(vehicle_ids: list[int], rows: int) -> None:
    """Bring the history up to so many rows, older than every other, inside the database."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SELECT count(*), min(timestamp) FROM telematics_position")
        have, oldest = cursor.fetchone()
        missing = (rows - have) // VEHICLES
        step = 200
        for start in range(0, max(0, missing), step):
            cursor.execute(
                """
                INSERT INTO telematics_position (vehicle_id, timestamp, latitude, longitude, speed, heading, altitude,
                    odometer, fuel_level, engine_status, is_implausible, created_at)
                SELECT v, %s - (n + v %% 10 * 0.1) * interval '10 seconds', 36 + n %% 1000 * 0.001, 3 + n %% 777 * 0.001,
                    n %% 90, n %% 360, 100, n, 50, 'on', false, now()
                FROM generate_series(%s, %s) AS n, unnest(%s) AS v
                """,
                [oldest, start + 1, min(start + step, missing), vehicle_ids],
            )
        cursor.execute("RESET statement_timeout")
    settle()


def bench_reads(user: Any, vehicle_ids: list[int], sizes: list[int], rounds: int, runs: int) -> None:
    """Compare latest and pages of the history at several sizes of the history."""
    from django.db import connection
    from rest_framework.test import APIClient

    from telematics.models import LatestPosition
    from telematics.representation import LATEST_COLUMNS, position_object, ready_positions
    from telematics.viewsets import latest_rows

    client = APIClient(headers={"Authorization": bearer(user)})
    rows = [position_object(row) for row in LatestPosition.objects.values_list(*LATEST_COLUMNS)]
    assert len(rows) == VEHICLES
    names = list(rows[0])
    with connection.cursor() as cursor:
        columns = ", ".join(
            f"{name} {'boolean' if name == 'implausible' else 'bigint' if 'id' in name[-2:] else 'text'}"
            for name in names
        )
        cursor.execute(f"CREATE TABLE ready ({columns})")
        marks = ", ".join(["%s"] * len(names))
        cursor.executemany(f"INSERT INTO ready VALUES ({marks})", [tuple(row.values()) for row in rows])
        cursor.execute("VACUUM ANALYZE ready")
    raw = connection.connection.cursor()

    def ready(_: int) -> None:
        raw.execute("SELECT * FROM ready")
        orjson.dumps({"results": [dict(zip(names, row, strict=True)) for row in raw.fetchall()]})

    def latest(_: int) -> None:
        orjson.dumps({"results": ready_positions(latest_rows(user))})

    def get(path: str) -> Callable[[int], None]:
        def work(_: int) -> None:
            answer = client.get(path)
            assert answer.status_code == 200

        return work

    fill(vehicle_ids, sizes[0])
    deep = client.get(f"/api/positions/?vehicle={vehicle_ids[0]}&page_size=50").json()["next"]
    works = {
        "ready rows fetched and encoded": ready,
        "latest, rows and encoding": latest,
        "latest, whole request": get("/api/positions/latest/"),
        "history of one vehicle, 50 rows": get(f"/api/positions/?vehicle={vehicle_ids[0]}&page_size=50"),
        "history of all vehicles, 1,000 rows": get("/api/positions/"),
    }
    if deep:
        works["history of one vehicle, next page"] = get(deep)
    ratios_of: dict[str, list[list[float]]] = {what: [[] for _ in range(runs)] for what in works}
    for size in sizes:
        fill(vehicle_ids, size)
        seconds: dict[str, list[float]] = {what: [] for what in works}
        for run in range(runs):
            floor, *others = timed(rounds, *works.values())
            for what, own in zip(works, (floor, *others), strict=True):
                ratios_of[what][run].append(statistics.median(a / b for a, b in zip(own, floor, strict=True)))
                seconds[what] += own
        for what, own in seconds.items():
            report(f"{what}, {size:,} positions", f"{TYPICAL(own) * 1000:.2f} ms")
    print("ratios are medians of each round's, growth is the ratio's: a machine that grows busy does not count")
    for what, ratios in list(ratios_of.items())[1:]:
        is_latest = "latest" in what
        exponents, ordinary = [exponent(sizes, own) for own in ratios], [statistics.median(own) for own in ratios]
        report(f"{what}: growth exponent", f"{statistics.median(exponents):+.3f}", "<= 0.05" if is_latest else "")
        report(f"{what} / ready rows", f"{statistics.median(ordinary):.2f} x", "<= 2" if is_latest else "")
        if is_latest:
            named = what.replace("latest", f"latest of {VEHICLES:,} vehicles")
            figures.report(f"{named}: growth exponent from {sizes[0]:,} to {sizes[-1]:,}", exponents, at_most=0.05)
            figures.report(named, ordinary, at_most=2, unit="x ready rows fetched and encoded")


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, few rounds: for CI")
    parser.add_argument("--sizes", default="", help="sizes of the history, ascending")
    parser.add_argument("--server", action="store_true", help="bulk over HTTP, through a server")
    parser.add_argument("--best", action="store_true", help="best of the rounds, not median: beside other work")
    options = parser.parse_args()
    if options.best:
        global TYPICAL
        TYPICAL = min
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        sys.exit("DATABASE_URL must name a PostgreSQL")
    sizes = [
        int(size)
        for size in (options.sizes or ("10000,100000" if options.quick else "100000,1000000,10000000")).split(",")
    ]
    rounds, runs = (15, 1) if options.quick else (20, 3)
    with own_database(url, "bench") as own:
        load_django(own)
        user, vehicle_ids = make_fleet()
        clock = Clock()
        bench_single(user, vehicle_ids, clock, rounds * 5, runs)
        with server() if options.server else nullcontext() as port:
            bench_bulks(user, vehicle_ids, clock, rounds, runs, port)
        start_over(user, vehicle_ids, clock)
        bench_reads(user, vehicle_ids, sizes, rounds, runs)
        from django.db import connections

        connections.close_all()


if __name__ == "__main__":
    main()
