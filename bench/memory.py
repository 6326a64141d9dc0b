"""What one server process holds and uses: idle, after load, and while it writes out a large list.

`python -m bench.memory [--quick]` with DATABASE_URL (PostgreSQL) and REDIS_URL. A server with its task worker runs on the
first core. It is idle first, once the page of sign-in was shown; then it answers the requests of `bench.rest` at eight
connections; then a console exports a company's 110,001 orders as CSV. Memory is the resident one in MB of 2^20 bytes; an
export counts from what the process held before to its most meanwhile, as Linux keeps it (VmHWM).
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from bench import figures
from bench.django_setup import environment, load_django
from bench.pinned_server import pinned_server
from bench.rest import PASSWORD, _instants, make_targets, per_second
from testing.databases import own_database
from testing.servers import ROOT, Server


def peak_mb(server: Server) -> float:
    """Return the most memory that the process has held since `forget_peak`."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024


def forget_peak(server: Server) -> None:
    """Let the most begin anew at what the process holds now (proc(5), clear_refs)."""
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")


def sign_in(base: str) -> httpx.Client:
    """Return a dispatcher's browser."""
    browser = httpx.Client(base_url=base, timeout=120, headers={"Referer": f"{base}/admin/"})
    browser.get("/admin/login/")
    form = {"username": "bench", "password": PASSWORD, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    browser.post("/admin/login/?next=/admin/", data=form)
    return browser


def export(browser: httpx.Client, rows: int) -> float:
    """Export the orders; return the seconds until the first bytes."""
    here = "/admin/orders/order/export/"
    names = re.findall(r'name="([^"]*orderresource_[a-z_]+)"', browser.get(here).text)
    form = {"format": "0", "csrfmiddlewaretoken": browser.cookies["csrftoken"], **dict.fromkeys(names, "on")}
    began, first, lines = time.perf_counter(), 0.0, 0
    with browser.stream("POST", here, data=form) as answer:
        for piece in answer.iter_raw():
            first = first or time.perf_counter() - began
            lines += piece.count(b"\n")
    if answer.status_code != 200 or lines <= rows:
        raise RuntimeError(f"{answer.status_code}: {lines} lines")
    return first


def on_a_server(url: str, work: Callable[[Server], None]) -> None:
    """Migrate the database, and work with one server on it."""
    variables = {**os.environ, **environment(url), "TASK_WORKER": "on"}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=variables, check=True)
    server = pinned_server(**variables)
    try:
        work(server)
    finally:
        server.stop()


def measure(url: str, rows: int, rest_s: float, load_s: float, runs: int) -> None:
    """Take the figures and hand them over."""
    taken: dict[str, list[float]] = {}

    def work(server: Server) -> None:
        httpx.get(f"{server.url}/admin/login/")
        used = server.cpu_s()
        time.sleep(rest_s)
        taken["idle, processor"] = [(server.cpu_s() - used) / rest_s * 100]
        taken["idle"] = [server.memory_mb()]
        for target in make_targets(server.url):
            per_second(server.url, target, load_s, _instants())
        taken["after load"] = [server.memory_mb()]
        load_django(url)
        from accounts.models import Company
        from bench.long_lists import fill_many

        browser = sign_in(server.url)
        export(browser, 1)  # what the console needs is loaded
        fill_many(Company.objects.get(name="Bench"), rows)
        for _ in range(runs):
            before = server.memory_mb()
            forget_peak(server)
            taken.setdefault("first byte", []).append(export(browser, rows))
            taken.setdefault("export", []).append(peak_mb(server) - before)

    on_a_server(url, work)
    for name, values in taken.items():
        print(f"{name:<20} {' '.join(f'{value:.2f}' for value in values)}")
    figures.report("memory of an idle process", taken["idle"], at_most=100, unit="MB")
    figures.report("memory after load", taken["after load"], at_most=140, unit="MB")
    figures.report("processor of an idle process", taken["idle, processor"], at_most=0.1, unit="% of a core")
    figures.report(f"export of {rows:,} orders: memory added", taken["export"], at_most=20, unit="MB")
    figures.report(f"export of {rows:,} orders: first byte", taken["first byte"], at_most=0.5, unit="s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    with own_database(os.environ["DATABASE_URL"], "bench") as url:
        if options.quick:
            measure(url, 10_001, 5, 1, 1)
        else:
            measure(url, 110_001, 60, 10, 3)
        from django.db import connection

        connection.close()


if __name__ == "__main__":
    main()
