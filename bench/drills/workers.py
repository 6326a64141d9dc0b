"""The task worker killed with -9 at twelve places: nothing that was committed is lost, nothing happens twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from bench.drills.outcomes import print_table
from testing.environments import IsolatedEnvironment, MemoryGrowth
from testing.samples import ask_for_help
from testing.servers import ROOT
from testing.users import Caller, Users
from testing.waiting import seconds_until

WORKER, WAVE = "depannini_dashmap.lib.ops.worker", "assistance.services.offers:send_wave"
BATCH = "depannini_dashmap.lib.realtime.layer:_Batch.__call__"
MAIL = "django.core.mail.backends.filebased:EmailBackend.write_message"
PLACES = {
    "text: claimed, not begun": ("text", f"{WORKER}:Worker._run:before"),
    "text: code kept, not sent": ("text", "accounts.messages:send_code:before"),
    "text: in the midst of sending": ("text", "pathlib:Path.rename:before"),
    "text: sent, not marked": ("text", "accounts.messages:send_code:after"),
    "text: done, outcome not kept": ("text", f"{WORKER}:_succeed:before"),
    "text: outcome kept": ("text", f"{WORKER}:_succeed:after"),
    "mail: in the midst of sending": ("mail", f"{MAIL}:before"),
    "mail: written, not marked": ("mail", f"{MAIL}:after"),
    "wave: in the transaction": ("wave", f"{WAVE}:after"),
    "wave: committed, not published": ("wave", f"{BATCH}:before"),
    "wave: published, not marked": ("wave", f"{BATCH}:after"),
    "expiry: in the transaction": ("expiry", "assistance.steps.state:publish_status:before"),
}
OUTBOX = "SELECT count(*) FROM django_tasks_database_dbtaskresult WHERE status = 'RUNNING' OR (status = 'READY' AND run_after <= now())"


class Listener:
    """A socket on the server that stays; keeps what it receives, and connects again if closed."""

    def __init__(self, url: str, header: str) -> None:
        self.received: list[dict[str, Any]] = []
        self.stopping = threading.Event()
        self.opened = threading.Event()
        self.thread = threading.Thread(target=self._listen, args=(url, header), daemon=True)
        self.thread.start()
        self.opened.wait(10)

    def _listen(self, url: str, header: str) -> None:
        while not self.stopping.is_set():
            with suppress(WebSocketException, OSError), connect(url, additional_headers={"Authorization": header}) as held:
                while not self.stopping.is_set():
                    with suppress(TimeoutError):
                        self.received.append(json.loads(held.recv(timeout=0.3)))
                        self.opened.set()

    def close(self) -> None:
        """Hang up."""
        self.stopping.set()
        self.thread.join(5)


class Workers:
    """One server with sockets and no worker, and a worker that is killed at a given place."""

    def __init__(self, environment: IsolatedEnvironment) -> None:
        self.environment = environment
        self.base = environment.start_server("keeper", TASK_WORKER="off", OFFER_WAVE_SIZE="1", OFFER_WAVE_INTERVAL="1", ASSISTANCE_TTL="8")
        self.sockets = f"{self.base.replace('http', 'ws', 1)}/ws"
        self.users = Users(environment, [self.base])
        self.trigger = environment.folder / "trigger"
        self.lat = -60.0
        self.pid = 0
        log = (environment.folder / "worker.log").open("ab")
        variables = environment.variables | {"OFFER_WAVE_SIZE": "1", "OFFER_WAVE_INTERVAL": "1"}
        self.nursery = subprocess.Popen(
            [sys.executable, "-m", "bench.drills.failpoint", str(self.trigger)],
            cwd=ROOT, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        log.close()
        environment.processes["nursery"] = self.nursery

    def start_worker(self, place: str) -> None:
        """Start the worker that is to die at `place`."""
        assert self.nursery.stdin is not None
        self.nursery.stdin.write(f"{place}\n")
        self.nursery.stdin.flush()
        self.pid = int(self._line())

    def end_of_worker(self, *, is_asked: bool = False) -> int:
        """Wait for the worker's end and return its status; `is_asked` has it stop in an orderly way."""
        if is_asked:
            os.kill(self.pid, signal.SIGTERM)
        return int(self._line())

    def _line(self) -> str:
        assert self.nursery.stdout is not None
        return self.nursery.stdout.readline()


