"""A large sheet of orders while others work: rows a second of the bare INSERTs, memory, and the others' p95.

`python -m bench.imports [--quick] [--rows N]` with DATABASE_URL (PostgreSQL) and REDIS_URL. A server with its task worker runs on
the first core. Four others ask it twenty times a second each (an order, the vehicles, a position), first alone, then
while 20,000 rows of 25 columns are checked and imported. The bare INSERTs write the same rows, each by itself and
committed in the same portions, through psycopg2 into tables with the same indexes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import threading
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg2

from bench import figures
from bench.rest import PASSWORD, Target, make_targets, server
from testing.databases import own_database

ASKERS, EVERY = 4, 0.05
TABLES = {"orders_stop": 2, "orders_order": 1, "orders_historicalorder": 1, "django_admin_log": 1}
COLUMNS = (
    "reference;customer_name;customer_company;customer_phone;goods_description;goods_weight;goods_volume;goods_type;"
    "special_instructions;requested_pickup_date;requested_delivery_date;pickup_name;pickup_address;pickup_latitude;"
    "pickup_longitude;pickup_contact_name;pickup_contact_phone;delivery_name;delivery_address;delivery_latitude;"
    "delivery_longitude;delivery_contact_name;delivery_contact_phone;delivery_notes;colour"
)


def sheet(rows: int) -> bytes:
    """Make a sheet as a French spreadsheet saves it."""
    lines = [
        f"B{n};Client {n};Société {n};0555 12 34 56;Carton {n};{n % 90},5;1,2;standard;Fragile;01/12/2026;02/12/2026;Dépôt;Zone 12, Rouiba;36,7386;"
        f"3,2841;Ali;0555 11 22 33;Boutique {n};{n} rue du Port;36,{n % 9000 + 1000};2,8277;Lila;0660 11 22 33;3e étage;rouge"
        for n in range(rows)
    ]
    return "\n".join([COLUMNS, *lines]).encode()


class Others:
    """What other users ask meanwhile, and how long each answer takes."""

    def __init__(self, base: str, targets: list[Target]) -> None:
        self.port, self.targets = urlsplit(base).port or 80, targets[1:]
        self.times: list[float] = []
        self.ending = threading.Event()

    def p95(self, seconds: float) -> float:
        """Ask for some time, alone; returns ms."""
        threading.Timer(seconds, self.ending.set).start()
        return self.p95_while_running()

    def p95_while_running(self) -> float:
        """Ask until `ending` is set; returns ms."""
        asyncio.run(self._ask())
        return sorted(self.times)[int(len(self.times) * 0.95)] * 1000

    async def _ask(self) -> None:
        await asyncio.gather(*(self._one(number) for number in range(ASKERS)))

    async def _one(self, number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        count = number
        while not self.ending.is_set():
            count += 1
            moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_500_000_000 + 1000 * count + number))
            started = time.perf_counter()
            writer.write(self.targets[count % len(self.targets)].raw(moment))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0))
            if head.split(b" ", 2)[1] not in (b"200", b"201"):
                raise RuntimeError(head[:200].decode())
            self.times.append(time.perf_counter() - started)
            await asyncio.sleep(max(0.0, EVERY - (time.perf_counter() - started)))
        writer.close()


def peak_mb(port: int) -> float:
    """Return the most memory that the server has held."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"--port\0{port}\0" in (process / "cmdline").read_text():
                return int(re.findall(r"VmHWM:\s+(\d+)", (process / "status").read_text())[0]) / 1024
        except OSError:
            continue
    raise RuntimeError("no server")


