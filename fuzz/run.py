"""`python -m fuzz.run [--examples N] [--steps N] [--seed N]`: the schema as four actors, then two state machines.

Schemathesis sends generated requests for every operation of the committed schema; the state machines live through
random histories of requests for help and of trips and compare each answer with a model. Both run against servers on a
PostgreSQL and a Redis of this machine. The exit status is 1 if anything broke.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from adversarial.stage import ROOT, Cast, Stage, fleet_of
from fuzz.machines import machines_for

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def fuzz_schema(stage: Stage, cast: Cast, examples: int, seed: int) -> int:
    """Send generated requests as each actor; returns how many of the runs broke."""
    dispatcher = cast.dispatcher()
    fleet_of(dispatcher)
    actors = {"anonymous": "", "client": cast.client().header, "assistant": cast.assistant().header, "dispatcher": dispatcher.header}
    broken = 0
    for name, header in actors.items():
        command = [
            "schemathesis", "run", "docs/openapi.yaml", "--url", stage.urls[0], "--checks", CHECKS, "-n", str(examples),
            "--seed", str(seed), "--request-timeout", "5", "--max-failures", "20", "--phases", "examples,coverage,fuzzing",
            "--exclude-path-regex", "/(logout|revoke|password-change)/", "--exclude-method", "DELETE", "--no-color",
        ]  # fmt: skip
        if header:
            command += ["-H", f"Authorization: {header}"]
        done = subprocess.run([str(Path(sys.executable).with_name(command[0])), *command[1:]], cwd=ROOT, capture_output=True, text=True)
        text = done.stdout + done.stderr
        calls = re.search(r"(\d[\d,]*) (?:test cases? )?generated", text)
        print(f"{name}: seed {seed}, {calls.group(1) if calls else '?'} calls, {'held' if done.returncode == 0 else 'BROKE'}", flush=True)
        if done.returncode:
            broken += 1
            print(text[-6000:])
    return broken


def fuzz_states(stage: Stage, cast: Cast, steps: int) -> int:
    """Live through random histories; returns how many machines broke."""
    broken = 0
    for machine in machines_for(stage, cast):
        runs = max(1, steps // 50)
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=runs, stateful_step_count=50, deadline=None, database=None, print_blob=True,
                    phases=[Phase.generate, Phase.shrink],
                ),
            )  # fmt: skip
            print(f"{machine.__name__}: {runs * 50} steps, held", flush=True)
        except Exception as error:  # the machine's own report is what is wanted
            broken += 1
            print(f"{machine.__name__}: BROKE: {error!r}", flush=True)
    return broken


def main() -> None:
    """Run both kinds and say what broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=40, help="generated requests per operation and actor")
    parser.add_argument("--steps", type=int, default=2000, help="steps of each state machine")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    stage = Stage()
    try:
        stage.raise_curtain()
        cast = Cast(stage)
        broken = fuzz_states(stage, cast, options.steps) + fuzz_schema(stage, cast, options.examples, options.seed)
    finally:
        stage.lower_curtain()
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