# --- Effects: each sets off one, and returns how to see how often it has happened ------------------------------------------
def text(workers: Workers) -> Callable[[], int]:
    """A new account's code by SMS."""
    phone = workers.users.client().known["phone"]
    return lambda: _files_with(workers, "sms", phone)


def mail(workers: Workers) -> Callable[[], int]:
    """A new dispatcher's code by mail."""
    address = workers.users.dispatcher().known["email"]
    return lambda: _files_with(workers, "mail", f"To: {address}")


def _files_with(workers: Workers, folder: str, needle: str) -> int:
    return sum(path.read_text(errors="replace").count(needle) for path in (workers.environment.folder / folder).glob("[!.]*"))


def wave(workers: Workers) -> Callable[[], int]:
    """The second wave of a request, which reaches the farther of two assistants by his socket."""
    workers.lat += 0.5
    near, far = (workers.users.assistant(lat=workers.lat + step, lng=10.0) for step in (0, 0.02))
    listener = Listener(f"{workers.sockets}/assistant/{far.id}/", far.header)
    number = ask_for_help(workers.users.client(), pickup={"lat": workers.lat, "lng": 10.0})
    offers = f"SELECT count(*) FROM assistance_offer WHERE assistance_id = {number} AND assistant_id = {far.id}"

    def seen() -> int:
        is_notified = any(frame.get("type") == "new_assistance_request" for frame in listener.received)
        return workers.environment.rows(offers)[0][0] if is_notified else 0

    seen.done = lambda: (listener.close(), _off_duty(near), _off_duty(far))  # type: ignore[attr-defined]
    return seen


def expiry(workers: Workers) -> Callable[[], int]:
    """The end of a request that nobody answers, which its client receives."""
    workers.lat += 0.5
    client = workers.users.client()
    number = ask_for_help(client, pickup={"lat": workers.lat, "lng": 10.0})
    listener = Listener(f"{workers.sockets}/assistance/{number}/", client.header)
    state = f"SELECT version FROM assistance_assistance WHERE id = {number}"
    before = workers.environment.rows(state)[0][0]

    def seen() -> int:
        is_notified = any(frame.get("status") == "canceled" or frame.get("assistance", {}).get("status") == "canceled" for frame in listener.received)
        return workers.environment.rows(state)[0][0] - before if is_notified else 0

    seen.done = listener.close  # type: ignore[attr-defined]
    return seen


def _off_duty(assistant: Caller) -> None:
    assistant.post("/api/profile/assistant-status/", {"is_active": False})


EFFECTS = {"text": text, "mail": mail, "wave": wave, "expiry": expiry}


# --- The drill ---------------------------------------------------------------------------------------------------------------
def worker_killed(times: int = 1) -> bool:
    """Kill the worker at each place; its work is done after the restart, exactly once where that matters."""
    lost, twice, alive, emptied = Counter[str](), Counter[str](), Counter[str](), defaultdict[str, list[float]](list)
    with IsolatedEnvironment() as environment:
        workers = Workers(environment)
        memory = MemoryGrowth(environment, "keeper")
        for _ in range(times):
            for name, (effect, place) in PLACES.items():
                workers.start_worker(place)
                workers.trigger.touch()
                seen = EFFECTS[effect](workers)
                seconds_until(lambda: not workers.trigger.exists(), 20)
                if workers.trigger.exists():
                    workers.trigger.unlink()
                    alive[name] += 1
                workers.end_of_worker(is_asked=bool(alive[name]))
                workers.start_worker(place)
                emptied[name].append(seconds_until(lambda: environment.rows(OUTBOX)[0][0] == 0, 30))
                seconds_until(lambda: seen() > 0, 30)  # noqa: B023 - called at once
                number = seen()
                lost[name] += number == 0
                twice[name] += number > 1
                getattr(seen, "done", lambda: None)()
                workers.end_of_worker(is_asked=True)
        grown = str(memory)
    print_table(
        f"Worker killed -9, {times} times at each of {len(PLACES)} places",
        **{
            name: f"{lost[name]} lost, {twice[name]} twice, outbox empty after {max(emptied[name]):.1f} s"
            + (f", not killed {alive[name]} times" if alive[name] else "")
            for name in PLACES
        },
        memory_growth_mb=grown,
    )
    # Only what is sent outside may come twice, where it was sent and not yet marked.
    applied_twice = sum(number for name, number in twice.items() if not name.startswith(("text", "mail")))
    slowest = max(max(delays) for delays in emptied.values())
    return not (sum(lost.values()) or applied_twice or sum(alive.values())) and slowest <= 5
