"""`python -m bench.drills [name …] [--times N]`: run the drills, all or those named; exit status 1 if a goal was missed.

`name:N` repeats one drill's fault N times, `--times N` that of every drill which counts; without, each is short.
"""

import argparse
import inspect
import sys
import time

from bench.drills import faults, lines, outside, workers

DRILLS = {
    "redis": faults.redis_faults,
    "postgres": faults.postgres_faults,
    "sigterm": faults.sigterm,
    "lines": lines.broken_lines,
    "worker": workers.worker_killed,
    "mail": outside.mail,
    "flood": outside.hostile_sockets,
    "many": outside.many_at_once,
    "media": outside.full_media,
}


def main() -> None:
    """Run them one after the other."""
    parser = argparse.ArgumentParser(prog="python -m bench.drills")
    parser.add_argument("names", nargs="*", metavar="name[:times]", help=", ".join(DRILLS))
    parser.add_argument("--times", type=int, help="how often each fault is repeated")
    asked = parser.parse_args()
    missed = []
    for wish in asked.names or DRILLS:
        name, _, own = wish.partition(":")
        if name not in DRILLS:
            parser.error(f"no drill is named {name}")
        drill, times = DRILLS[name], int(own) if own else asked.times
        counts = times is not None and "times" in inspect.signature(drill).parameters
        started = time.monotonic()
        held = drill(times=times) if counts else drill()
        print(f"  -> {name}: {'held' if held else 'MISSED'} in {time.monotonic() - started:.0f} s", flush=True)
        if not held:
            missed.append(name)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
