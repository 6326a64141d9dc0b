"""`python -m fuzz.run [--examples N] [--steps N] [--seed N] [--actors …] [--phases …]`: the schema as four actors, then two state machines.

Schemathesis sends generated requests for every operation of the committed schema; the state machines live through
random histories of requests for help and of trips and compare each answer with a model. Both run against servers on a
PostgreSQL and a Redis of this machine. A table ends it; the exit status is 1 if anything broke.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from adversarial.environment import AttackedEnvironment
from fuzz.machines import machines_for
from testing.samples import fleet_of
from testing.servers import ROOT
from testing.users import Users

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


class Line(NamedTuple):
    """What one actor or machine did, and what broke."""

    who: str
    done: str
    server_errors: int | None
    hangs: int | None
    breaks: int
    held: bool


def _count(text: str, pattern: str) -> int:
    """Add up the numbers of the summary's lines that speak of something."""
    return sum(int(number) for number in re.findall(rf"^\s+(?:❌|🚫) .*(?:{pattern}).*: (\d+)$", text, re.MULTILINE | re.IGNORECASE))


def _line(name: str, text: str, held: bool) -> Line:
    calls = re.search(r"(\d[\d,]*) (?:test cases? )?generated", text)
    errors, hangs, every = _count(text, "server error"), _count(text, "timeout|network"), _count(text, "")
    return Line(name, f"{calls.group(1) if calls else '?'} calls", errors, hangs, every - errors - hangs, held)


ACTORS = ["anonymous", "client", "assistant", "dispatcher"]


def fuzz_schema(environment: AttackedEnvironment, users: Users, chosen: list[str], examples: int, seed: int, phases: str) -> list[Line]:
    """Send generated requests as each of the chosen actors."""
    dispatcher = users.dispatcher()
    fleet_of(dispatcher)
    actors = {"anonymous": "", "client": users.client().header, "assistant": users.assistant().header, "dispatcher": dispatcher.header}
    lines = []
    for name in chosen:
        header = actors[name]
        command = [
            "schemathesis", "run", "docs/openapi.yaml", "--url", environment.urls[0], "--checks", CHECKS, "-n", str(examples),
            "--seed", str(seed), "--request-timeout", "5", "--max-failures", "20", "--phases", phases,
            "--exclude-path-regex", "/(logout|revoke|password-change)/", "--no-color",
            "--exclude-operation-id", "profile_close", "--exclude-operation-id", "companies_destroy",
        ]  # fmt: skip
        if header:
            command += ["-H", f"Authorization: {header}"]
        done = subprocess.run([str(Path(sys.executable).with_name(command[0])), *command[1:]], cwd=ROOT, capture_output=True, text=True)
        text = done.stdout + done.stderr
        lines.append(_line(name, text, done.returncode == 0))
        if done.returncode:
            print(text[-9000:], flush=True)
    return lines


def fuzz_states(environment: AttackedEnvironment, users: Users, steps: int) -> list[Line]:
    """Live through random histories."""
    lines = []
    for machine in machines_for(environment, users):
        runs = max(1, steps // 50)
        held = True
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=runs, stateful_step_count=50, deadline=None, database=None, print_blob=True,
                    phases=[Phase.generate, Phase.shrink],
                ),
            )  # fmt: skip
        except Exception as error:  # the machine's own report is what is wanted
            held = False
            print(f"{machine.__name__}: {error!r}", flush=True)
        # An actor's call fails on a 5xx and after 30 s of silence: both are breaks, and not counted apart.
        lines.append(Line(machine.__name__, f"{runs * 50} steps", None, None, int(not held), held))
    return lines


def print_table(lines: list[Line], seed: int) -> None:
    """Print what was done and what broke."""
    print(f"\n{'who':<20}{'done':>14}{'5xx':>6}{'> 5 s':>7}{'breaks':>8}   held   (seed {seed})")
    for line in lines:
        apart = ("–" if count is None else str(count) for count in (line.server_errors, line.hangs))
        numbers = "{:>6}{:>7}".format(*apart) + f"{line.breaks:>8}"
        print(f"{line.who:<20}{line.done:>14}{numbers}   {'yes' if line.held else 'NO'}")


def main() -> None:
    """Run both kinds and say what broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=40, help="generated requests per operation and actor")
    parser.add_argument("--steps", type=int, default=2000, help="steps of each state machine, 0 for none")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--actors", nargs="*", choices=ACTORS, default=ACTORS)
    parser.add_argument("--phases", default="examples,coverage,fuzzing", help="which of schemathesis' phases; coverage is long")
    options = parser.parse_args()
    environment = AttackedEnvironment()
    try:
        environment.start()
        users = Users(environment)
        lines = fuzz_states(environment, users, options.steps) if options.steps else []
        lines += fuzz_schema(environment, users, options.actors, options.examples, options.seed, options.phases)
    finally:
        environment.close()
    print_table(lines, options.seed)
    sys.exit(0 if all(line.held for line in lines) else 1)


if __name__ == "__main__":
    main()
