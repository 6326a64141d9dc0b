"""`python -m bench.run_all [--quick]`: every bench in turn, on PostgreSQL and Redis, then one table of all goals.

DATABASE_URL (PostgreSQL) and REDIS_URL name the servers; each bench makes a database of its own next to the given one and
drops it. Each figure of the table is the median of three runs within its bench; `--quick` takes one run and smaller
tables, for CI and for a first look. A missed goal is no failure of the command, as a slow machine is nobody's fault.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psycopg2
import redis

from bench import figures
from bench.django_setup import environment
from testing.databases import TO_COPY, own_database

ROOT = Path(__file__).resolve().parent.parent
# name -> (arguments of a full run, arguments of a quick one)
BENCHES = {
    "rest": (["--seconds", "5", "--rounds", "3"], ["--seconds", "1", "--rounds", "1"]),
    "acts": ([], ["--quick"]),
    "telematics": (["--server"], ["--quick", "--server"]),
    "nearby": ([], ["--quick"]),
    "layer": ([], ["--seconds", "4", "--rounds", "1"]),
    "sockets": ([], ["--pairs", "20", "--seconds", "3", "--sockets", "100", "--rounds", "1"]),
    "connects": ([], ["--sockets", "200", "--rounds", "1"]),
    "lists": ([], ["--quick"]),
    "long_lists": ([], ["--quick"]),
    "pages": ([], ["--quick"]),
    "roads": ([], ["--quick"]),
    "planning": ([], ["--quick"]),
    "imports": ([], ["--quick"]),
    "memory": ([], ["--quick"]),
}


def machine() -> str:
    """Name what the figures were taken on; the load is that of the last minute before the first bench."""
    with closing(psycopg2.connect(os.environ["DATABASE_URL"])) as database, database.cursor() as cursor:
        cursor.execute("SHOW server_version")
        postgres = cursor.fetchone()[0].split()[0]
    with closing(redis.Redis.from_url(os.environ["REDIS_URL"])) as store:
        version = store.info("server")["redis_version"]
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), PostgreSQL {postgres}, Redis {version}, "
        f"Python {platform.python_version()}; load average at the start {os.getloadavg()[0]:.2f}"
    )


def run(name: str, *, is_quick: bool, sink: Path) -> bool:
    """Run one bench, which prints its own tables; say whether it came to its end."""
    print(f"\n=== {name}", flush=True)
    started = time.monotonic()
    full, quick = BENCHES[name]
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", *(quick if is_quick else full)],
        cwd=ROOT, env={**os.environ, figures.FILE: str(sink)},
    )  # fmt: skip
    print(f"--- {name}: {time.monotonic() - started:.0f} s, {'done' if done.returncode == 0 else 'BROKE'}", flush=True)
    return done.returncode == 0


def main() -> None:
    """Run what is there and show the table; exit status 1 if a bench broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if not os.environ.get("DATABASE_URL", "").startswith("postgres") or not os.environ.get("REDIS_URL"):
        parser.error("set DATABASE_URL (PostgreSQL) and REDIS_URL")
    if unknown := [name for name in options.names if name not in BENCHES]:
        parser.error(f"no such bench: {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    header = machine()
    with tempfile.TemporaryDirectory() as folder:
        sink = Path(folder) / "figures.jsonl"
        sink.touch()
        # Migrated once, and copied by each bench: on a slow machine the migrations took longer than most quick benches.
        with own_database(os.environ["DATABASE_URL"], "bench") as migrated:
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env={**os.environ, **environment(migrated)}, check=True)
            os.environ[TO_COPY] = migrated
            broken = [name for name in options.names or BENCHES if not run(name, is_quick=options.quick, sink=sink)]
        rows = figures.collect(sink)
    print(f"\n=== The table\n\n{header}\n")
    if rows:
        print(figures.table(rows))
        missed = sum(not row.is_met for row in rows)
        print(f"\n{len(rows) - missed} of {len(rows)} goals met.")
    if options.quick:
        print("1 run on smaller tables: a first look; the goals are for the full run.")
    if broken:
        print(f"BROKE, so that rows are missing: {', '.join(broken)}")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
