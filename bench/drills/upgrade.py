"""The drills of an upgrade: migrations during load on the previous release, its replacement, its own test suite.

The previous release is what `UPGRADE_FROM` names, else the newest tag `v…` before HEAD, else the commit before the newest
one that touched a migration. It comes out of git into the environment's folder, with today's `bench/` and `testing/`.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from bench.drills import client, filling
from bench.drills.client import Line, Tally, steadily
from bench.drills.filling import MIGRATING, Locks
from bench.drills.outcomes import print_table
from bench.drills.steady import Mixed, _lines, prepare_on
from testing.environments import IsolatedEnvironment
from testing.servers import ROOT

PER_SECOND = 40
PEOPLE = 300  # each renamed once in a while, so that two renamings never meet
LONGEST_S = 3.0  # that a lock may be held or waited for
CATCHING_UP_S = 1.0  # of what has queued behind a migration that gave up, on machines with other work

# Tests of a previous release that fail on a newer schema and are known to, by the migration that the release lacks.
KNOWN = {
    # It stored half a location from sheets and forms, which the check refuses: docs/decisions/0018.
    "orders/migrations/0003_location_is_whole.py": {
        "orders/tests/test_admin.py::test_add_and_change_with_stops",
        "orders/tests/test_admin.py::test_import_makes_orders_with_stops_and_numbers",
        "orders/tests/test_admin.py::test_errors_name_row_and_cell_and_nothing_is_written",
    },
}


def release_before() -> str:
    """Return the commit that an upgrade comes from. Raises: SystemExit without git's history."""
    if wished := os.environ.get("UPGRADE_FROM"):
        return _git("rev-parse", "--verify", f"{wished}^{{commit}}")
    tag = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^"], cwd=ROOT, capture_output=True, text=True
    )
    if tag.returncode == 0:
        return _git("rev-parse", f"{tag.stdout.strip()}^{{commit}}")
    if _git("status", "--porcelain", "--", "*/migrations/*.py"):
        return _git("rev-parse", "HEAD")
    return _git("rev-parse", f"{_git('log', '-1', '--format=%H', '--', '*/migrations/*.py')}^")


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(
            f"The drill takes the previous release from git's history, which does not give it: {done.stderr.strip()}"
        )
    return done.stdout.strip()


def unpack(commit: str, folder: Path) -> Path:
    """Put a commit's files there, with today's drills; return the folder."""
    folder.mkdir()
    archive = folder.with_suffix(".tar")
    _git("archive", "-o", str(archive), commit)
    shutil.unpack_archive(archive, folder, filter="data")
    archive.unlink()
    for name in ("bench", "testing"):
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def pending(environment: IsolatedEnvironment) -> list[str]:
    """Name the migrations of the new code that have not run."""
    done = _manage(environment, "showmigrations", "--plan")
    return [line.split()[2] for line in done.stdout.splitlines() if line.startswith("[ ]")]


