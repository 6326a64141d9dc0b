"""The drills of databases and of stopping: Redis, PostgreSQL, SIGTERM."""

from __future__ import annotations

import signal
import statistics
import subprocess
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx

from bench.drills.load import ReconnectingPair, Writers
from bench.drills.outcomes import lost_writes, print_table, server_errors
from testing.environments import IsolatedEnvironment, MemoryGrowth
from testing.samples import new_vehicle
from testing.users import Users

PAIRS = 6


@dataclass
class Tally:
    """What the rounds of one fault gave together."""

    rounds: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    halves: int = 0
    slowest_s: float = 0.0
    figures: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, environment: IsolatedEnvironment, writers: Writers, allowed: tuple[str, ...] = ()) -> None:
        """Take in one round's requests and hold its acknowledged writes against the database."""
        self.rounds += 1
        self.requests += writers.statuses
        self.errors += server_errors(writers, allowed)
        self.lost += lost_writes(environment, writers)
        self.halves += environment.rows(HALF_DONE)[0][0]
        self.slowest_s = max(self.slowest_s, writers.slowest_s)

    def spread(self, name: str) -> str:
        """Return the middle and the largest of one figure."""
        values = self.figures[name]
        return f"{statistics.median(values):.2f} · {max(values):.2f}" if values else "never"


# A position and the newest place of its vehicle are written by one transaction: one without the other is half an operation.
HALF_DONE = """
    SELECT count(*) FROM (SELECT vehicle_id, max(timestamp) AS newest FROM telematics_position GROUP BY 1) p
    FULL JOIN telematics_latestposition l USING (vehicle_id) WHERE l.timestamp IS DISTINCT FROM p.newest
"""


def redis_faults(times: int = 1, seconds: float = 6) -> bool:
    """Redis killed, frozen and flushed: REST goes on, and sockets receive again within 5 s of its return."""
    tallies = {"killed": Tally(), "frozen": Tally(), "flushed": Tally()}
    deaf = 0
    with IsolatedEnvironment(THROTTLING="on") as environment:  # limits are counted in Redis: with them every request asks it
        urls = [environment.start_server("one"), environment.start_server("two", TASK_WORKER="off")]
        users = Users(environment, [urls[0]])
        dispatcher = users.dispatcher()
        vehicle = new_vehicle(dispatcher)
        pairs = _open_pairs(urls, users)
        memory = MemoryGrowth(environment, "one", "two")
        for number in range(times):
            for fault, tally in tallies.items():
                with Writers(urls, dispatcher.header, vehicle) as writers:
                    time.sleep(2)
                    _break_redis(environment, fault, seconds)
                    hearing = recovery_times(pairs, time.monotonic(), number)
                    time.sleep(1)
                deaf += hearing.count(None)
                tally.figures["hearing"] += [delay for delay in hearing if delay is not None]
                tally.add(environment, writers)
        grown = str(memory)
        for pair in pairs:
            pair.close()
    for fault, tally in tallies.items():
        print_table(
            f"Redis {fault}" + ("" if fault == "flushed" else f" for {seconds:.0f} s") + f", {times} times",
            requests=dict(tally.requests), server_errors=dict(tally.errors) or 0, acknowledged_writes_lost=tally.lost,
            slowest_answer_s=f"{tally.slowest_s:.2f}", pair_hears_again_after_s_median_and_max=tally.spread("hearing"),
        )  # fmt: skip
    print_table("Over all faults of Redis", sockets_left_deaf=deaf, memory_growth_mb=grown)
    return not deaf and all(
        not tally.errors and not tally.lost and tally.slowest_s < 2 and max(tally.figures["hearing"]) <= 5 for tally in tallies.values()
    )


def _open_pairs(urls: list[str], users: Users) -> list[ReconnectingPair]:
    pairs = [ReconnectingPair(urls, users, index * 2.0) for index in range(PAIRS)]
    for pair in pairs:
        pair.wait_until_open()
    return pairs


def recovery_times(pairs: list[ReconnectingPair], back: float, marker: float) -> list[float | None]:
    """Return how many seconds after `back` each pair receives again, None for more than 60 s."""
    late = time.monotonic() - back
    with ThreadPoolExecutor(len(pairs)) as pool:  # all at once: one after the other, the last would have had the longest
        hearing = pool.map(lambda pair: pair.reaches_within(60, marker), pairs)
        return [None if delay is None else late + delay for delay in hearing]


def _break_redis(environment: IsolatedEnvironment, fault: str, seconds: float) -> None:
    if fault == "killed":
        environment.signal("redis", signal.SIGKILL)
        environment.processes["redis"].wait()
        time.sleep(seconds)
        environment.start_redis()
    elif fault == "frozen":
        environment.signal("redis", signal.SIGSTOP)
        time.sleep(seconds)
        environment.signal("redis", signal.SIGCONT)
    else:
        subprocess.run(["redis-cli", "-p", str(environment.redis.port), "flushall"], check=True, capture_output=True)
        time.sleep(1)


