"""Solve a problem in a child process: one at a time on a host, never longer than its limit and some seconds."""

from __future__ import annotations

import fcntl
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.lib.labels import labelled_lazily
from trips.planning.problem import Problem, Solution

# VROOM looks at its limit between two steps alone: 250 loose orders with a limit of 0.1 s once took 67.7 s.
GRACE_SECONDS = 5.0
LOOK_EVERY_SECONDS = 0.1
WAIT_OF_A_REQUEST = 5.0  # seconds


class PlanFailed(DomainError):
    """The solver ended without an answer."""

    status = 503
    code = "planning_failed"


class PlannerBusy(DomainError):
    """Another plan is being made, and who asks waits for the answer."""

    status = 503
    code = "planner_busy"


class PlanStopped(DomainError):
    """Somebody cancelled the plan while it was solved."""

    status = 409
    code = "plan_cancelled"


def solve(
    problem: Problem, *, is_cancelled: Callable[[], bool] = lambda: False, longest_wait: float = math.inf, begins: Callable[[], None] = lambda: None
) -> Solution:
    """Return the solver's routes; `is_cancelled` is asked some times a second, and ends it. `begins` is called once it is its turn.

    A request waits at most `longest_wait` seconds for its turn: a plan of the worker may take half a minute, and threads
    that wait serve nobody.
    Raises: PlanStopped, PlannerBusy, PlanFailed (killed at its limit, killed by somebody, or broken).
    """
    with _only_one(is_cancelled, longest_wait), tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as answered, tempfile.TemporaryFile() as said:
        asked.write(json.dumps(problem.as_json()).encode())
        asked.seek(0)
        begins()
        child = subprocess.Popen(
            [sys.executable, "-m", "trips.planning.solver"],
            stdin=asked,
            stdout=answered,
            stderr=said,
            cwd=Path(__file__).resolve().parents[2],
            start_new_session=True,
        )
        try:
            _wait(child, problem.time_limit + GRACE_SECONDS, is_cancelled)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        if child.returncode != 0:
            said.seek(0)
            reason = said.read().decode(errors="replace").strip().splitlines()[-1:] or [f"ended by signal {-child.returncode}"]
            raise PlanFailed(labelled_lazily(_("The planner stopped without an answer"), reason[0][:200]))
        answered.seek(0)
        return Solution.from_json(json.load(answered))


def solve_routable(
    problem: Problem, *, is_cancelled: Callable[[], bool] = lambda: False, longest_wait: float = math.inf, begins: Callable[[], None] = lambda: None
) -> Solution:
    """Return the solver's routes for the orders whose places are known; the others are left out. Raises: as `solve`."""
    routable = tuple(
        order for order in problem.orders if order.delivery.place is not None and (order.pickup is None or order.pickup.place is not None)
    )
    unroutable = tuple(order.id for order in problem.orders if order not in routable)
    if not routable or not problem.vehicles:
        return Solution((), tuple(order.id for order in problem.orders))
    found = solve(replace(problem, orders=routable), is_cancelled=is_cancelled, longest_wait=longest_wait, begins=begins)
    return replace(found, unassigned=(*found.unassigned, *unroutable))


def _wait(child: subprocess.Popen[bytes], limit: float, is_cancelled: Callable[[], bool]) -> None:
    ends = time.monotonic() + limit
    while True:
        try:
            child.wait(timeout=LOOK_EVERY_SECONDS)
            return
        except subprocess.TimeoutExpired:
            if is_cancelled():
                raise PlanStopped(_("The plan was cancelled")) from None
            if time.monotonic() > ends:
                raise PlanFailed(_("The planner did not end in time")) from None


@contextmanager
def _only_one(is_cancelled: Callable[[], bool], longest_wait: float) -> Iterator[None]:
    """Hold the host's one place for a solver: two of them would take the processors from those who serve."""
    path = Path(tempfile.gettempdir()) / f"depannini-planner-{os.getuid()}.lock"
    ends = time.monotonic() + longest_wait
    with path.open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if is_cancelled():
                    raise PlanStopped(_("The plan was cancelled")) from None
                if time.monotonic() > ends:
                    raise PlannerBusy(_("The planner is busy. Try again in a moment.")) from None
                time.sleep(LOOK_EVERY_SECONDS)
        yield