def _manage(environment: IsolatedEnvironment, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the new code."""
    variables = {**environment.variables, "PGAPPNAME": MIGRATING}
    return subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=variables, capture_output=True, text=True
    )


@dataclass
class Writing(Mixed):
    """Two thirds writes: positions, orders with their stops, names of people, places of assistants; some reads."""

    names: dict[int, int] = field(default_factory=dict)
    waits: list[tuple[float, float]] = field(default_factory=list)  # of writes: when sent, seconds

    async def one(self, line: Line, number: int) -> int:
        """Make one request; return its status."""
        turn, index = number % 20, number % len(self.rooms)
        room, began = self.rooms[index], time.perf_counter()
        if turn < 7:
            status = await self.position(line, number)
        elif turn < 9:
            status = await self.order(line)
        elif turn < 11:
            status, _ = await line.ask(
                "PATCH", "/api/profile/user/", f"Bearer {room.client}", {"name": f"Amina {number}"}
            )
            if status == 200:
                self.names[index] = number
        elif turn < 13:
            place = {"lat": room.lat, "lng": room.lng + number % 7 / 1000}
            status, _ = await line.ask("POST", "/api/profile/update-location/", f"Bearer {room.assistant}", place)
        else:
            path = ("/api/positions/latest/", "/api/vehicles/", f"/api/assistance/view/{room.number}/")[turn % 3]
            return (await line.ask("GET", path, f"Bearer {room.client}" if "view" in path else self.header))[0]
        self.waits.append((began, time.perf_counter() - began))
        return status

    def lost(self, environment: IsolatedEnvironment) -> int:
        """Count acknowledged writes that the database does not hold."""
        held = dict(environment.rows("SELECT username, name FROM accounts_user WHERE username LIKE 'crowd-c%'"))
        renamed = sum(held[f"crowd-c{index}"] != f"Amina {number}" for index, number in self.names.items())
        return super().lost(environment) + renamed

    def longest(self, since: float, until: float) -> float:
        """Return how long a write that was under way between the two moments waited at most, in seconds."""
        return max((wait for began, wait in self.waits if began <= until and began + wait >= since), default=0.0)


def upgrade(thousands: int = 1000) -> bool:
    """Migrate under write load, at first during a long transaction, then replace the server: no error, nothing lost."""
    client.allow_many_files()
    commit = release_before()
    environment = IsolatedEnvironment()
    environment.tree = unpack(commit, environment.folder / "old")
    with environment:
        base = environment.start_server("old")
        header, vehicles, rooms = prepare_on(environment, base, PEOPLE)
        writing = Writing(header, vehicles, rooms)
        asyncio.run(_begin(base, writing))
        filling.fill(environment, thousands * 1000)
        waiting = pending(environment)
        return asyncio.run(_upgrade(environment, commit, base, writing, waiting))


async def _begin(base: str, writing: Writing) -> None:
    """Write one row of each kind, of which the others are made."""
    line = Line(base)
    for number in range(20):
        await writing.one(line, number)
    line.close()


@dataclass
class _Migration:
    """One run of `migrate` under load."""

    done: subprocess.CompletedProcess[str]
    began: float
    ended: float
    locks: Locks

    @property
    def gave_up(self) -> bool:
        return self.done.returncode != 0 and "lock timeout" in self.done.stderr


def _migrate(environment: IsolatedEnvironment) -> _Migration:
    with Locks(environment) as locks:
        began = time.perf_counter()
        done = _manage(environment, "migrate", "-v1")
        return _Migration(done, began, time.perf_counter(), locks)


def _migrate_beside_a_backup(environment: IsolatedEnvironment) -> _Migration:
    """Migrate while a transaction has read every table and stays open, as a backup's does."""
    backup = psycopg2.connect(environment.database_url)
    try:
        with backup.cursor() as cursor:
            cursor.execute(
                "SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
            tables = ", ".join(name for (name,) in cursor.fetchall())
            cursor.execute(f"LOCK TABLE {tables} IN ACCESS SHARE MODE")
        return _migrate(environment)
    finally:
        backup.close()


async def _upgrade(environment: IsolatedEnvironment, commit: str, old: str, writing: Writing, waiting: list[str]) -> bool:
    tally, ended, lines = Tally(), asyncio.Event(), _lines([old])
    load = asyncio.create_task(steadily(PER_SECOND, 600, lines, tally, writing.one, ended))
    try:
        await asyncio.sleep(2)
        before = writing.longest(0, time.perf_counter())
        beside = await asyncio.to_thread(_migrate_beside_a_backup, environment)
        await asyncio.sleep(1)
        alone = await asyncio.to_thread(_migrate, environment)
        await asyncio.sleep(2)
        environment.tree = ROOT
        swapped = time.perf_counter()
        new = await asyncio.to_thread(environment.start_server, "new")
        for line in lines:
            line.to(new)
        while any(line.elsewhere for line in lines):  # each has asked the new one: the old one has nothing under way
            await asyncio.sleep(0.05)
        stopping = time.perf_counter()
        environment.signal("old", signal.SIGTERM)
        status = await asyncio.to_thread(environment.processes["old"].wait, 20)
        stopped = time.perf_counter()
        await asyncio.sleep(4)
    finally:
        ended.set()
        await load
    lost = await asyncio.to_thread(writing.lost, environment)
    clean = {
        words: not _manage(environment, *words.split()).returncode
        for words in ("migrate --check", "makemigrations --check --dry-run", "check")
    }
    odd = {kind: count for kind, count in tally.statuses.items() if kind not in ("200", "201")}
    half_done = beside.done.returncode != 0 and not beside.gave_up
    held, waited = alone.locks.longest(granted=True), beside.locks.longest(granted=False)
    longest, blocked = writing.longest(alone.began, alone.ended), writing.longest(beside.began, beside.ended)
    print_table(
        f"{len(waiting)} migrations from {commit[:10]} on {filling.size(environment)} (machine's load {client.machine_load()})",
        migrations=", ".join(waiting), requests=dict(tally.statuses), errors=odd or 0,
        acknowledged_writes=len(writing.positions) + len(writing.orders) + len(writing.names), acknowledged_writes_lost=lost,
        beside_a_long_transaction=f"{'gave up' if beside.gave_up else 'FAILED' if half_done else 'ran through'} after {beside.ended - beside.began:.1f} s",
        longest_wait_for_a_lock_s=waited, longest_write_meanwhile_s=f"{blocked:.2f} (goal ≤ {LONGEST_S + CATCHING_UP_S:g})",
        migrate_took_s=f"{alone.ended - alone.began:.1f}, status {alone.done.returncode}", longest_lock_held_s=held,
        longest_write_during_migrate_s=f"{longest:.2f} (goal ≤ {LONGEST_S:g}; before {before:.2f})",
        servers_swapped=f"new one ready after {stopping - swapped:.1f} s, old one gone in {stopped - stopping:.2f} s with status {status}",
        longest_write_of_the_swap_s=f"{writing.longest(swapped, time.perf_counter()):.2f}",
        afterwards=", ".join(f"{words}: {'clean' if good else 'NOT CLEAN'}" for words, good in clean.items()),
    )  # fmt: skip
    for run in (beside, alone):
        if run.done.returncode and not (run is beside and run.gave_up):
            print(run.done.stderr[-3000:])
    return (
        not odd and not lost and not half_done and alone.done.returncode == 0 and status == 0 and all(clean.values())
        and longest <= LONGEST_S and blocked <= LONGEST_S + CATCHING_UP_S
        and held.seconds <= LONGEST_S and waited.seconds <= LONGEST_S + 0.2
    )  # fmt: skip


def upgrade_suite(workers: int = 2) -> bool:
    """Run the previous release's own test suite on the schema that today's migrations make; PYTEST_ADDOPTS chooses among it."""
    commit = release_before()
    environment = IsolatedEnvironment()
    old = unpack(commit, environment.folder / "old")
    lacking = {migration for migration in KNOWN if not (old / migration).exists()}
    with environment:
        environment.rows("ALTER SYSTEM SET fsync = off")
        environment.rows("SELECT pg_reload_conf()")
        # pytest-django names one database for each worker, and takes those that are there.
        for worker in range(workers):
            environment.rows_of("postgres", f"CREATE DATABASE test_drill_gw{worker} TEMPLATE drill")
        variables = {
            name: value for name, value in os.environ.items() if name not in ("SECRET_KEY", "DJANGO_SETTINGS_MODULE")
        }
        variables |= {name: environment.variables[name] for name in ("DATABASE_URL", "REDIS_URL", "ENV_FILE")}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-n", str(workers), "--dist", "worksteal", "--reuse-db", "-p", "bench.drills.cascade", "-q", "--tb=short"],
            cwd=old, env=variables, capture_output=True, text=True,
        )  # fmt: skip
        kept = [
            environment.rows_of(f"test_drill_gw{worker}", "SELECT count(*) FROM django_migrations")[0][0]
            for worker in range(workers)
        ]
        made = environment.rows("SELECT count(*) FROM django_migrations")[0][0]
    failed = set(re.findall(r"^(?:FAILED|ERROR) (\S+::.+?)(?: - .*)?$", done.stdout, re.MULTILINE))
    known = failed & set().union(*(tests for migration, tests in KNOWN.items() if migration in lacking))
    summary = (done.stdout.strip().splitlines() or [done.stderr[-500:]])[-1]
    print_table(
        f"Suite of {commit[:10]} on today's schema (machine's load {client.machine_load()})",
        result=summary,
        failed_as_known=sorted(known) or 0,
        failed=sorted(failed - known) or 0,
        migrations_in_its_databases=f"{kept}, made by today's {made}",
    )
    if failed - known or done.returncode not in (0, 1):
        print(done.stdout[-12000:], done.stderr[-2000:])
    return failed == known and done.returncode == (1 if failed else 0) and set(kept) == {made}
