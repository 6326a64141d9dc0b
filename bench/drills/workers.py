"""The task worker killed with -9 at twelve places: nothing that was committed is lost, nothing happens twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from bench.drills.faults import _table
from bench.drills.load import PASSWORD, People
from bench.drills.rig import ROOT, Growth, Rig

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
    "expiry: in the transaction": ("expiry", "assistance.services.state:tell_status:before"),
}
OUTBOX = "SELECT count(*) FROM django_tasks_database_dbtaskresult WHERE status = 'RUNNING' OR (status = 'READY' AND run_after <= now())"


class Ear:
    """A socket on the server that lives; remembers what it hears, and comes back if closed."""

    def __init__(self, url: str, header: str) -> None:
        self.heard: list[dict[str, Any]] = []
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
                        self.heard.append(json.loads(held.recv(timeout=0.3)))
                        self.opened.set()

    def close(self) -> None:
        """Hang up."""
        self.stopping.set()
        self.thread.join(5)


class Stage:
    """One server with sockets and no worker, and a worker that can be told where to die."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.base = rig.start_server("keeper", TASK_WORKER="off", OFFER_WAVE_SIZE="1", OFFER_WAVE_INTERVAL="1", ASSISTANCE_TTL="8")
        self.sockets = f"{self.base.replace('http', 'ws', 1)}/ws"
        self.people = People(self.base)
        self.trigger = rig.folder / "trigger"
        self.lat = -60.0
        self.pid = 0
        log = (rig.folder / "worker.log").open("ab")
        environment = rig.environment | {"OFFER_WAVE_SIZE": "1", "OFFER_WAVE_INTERVAL": "1"}
        self.nursery = subprocess.Popen(
            [sys.executable, "-m", "bench.drills.failpoint", str(self.trigger)],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        log.close()
        rig.processes["nursery"] = self.nursery

    def start_worker(self, place: str) -> None:
        """Start the worker that is to die at `place`."""
        assert self.nursery.stdin is not None
        self.nursery.stdin.write(f"{place}\n")
        self.nursery.stdin.flush()
        self.pid = int(self._line())

    def end_of_worker(self, *, told: bool = False) -> int:
        """Wait for the worker's end and return its status; `told` has it stop in an orderly way."""
        if told:
            os.kill(self.pid, signal.SIGTERM)
        return int(self._line())

    def _line(self) -> str:
        assert self.nursery.stdout is not None
        return self.nursery.stdout.readline()

    def phone(self) -> str:
        """Return a number that nobody has."""
        self.people.number += 1
        return f"+21365{self.people.number:07d}"


# --- Effects: each sets off one, and returns how to see how often it has happened ------------------------------------------
def text(stage: Stage) -> Callable[[], int]:
    """A new account's code by SMS."""
    phone = stage.phone()
    stage.people.post("/api/auth/register/", {"phone_number": phone, "name": "A", "password": PASSWORD})
    return lambda: _files_with(stage, "sms", phone)


def mail(stage: Stage) -> Callable[[], int]:
    """A new dispatcher's code by mail."""
    stage.people.number += 1
    name = f"mail{stage.people.number}"
    stage.people.post("/api/auth/register/", {"username": name, "password": PASSWORD, "email": f"{name}@example.com", "first_name": "D", "last_name": "D", "company_name": name})
    return lambda: _files_with(stage, "mail", f"To: {name}@example.com")


def _files_with(stage: Stage, folder: str, needle: str) -> int:
    return sum(path.read_text(errors="replace").count(needle) for path in (stage.rig.folder / folder).glob("[!.]*"))


def wave(stage: Stage) -> Callable[[], int]:
    """The second wave of a request, which reaches the farther of two assistants by his socket."""
    stage.lat += 0.5
    near, far = (stage.people.assistant(stage.lat + step, stage.phone()) for step in (0, 0.02))
    ear = Ear(f"{stage.sockets}/assistant/{far[1]}/", far[0])
    header = _client(stage)
    number = stage.people.post("/api/assistance/request/", {"pickup": {"lat": stage.lat, "lng": 10.0}}, header)["assistance"]["id"]
    offers = f"SELECT count(*) FROM assistance_offer WHERE assistance_id = {number} AND assistant_id = {far[1]}"

    def seen() -> int:
        told = any(frame.get("type") == "new_assistance_request" for frame in ear.heard)
        return stage.rig.rows(offers)[0][0] if told else 0

    seen.done = lambda: (ear.close(), _off_duty(stage, near[0]), _off_duty(stage, far[0]))  # type: ignore[attr-defined]
    return seen


def expiry(stage: Stage) -> Callable[[], int]:
    """The end of a request that nobody answers, of which its client hears."""
    stage.lat += 0.5
    header = _client(stage)
    number = stage.people.post("/api/assistance/request/", {"pickup": {"lat": stage.lat, "lng": 10.0}}, header)["assistance"]["id"]
    ear = Ear(f"{stage.sockets}/assistance/{number}/", header)
    state = f"SELECT version FROM assistance_assistance WHERE id = {number}"
    before = stage.rig.rows(state)[0][0]

    def seen() -> int:
        told = any(frame.get("status") == "canceled" or frame.get("assistance", {}).get("status") == "canceled" for frame in ear.heard)
        return stage.rig.rows(state)[0][0] - before if told else 0

    seen.done = ear.close  # type: ignore[attr-defined]
    return seen


def _client(stage: Stage) -> str:
    answer = stage.people.post("/api/auth/register/", {"phone_number": stage.phone(), "name": "Amina", "password": PASSWORD})
    return f"Bearer {answer['access']}"


def _off_duty(stage: Stage, header: str) -> None:
    stage.people.post("/api/profile/assistant-status/", {"is_active": False}, header)


EFFECTS = {"text": text, "mail": mail, "wave": wave, "expiry": expiry}


# --- The drill ---------------------------------------------------------------------------------------------------------------
def worker_killed(times: int = 1) -> bool:
    """Kill the worker at each place; what it should have done happens after the restart, once where once counts."""
    lost, twice, alive, emptied = Counter[str](), Counter[str](), Counter[str](), defaultdict[str, list[float]](list)
    with Rig() as rig:
        stage = Stage(rig)
        memory = Growth(rig, "keeper")
        for _ in range(times):
            for name, (effect, place) in PLACES.items():
                stage.start_worker(place)
                stage.trigger.touch()
                seen = EFFECTS[effect](stage)
                _until(lambda: not stage.trigger.exists(), 20)
                if stage.trigger.exists():
                    stage.trigger.unlink()
                    alive[name] += 1
                stage.end_of_worker(told=bool(alive[name]))
                stage.start_worker(place)
                emptied[name].append(_until(lambda: rig.rows(OUTBOX)[0][0] == 0, 30))
                _until(lambda: seen() > 0, 30)  # noqa: B023 - called at once
                number = seen()
                lost[name] += number == 0
                twice[name] += number > 1
                getattr(seen, "done", lambda: None)()
                stage.end_of_worker(told=True)
        grown = str(memory)
    _table(
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


def _until(condition: Callable[[], bool], seconds: float) -> float:
    """Wait for a condition, for at most so many seconds, and return how long that took."""
    started = time.monotonic()
    while not condition() and time.monotonic() - started < seconds:
        time.sleep(0.1)
    return time.monotonic() - started
