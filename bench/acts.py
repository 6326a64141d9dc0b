"""Single acts of the API in this process: processor time and statements of each request, next to a constant view of the same run.

`python -m bench.acts [--quick] [--only NAME] [--profile NAME]` with DATABASE_URL (PostgreSQL) and REDIS_URL in the environment; it makes a
database of its own next to the given one and drops it at the end. The acts take turns. Processor time is that of the thread that answers, in user
and system mode, so other work on the machine blurs it little; what a server adds around the application is not in it.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import os
import pstats
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from bench import figures
from bench.django_setup import load_django
from bench.fleet import Clock, bearer, body, post, values
from testing.databases import own_database

ENDS = {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"}
STOP = {"name": "Depot", "address": "1 Rue Didouche Mourad", "latitude": "36.7538000", "longitude": "3.0588000"}
ORDER = {
    "customer_name": "Amina Haddad", "customer_phone": "+213550123456", "goods_description": "Two pallets of tiles",
    "goods_weight": "120.50", "pickup_stop": STOP, "delivery_stop": {**STOP, "name": "Shop", "contact_name": "Sofiane"},
}  # fmt: skip
LIMITED = ("read an order", "write a position")
Work = Callable[[int], Any]


class Caller:
    """Sends requests to the application as a server's thread does."""

    def __init__(self, user: Any) -> None:
        from depannini_dashmap.wsgi import application

        self._application, self._token = application, bearer(user)

    def __call__(self, method: str, path: str, content: Any = None) -> Any:
        """Send one request and return what its answer says. Raises: AssertionError for a refusal."""
        statuses: list[str] = []
        environ = post(path, b"" if content is None else orjson.dumps(content), self._token) | {"REQUEST_METHOD": method}
        answer = self._application(environ, lambda status, _: statuses.append(status))
        text = b"".join(answer)
        answer.close()
        assert statuses[0][:1] == "2", (method, path, statuses, text)
        return orjson.loads(text) if text else None


class Roadside:
    """Clients whose requests wait in one place, and an assistant there who takes one after another."""

    def __init__(self) -> None:
        from django.utils import timezone

        from accounts.models import User
        from assistance.models import AssistantProfile

        self.client = User.objects.create_user("+213550000001", None, None, name="Nadia", user_type="client")
        self.assistant = User.objects.create_user("+213550000002", None, None, name="Karim", user_type="assistant")
        profile = AssistantProfile(
            user=self.assistant, service_type="towing", is_active=True, seen_at=timezone.now(), approved_at=timezone.now(),
            vehicle_type="truck", driving_license_cat="c", driving_license_num="16/1",
        )  # fmt: skip
        profile.place(36.75, 3.05)
        profile.save()
        self.asks, self.takes = Caller(self.client), Caller(self.assistant)

    def open(self) -> int:
        """Let the client ask once the request before is over, and return the new one's id."""
        from assistance.models import Assistance

        Assistance.objects.all().delete()
        body = {"pickup": {"lat": 36.75, "lng": 3.05}, "assistance_type": "towing"}
        return self.asks("POST", "/api/assistance/request/", body)["assistance"]["id"]


def acts() -> Iterator[tuple[str, Work | None, Work]]:
    """Return each act's name, its preparation, which is not measured, and the act."""
    from django.db import connection

    from accounts.models import Company, Membership, User
    from fleet.models import Vehicle
    from telematics.ingest import HISTORY

    company = Company.objects.create(name="Bench")
    user = User.objects.create_user("bench", "bench@example.com", None, user_type="dispatcher", current_company=company)
    Membership.objects.create(user=user, company=company, role="member")
    van = Vehicle.objects.create(company=company, license_plate="B-1", make="Ford", model="Transit", year=2023, capacity="2.5")
    call, clock, road = Caller(user), Clock(), Roadside()
    order = call("POST", "/api/orders/", ORDER)["id"]
    insert = f"INSERT INTO telematics_position ({HISTORY}) VALUES ({', '.join(['%s'] * 12)})"
    waiting: list[int] = []

    def bare(_: int) -> None:
        with connection.connection.cursor() as cursor:
            cursor.execute(insert, values(van.pk, clock.next()))

    yield "constant view", None, lambda _: call("GET", "/api/")
    yield "bare INSERT", None, bare
    yield "read an order", None, lambda _: call("GET", f"/api/orders/{order}/")
    yield "read a profile", None, lambda _: call("GET", "/api/auth/profile/")
    yield "read an app's profile", None, lambda _: road.asks("GET", "/api/profile/user/")
    yield "read an assistant's profile", None, lambda _: road.takes("GET", "/api/profile/assistant/")
    yield "write a position", None, lambda _: call("POST", "/api/positions/", body(van.pk, clock.next()))
    yield "take an order", None, lambda _: call("POST", "/api/orders/", ORDER)
    yield "accept", lambda _: waiting.append(road.open()), lambda _: road.takes("PATCH", f"/api/assistance/accept/{waiting.pop()}/")
    yield "ask for help", lambda _: _forget_requests(), lambda _: road.asks(
        "POST", "/api/assistance/request/", {"pickup": {"lat": 36.75, "lng": 3.05}, "assistance_type": "towing"}
    )