class Console:
    """A dispatcher's browser on the import page."""

    def __init__(self, base: str) -> None:
        self.http = httpx.Client(base_url=base, timeout=60, headers={"Referer": f"{base}/admin/"})
        self._post("/admin/login/?next=/admin/", {"username": "bench", "password": PASSWORD})

    def _post(self, path: str, data: dict[str, str], **more: object) -> httpx.Response:
        self.http.get("/admin/login/")
        token = self.http.cookies["csrftoken"]
        return self.http.post(path, data={**data, "csrfmiddlewaretoken": token}, **more)  # type: ignore[arg-type]

    def bring(self, content: bytes) -> tuple[float, float]:
        """Import a sheet; returns the seconds of its check and of its import."""
        here = "/admin/orders/order/"
        started = time.perf_counter()
        answer = self._post(f"{here}import/", {"format": "0"}, files={"import_file": ("large.csv", content)})
        page = answer.headers["location"]
        text = self._wait(page, 'name="confirm"')
        checked = time.perf_counter()
        kept = re.findall(r'name="import_file_name" value="([^"]+)"', text)[0]
        form = {"import_file_name": kept, "original_file_name": "large.csv", "format": "0", "resource": ""}
        self._post(f"{here}process_import/", form)
        self._wait(page, "sheet-counts")
        return checked - started, time.perf_counter() - checked

    def _wait(self, page: str, mark: str) -> str:
        while True:
            text = self.http.get(page).text
            if mark in text:
                return text
            if "errornote" in text and "http-equiv" not in text:
                raise RuntimeError(re.findall(r'class="errornote">([^<]+)', text))
            time.sleep(0.5)


def bare_inserts(url: str, count: int) -> float:
    """Return orders a second that the bare driver writes, into tables with the indexes of the product's."""
    with closing(psycopg2.connect(url)) as database, database.cursor() as cursor:
        rows = {}
        for table, each in TABLES.items():
            cursor.execute(f"SELECT * FROM {table} ORDER BY 1 DESC LIMIT {count * each}")
            rows[table] = cursor.fetchall()
            cursor.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)")
        database.commit()
        started = time.perf_counter()
        for n in range(count):
            for table, each in TABLES.items():
                for row in rows[table][n * each : (n + 1) * each]:
                    marks = ", ".join(["%s"] * len(row))
                    cursor.execute(f"INSERT INTO bare_{table} VALUES ({marks})", row)
            if n % 10 == 9:
                database.commit()
        database.commit()
        return count / (time.perf_counter() - started)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rows", type=int, help="20,000, or 400 in the quick form")
    options = parser.parse_args()
    rows, alone = (400, 3.0) if options.quick else (20_000, 30.0)
    rows = options.rows or rows
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    with own_database(os.environ["DATABASE_URL"], "bench") as url, server(url, TASK_WORKER="on") as base:
        targets, console = make_targets(base), Console(base)
        port = urlsplit(base).port or 80
        console.bring(sheet(360))
        Others(base, targets).p95(2)
        unloaded, before = Others(base, targets).p95(alone), peak_mb(port)
        others, found = Others(base, targets), []
        asking = threading.Thread(target=lambda: found.append(others.p95_while_running()))
        asking.start()
        content = sheet(rows)
        try:
            check, written = console.bring(content.replace(b"\nB", b"\nC"))
        finally:
            others.ending.set()
            asking.join()
        memory = peak_mb(port) - before
        bare = bare_inserts(url, min(rows, 2_000))
    speed, ratio = rows / written, found[0] / unloaded
    print(f"{rows:,} rows, {len(content) / 1e6:.1f} MB: check {check:.0f} s, import {written:.0f} s ({speed:.0f} rows a second)")
    print(f"bare INSERTs: {bare:.0f} orders a second; the import is {speed / bare:.3f} of them")
    print(f"others' p95: {unloaded:.1f} ms alone, {found[0]:.1f} ms meanwhile: {ratio:.2f}; memory + {memory:.0f} MB")
    name = f"import of {rows:,} rows"
    figures.report(f"{name}: others' p95", [ratio], at_most=2.0, unit="x unloaded")
    figures.report(f"{name}: rows a second", [speed / bare], at_least=0.05, unit="of the bare INSERTs")
    figures.report(f"{name}: memory", [memory], at_most=300, unit="MB")


if __name__ == "__main__":
    main()
