"""The drills of databases and processes: Redis, PostgreSQL, SIGTERM, a killed worker."""

from __future__ import annotations

import signal
import subprocess
import threading
import time

import httpx

from bench.drills.load import Pair, People, Writers
from bench.drills.rig import Rig

PAIRS = 6


def _table(title: str, **figures: object) -> None:
    print(f"\n{title}")
    for name, value in figures.items():
        print(f"  {name.replace('_', ' '):<44} {value}", flush=True)


def _lost(rig: Rig, writers: Writers) -> int:
    stored = {row[0] for row in rig.rows("SELECT id FROM telematics_position")}
    return len(writers.acknowledged - stored)


def _server_errors(writers: Writers, allowed: tuple[str, ...] = ()) -> dict[str, int]:
    return {kind: number for kind, number in writers.statuses.items() if kind[0] == "5" and kind not in allowed}


def redis_faults(seconds: float = 6) -> bool:
    """Redis killed, frozen and flushed: REST goes on, and sockets hear again within 5 s of its return."""
    held = True
    with Rig() as rig:
        urls = [rig.start_server("one"), rig.start_server("two", TASK_WORKER="off")]
        people = People(urls[0])
        header, vehicle = people.dispatcher()
        pairs = [Pair(urls, people, index * 2.0) for index in range(PAIRS)]
        for fault in ("killed", "frozen", "flushed"):
            with Writers(urls, header, vehicle) as writers:
                time.sleep(2)
                _break_redis(rig, fault, seconds)
                returned = time.monotonic()
                hearing = [pair.reaches_within(60, 1 + number) for number, pair in enumerate(pairs)]
                back = time.monotonic() - returned
                time.sleep(1)
            deaf = sum(delay is None for delay in hearing)
            errors, lost = _server_errors(writers), _lost(rig, writers)
            slowest = max((delay for delay in hearing if delay is not None), default=0)
            held &= not errors and not lost and not deaf
            _table(
                f"Redis {fault}" + ("" if fault == "flushed" else f" for {seconds:.0f} s"), requests=dict(writers.statuses), server_errors=errors or 0,
                acknowledged_writes_lost=lost, slowest_answer_s=f"{writers.slowest_s:.2f}", sockets_left_deaf=deaf,
                slowest_pair_to_hear_again_s=f"{slowest:.1f}", all_pairs_checked_within_s=f"{back:.1f}",
            )  # fmt: skip
        for pair in pairs:
            pair.close()
    return held


def _break_redis(rig: Rig, fault: str, seconds: float) -> None:
    if fault == "killed":
        rig.signal("redis", signal.SIGKILL)
        rig.processes["redis"].wait()
        time.sleep(seconds)
        rig.start_redis()
    elif fault == "frozen":
        rig.signal("redis", signal.SIGSTOP)
        time.sleep(seconds)
        rig.signal("redis", signal.SIGCONT)
    else:
        subprocess.run(["redis-cli", "-p", str(rig.ports["redis"]), "flushall"], check=True, capture_output=True)
        time.sleep(1)


def postgres_faults() -> bool:
    """PostgreSQL restarted and frozen: nothing but 503 with Retry-After, nothing half done, 200 again within 5 s."""
    held = True
    with Rig() as rig:
        urls = [rig.start_server("one"), rig.start_server("two", TASK_WORKER="off")]
        header, vehicle = People(urls[0]).dispatcher()
        for fault in ("restarted", "frozen"):
            with Writers(urls, header, vehicle) as writers:
                time.sleep(2)
                probes: list[tuple[int, int]] = []
                watching = threading.Event()
                watcher = threading.Thread(target=_watch, args=(urls[0], watching, probes))
                watcher.start()
                if fault == "restarted":
                    rig.signal("postgres", signal.SIGINT)
                    rig.processes["postgres"].wait(30)
                    time.sleep(2)
                    rig.start_postgres()
                else:
                    rig.freeze_postgres(signal.SIGSTOP)
                    time.sleep(10)
                    rig.freeze_postgres(signal.SIGCONT)
                accepting = time.monotonic()
                time.sleep(8)
                watching.set()
                watcher.join()
            first = writers.first_good_after(accepting)
            errors, lost = _server_errors(writers, ("503",)), _lost(rig, writers)
            dead = sum(live != 200 for live, _ in probes)
            held &= not errors and not lost and not dead and first is not None and first <= 5
            _table(
                f"PostgreSQL {fault}", requests=dict(writers.statuses), other_than_503=errors or 0,
                acknowledged_writes_lost=lost, slowest_answer_s=f"{writers.slowest_s:.2f}",
                first_success_after_its_return_s="never" if first is None else f"{first:.2f}",
                healthz_not_200=f"{dead} of {len(probes)}", readyz_503_seen=sum(ready == 503 for _, ready in probes),
            )  # fmt: skip
    return held