def postgres_faults(times: int = 1, seconds: float = 20) -> bool:
    """PostgreSQL restarted and frozen: nothing but 503 with Retry-After, nothing half done, 200 again and sockets receive within 5 s."""
    tallies = {"restarted": Tally(), "frozen": Tally()}
    deaf = 0
    with IsolatedEnvironment() as environment:
        urls = [environment.start_server("one"), environment.start_server("two", TASK_WORKER="off")]
        users = Users(environment, [urls[0]])
        dispatcher = users.dispatcher()
        vehicle = new_vehicle(dispatcher)
        pairs = _open_pairs(urls, users)
        memory = MemoryGrowth(environment, "one", "two")
        for number in range(times):
            for fault, tally in tallies.items():
                hearing = _postgres_round(environment, fault, tally, Writers(urls, dispatcher.header, vehicle), pairs, seconds, number)
                deaf += hearing.count(None)
                tally.figures["hearing"] += [delay for delay in hearing if delay is not None]
        grown = str(memory)
        closed = sum((pair.codes for pair in pairs), Counter[int]())
        for pair in pairs:
            pair.close()
    for fault, tally in tallies.items():
        figures = tally.figures
        print_table(
            f"PostgreSQL {fault}" + (f" for {seconds:.0f} s" if fault == "frozen" else "") + f", {times} times",
            requests=dict(tally.requests), other_than_503=dict(tally.errors) or 0, acknowledged_writes_lost=tally.lost,
            operations_half_done=tally.halves, slowest_answer_s=f"{tally.slowest_s:.2f}",
            first_success_after_its_return_s_median_and_max=tally.spread("first"),
            pair_hears_again_after_s_median_and_max=tally.spread("hearing"),
            readyz_503_after_s_median_and_max=tally.spread("ready"),
            healthz_not_200=f"{sum(figures['dead']):.0f} of {sum(figures['probes']):.0f}",
        )  # fmt: skip
    print_table("Over all faults of PostgreSQL", sockets_left_deaf=deaf, sockets_closed=dict(closed) or 0, memory_growth_mb=grown)
    return not deaf and all(
        not (tally.errors or tally.lost or tally.halves or sum(tally.figures["dead"]))
        and len(tally.figures["first"]) == times and max(tally.figures["first"]) <= 5
        and max(tally.figures["hearing"]) <= 5
        and len(tally.figures["ready"]) == times and max(tally.figures["ready"]) <= 2
        and tally.slowest_s < 10
        for tally in tallies.values()
    )  # fmt: skip


def _postgres_round(
    environment: IsolatedEnvironment, fault: str, tally: Tally, writers: Writers, pairs: list[ReconnectingPair], seconds: float, marker: float
) -> list[float | None]:
    """Break it once; returns how many seconds after its return each pair receives again, None for never."""
    with writers:
        time.sleep(2)
        probes: list[tuple[float, int, int]] = []
        watching = threading.Event()
        watcher = threading.Thread(target=_watch, args=(writers.urls[0], watching, probes))
        watcher.start()
        if fault == "restarted":
            environment.signal("postgres", signal.SIGINT)
            broke = time.monotonic()
            environment.processes["postgres"].wait(30)
            time.sleep(3)
            environment.start_postgres()
        else:
            environment.freeze_postgres(signal.SIGSTOP)
            broke = time.monotonic()
            time.sleep(seconds)
            environment.freeze_postgres(signal.SIGCONT)
        accepting = time.monotonic()
        hearing = recovery_times(pairs, accepting, marker)
        time.sleep(max(0.0, accepting + 6 - time.monotonic()))
        watching.set()
        watcher.join()
    tally.add(environment, writers, ("503",))
    if (first := writers.first_good_after(accepting)) is not None:
        tally.figures["first"].append(first)
    noticed = [when - broke for when, _, ready in probes if ready == 503 and when > broke]
    if noticed:
        tally.figures["ready"].append(min(noticed))
    tally.figures["dead"].append(sum(live != 200 for _, live, _ in probes))
    tally.figures["probes"].append(len(probes))
    return hearing


def _watch(base: str, stop: threading.Event, probes: list[tuple[float, int, int]]) -> None:
    with httpx.Client(timeout=30) as http:
        while not stop.is_set():
            try:
                live = http.get(f"{base}/healthz").status_code
                ready = http.get(f"{base}/readyz").status_code
            except httpx.HTTPError:
                live = ready = 0
            probes.append((time.monotonic(), live, ready))
            time.sleep(0.1)


def sigterm(times: int = 5) -> bool:
    """SIGTERM under load: requests finish, sockets are closed with 1012, the process is gone within 15 s."""
    tally, closed_1012, sockets = Tally(), 0, 0
    with IsolatedEnvironment() as environment:
        keeper = environment.start_server("keeper", TASK_WORKER="off")
        users = Users(environment, [keeper])
        dispatcher = users.dispatcher()
        vehicle = new_vehicle(dispatcher)
        kept = MemoryGrowth(environment, "keeper")
        for number in range(times):
            url = environment.start_server(f"victim{number}")
            pair = ReconnectingPair([url], users, number * 2.0)
            pair.wait_until_open()
            memory = environment.memory_mb(f"victim{number}")
            with Writers([url], dispatcher.header, vehicle) as writers:
                time.sleep(2)
                tally.figures["grown"].append(environment.memory_mb(f"victim{number}") - memory)
                started = time.monotonic()
                environment.signal(f"victim{number}", signal.SIGTERM)
                environment.processes[f"victim{number}"].wait(30)
                tally.figures["exit"].append(time.monotonic() - started)
                time.sleep(0.5)
            pair.close()
            closed_1012 += pair.codes[1012]
            sockets += 2
            tally.add(environment, writers, ("503",))
        grown = str(kept)
    cut = {kind: count for kind, count in tally.errors.items() if kind.startswith("cut")}
    print_table(
        f"SIGTERM under load, {times} times", requests=dict(tally.requests), requests_cut=cut or 0,
        acknowledged_writes_lost=tally.lost, exit_after_s_median_and_max=tally.spread("exit"),
        sockets_closed_1012=f"{closed_1012} of {sockets}", memory_growth_mb=grown,
        memory_growth_until_the_signal_mb_median_and_max=tally.spread("grown"),
    )  # fmt: skip
    return not (tally.errors or tally.lost) and max(tally.figures["exit"]) <= 15 and closed_1012 == sockets
