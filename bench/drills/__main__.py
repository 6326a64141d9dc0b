"""`python -m bench.drills [name …] [--times N]`: run the drills, all or those named; exit status 1 if a goal was missed.

`name:N` repeats one drill's fault N times, `--times N` that of every drill which counts; without, each is short. Of
flood, load, stream and soak, N is how many minutes they last; of events, how many pairs take part; of upgrade, how many
thousand positions there are. A drill that cannot be run here says NOT RUN, and neither holds nor misses.
"""

import argparse
import inspect
import signal
import sys
import time

from bench.drills import (
    crowds,
    faults,
    hosts,
    lines,
    messages,
    outside,
    sessions,
    steady,
    transitions,
    upgrade,
    workers,
)
from bench.drills.outcomes import NotRun

DRILLS = {
    "redis": faults.redis_faults,
    "postgres": faults.postgres_faults,
    "hosts": hosts.hosts,
    "sigterm": faults.sigterm,
    "lines": lines.broken_lines,
    "sessions": sessions.sessions_end,
    "worker": workers.worker_killed,
    "mail": outside.mail,
    "messages": messages.messages,
    "media": outside.full_media,
    "flood": crowds.hostile_sockets,
    "many": crowds.many_at_once,
    "events": transitions.state_events,
    "load": steady.load,
    "stream": steady.stream,
    "soak": steady.soak,
    "upgrade": upgrade.upgrade,
    "upgrade_suite": upgrade.upgrade_suite,
}
BY_NAME_ALONE = {"upgrade_suite"}  # takes as long as a whole test suite


def main() -> None:
    """Run them one after the other."""
    parser = argparse.ArgumentParser(prog="python -m bench.drills")
    parser.add_argument("names", nargs="*", metavar="name[:N]", help=", ".join(DRILLS))
    parser.add_argument("--times", type=int, help="how often each fault is repeated")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a drill cleans up after itself
    missed = []
    for wish in asked.names or [name for name in DRILLS if name not in BY_NAME_ALONE]:
        name, _, own = wish.partition(":")
        if name not in DRILLS:
            parser.error(f"no drill is named {name}")
        drill, amount = DRILLS[name], {}
        takes = next(iter(inspect.signature(drill).parameters), "")
        if own and takes:
            amount = {takes: int(own)}
        elif asked.times is not None and takes == "times":
            amount = {takes: asked.times}
        started = time.monotonic()
        try:
            held = drill(**amount)
        except NotRun as why:
            print(f"  -> {name}: NOT RUN ({why})", flush=True)
            continue
        print(f"  -> {name}: {'held' if held else 'MISSED'} in {time.monotonic() - started:.0f} s", flush=True)
        if not held:
            missed.append(name)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