def _watch(base: str, stop: threading.Event, probes: list[tuple[int, int]]) -> None:
    with httpx.Client(timeout=30) as http:
        while not stop.is_set():
            try:
                live = http.get(f"{base}/healthz").status_code
                ready = http.get(f"{base}/readyz").status_code
            except httpx.HTTPError:
                live = ready = 0
            probes.append((live, ready))
            time.sleep(0.3)


def sigterm(times: int = 5) -> bool:
    """SIGTERM under load: requests finish, sockets are told 1012, the process is gone within 15 s."""
    held, cut, longest, told, sockets = True, 0, 0.0, 0, 0
    with Rig() as rig:
        keeper = rig.start_server("keeper", TASK_WORKER="off")
        people = People(keeper)
        header, vehicle = people.dispatcher()
        for number in range(times):
            url = rig.start_server(f"victim{number}")
            pair = Pair([url], people, number * 2.0)
            with Writers([url], header, vehicle) as writers:
                time.sleep(2)
                started = time.monotonic()
                rig.signal(f"victim{number}", signal.SIGTERM)
                rig.processes[f"victim{number}"].wait(30)
                longest = max(longest, time.monotonic() - started)
                time.sleep(0.5)
            pair.close()
            cut += sum(count for kind, count in writers.statuses.items() if kind.startswith("cut"))
            told += pair.codes[1012]
            sockets += 2
            held &= not _lost(rig, writers) and not _server_errors(writers, ("503",))
    held &= cut == 0 and longest <= 15 and told == sockets
    _table(f"SIGTERM under load, {times} times", requests_cut=cut, longest_exit_s=f"{longest:.1f}", sockets_told_1012=f"{told} of {sockets}")
    return held


def worker_killed(times: int = 3) -> bool:
    """The process with the task worker killed -9 while texts wait: each is sent after the restart."""
    missing, waited = 0, 0.0
    with Rig() as rig:
        keeper = rig.start_server("keeper", TASK_WORKER="off")
        people = People(keeper)
        for number in range(times):
            rig.start_server(f"worker{number}")
            phones = []
            for _ in range(10):
                people.number += 1
                phones.append(f"+21363{people.number:07d}")
                people.post("/api/auth/register/", {"phone_number": phones[-1], "name": "A", "password": "correct-horse-battery"})
            rig.signal(f"worker{number}", signal.SIGKILL)
            rig.processes[f"worker{number}"].wait()
            rig.start_server(f"again{number}")
            started = time.monotonic()
            while time.monotonic() - started < 60:
                sent = "".join(path.read_text() for path in (rig.folder / "sms").iterdir())
                left = [phone for phone in phones if phone not in sent]
                if not left:
                    break
                time.sleep(0.2)
            waited = max(waited, time.monotonic() - started)
            missing += len(left)
            rig.signal(f"again{number}", signal.SIGTERM)
            rig.processes[f"again{number}"].wait(30)
    _table(f"Worker killed -9 with texts waiting, {times} times", committed_effects_lost=missing, all_sent_within_s=f"{waited:.1f}")
    return missing == 0
