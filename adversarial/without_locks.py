"""`python -m adversarial.without_locks [race …]`: each race again without its lock, condition or constraint.

A race that cannot fail proves nothing. Each is run for up to twenty rounds on a environment of its own from which one guard
was taken away, and must fail; where a second guard holds, both are taken away. Prints a table; the exit status is 1 if
anything went otherwise than it says here.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import NamedTuple

from testing.servers import ROOT

ROUNDS = 20


class Trial(NamedTuple):
    """A race, what is taken away from it, and the guard that still holds then, if there is one."""

    race: str
    taken: str
    still_held_by: str = ""


JOB, ORDER, TRIP, USER = "lock:assistance.assistance", "lock:orders.order", "lock:trips.trip", "lock:accounts.user"
COMPANY, ANSWERED = "lock:accounts.company", "condition:accounts.invitation.outcome"
LIVE_ONCE = "constraint:order_in_one_live_trip"
ENDED = "constraint:assistance_ended_when_final"
USED_ONCE = "condition:accounts.verificationcode.ended_at"
TRIALS = [
    Trial("a16_a_hundred", "lock:sign-in"),
    Trial("e01", JOB),
    Trial("e02", "constraint:assistance_one_job_per_assistant"),
    Trial("e03", "constraint:assistance_one_open_per_client"),
    Trial("e04", JOB, "the check assistance_ended_when_final"),
    Trial("e04", f"{JOB} {ENDED}"),
    Trial("e05", JOB),
    Trial("e07", ORDER, "the constraint order_in_one_live_trip"),
    Trial("e07", LIVE_ONCE, "the lock on the order"),
    Trial("e07", f"{ORDER} {LIVE_ONCE}"),
    Trial("e08", TRIP),
    Trial("e09", TRIP),
    Trial("e10", ORDER),
    Trial("e11", "constraint:trip_one_running_per_vehicle"),
    Trial("e12", "counter:orders"),
    Trial("e13", "condition:trips.trip.notify_claimed_at"),
    Trial("e15", "constraint:idempotent_request_once_per_user_and_path"),
    Trial("e18", "constraint:position_once"),
    Trial("e20", USER, "the conditional UPDATE that uses a code up"),
    Trial("e20", USED_ONCE, "the lock on the account"),
    Trial("e20", f"{USER} {USED_ONCE}", "the account's row, written before the code is used up"),
    Trial("e20", "use:codes"),
    Trial("e21", COMPANY),
    Trial("e22", COMPANY, "the conditional UPDATE that ends an invitation"),
    Trial("e22", ANSWERED, "the lock on the company"),
    Trial("e22", f"{COMPANY} {USER} {ANSWERED}"),
]


def run(trial: Trial) -> tuple[bool, str]:
    """Run one race; returns whether it went as it should, and what happened."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "adversarial/pytest.ini", "--rootdir=.", "adversarial", "-x", "-q",
         "-k", f"test_{trial.race}"],
        cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "UNGUARDED": trial.taken, "ROUNDS": str(ROUNDS)},
    )  # fmt: skip
    if done.returncode == 0:
        return bool(trial.still_held_by), f"held by {trial.still_held_by or '?'}"
    if done.returncode != 1 or " error" in done.stdout.splitlines()[-1]:
        return False, f"could not be run: {done.stdout[-300:]}"
    rounds = re.findall(r"^round (\d+)$", done.stdout, re.MULTILINE)
    return not trial.still_held_by, f"failed in round {rounds[-1] if rounds else 1}"


def main() -> None:
    """Run the chosen trials, or all, and print the table."""
    chosen = [trial for trial in TRIALS if not sys.argv[1:] or trial.race in sys.argv[1:]]
    print(f"{'race':<14}{'taken away':<78}{'what happened':<50}as it should")
    wrong = 0
    for trial in chosen:
        is_right, happened = run(trial)
        wrong += not is_right
        print(f"{trial.race:<14}{trial.taken:<78}{happened:<50}{'yes' if is_right else 'NO'}", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