def _forget_requests() -> None:
    from assistance.models import Assistance

    Assistance.objects.all().delete()


@contextmanager
def limits(*, are_on: bool) -> Iterator[None]:
    """Count requests against their limits, which are set beyond reach."""
    from django.conf import settings

    from accounts.limits import throttles

    quotas = [throttles.SignedInThrottle.quota, throttles.LocationThrottle.quota, throttles.PositionThrottle.bucket]
    before = settings.THROTTLING_ENABLED
    settings.THROTTLING_ENABLED = are_on
    for quota in quotas:
        quota.limit = quota.buffer = 10**9
    yield
    settings.THROTTLING_ENABLED = before


def statements(prepare: Work | None, work: Work) -> int:
    """Count the statements of one act, without the ends of transactions."""
    from django.db import connection

    asked: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append(sql.split()[0])
        return execute(sql, params, many, context)

    if prepare:
        prepare(0)
    with connection.execute_wrapper(note):
        work(0)
    return len([word for word in asked if word not in ENDS])


Taken = dict[str, tuple[float, float]]


def measure(named: list[tuple[str, Work | None, Work]], rounds: int) -> Taken:
    """Return the median milliseconds of processor and of the clock of each act; they take turns."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name, _, _ in named}
    for turn in range(-10, rounds):
        if turn % 50 == 0:
            gc.collect()
            gc.freeze()
            gc.disable()
        for name, prepare, work in named:
            if prepare:
                prepare(turn)
            began, clock = time.thread_time(), time.perf_counter()
            work(turn)
            if turn >= 0:
                spent[name].append(((time.thread_time() - began) * 1000, (time.perf_counter() - clock) * 1000))
    gc.enable()
    return {name: (statistics.median(a for a, _ in own), statistics.median(b for _, b in own)) for name, own in spent.items()}


def profiled(prepare: Work | None, work: Work, rounds: int) -> None:
    """Print where the time of one act goes."""
    profile = cProfile.Profile(time.thread_time)
    for turn in range(rounds + 20):
        if prepare:
            prepare(turn)
        if turn >= 20:
            profile.enable()
        work(turn)
        profile.disable()
    pstats.Stats(profile, stream=sys.stdout).sort_stats(os.environ.get("SORT", "cumulative")).print_stats(int(os.environ.get("LINES", "90")))


def report(runs: list[Taken], free: list[Taken], limited: list[Taken]) -> None:
    """Hand over what the table shows."""

    def ratio(what: str, floor: str, clock: int) -> list[float]:
        return [run[what][clock] / run[floor][clock] for run in runs]

    def spent(what: str) -> list[float]:
        return [run[what][0] for run in runs]

    figures.report("read a profile: processor time", ratio("read a profile", "read an order", 0), at_most=1.1, unit="x reading an order")
    figures.report("write a position, whole request in process", ratio("write a position", "bare INSERT", 1), at_most=3.2, unit="x a bare INSERT")
    figures.report("take an order: processor time", spent("take an order"), at_most=2.5, unit="ms")
    figures.report("accept a request: processor time", spent("accept"), at_most=2, unit="ms")
    for name in LIMITED:
        for clock, what in enumerate(("processor time", "time")):
            added = _added(name, clock, free, limited)
            figures.report(f"limits on, {name}: {what} added", added, at_most=0.1, unit="ms")


def _added(name: str, clock: int, free: list[Taken], limited: list[Taken]) -> list[float]:
    return [on[name][clock] - off[name][clock] for on, off in zip(limited, free, strict=True)]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run of few rounds")
    parser.add_argument("--only", action="append", default=[], help="these acts alone, beside the floors")
    parser.add_argument("--profile", default="", help="show where the time of this act goes instead")
    options = parser.parse_args()
    rounds, times = (60, 1) if options.quick else (300, 3)
    with own_database(os.environ["DATABASE_URL"], "bench") as url:
        load_django(url)
        named = list(acts())
        if options.profile:
            named = [one for one in named if one[0] == options.profile]
            profiled(*named[0][1:], rounds=200)
            return
        chosen = {"constant view", "bare INSERT", "read an order", *options.only}
        named = [one for one in named if not options.only or one[0] in chosen]
        counts = {name: statements(prepare, work) for name, prepare, work in named if name != "bare INSERT"}
        counted = [one for one in named if one[0] in LIMITED]
        runs, free, limited = [], [], []
        for _ in range(times):
            runs.append(measure(named, rounds))
            # The same acts alone, without and with: what runs between acts makes them dearer.
            free.append(measure(counted, rounds))
            with limits(are_on=True):
                limited.append(measure(counted, rounds))
        print(f"{'what':<32}{'statements':>11}{'CPU ms':>9}{'clock ms':>10}   limits add")
        for name, _, _ in named:
            cpu, clock = (statistics.median(run[name][kind] for run in runs) for kind in (0, 1))
            on = [_added(name, kind, free, limited) for kind in (0, 1)] if name in limited[0] else []
            on = [statistics.median(own) for own in on]
            print(f"{name:<32}{counts.get(name, 1):>11}{cpu:>9.3f}{clock:>10.3f}" + "".join(f"{one:>10.3f}" for one in on))
        if not options.only:
            report(runs, free, limited)


if __name__ == "__main__":
    main()
