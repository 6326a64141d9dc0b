"""`python -m bench.drills [name …]`: run the drills, all or those named; exit status 1 if a goal was missed."""

import sys
import time

from bench.drills import faults, outside

DRILLS = {
    "redis": faults.redis_faults,
    "postgres": faults.postgres_faults,
    "sigterm": faults.sigterm,
    "worker": faults.worker_killed,
    "mail": outside.mail,
    "flood": outside.hostile_sockets,
    "many": outside.many_at_once,
    "media": outside.full_media,
}


def main() -> None:
    """Run them one after the other."""
    wanted = sys.argv[1:] or list(DRILLS)
    missed = []
    for name in wanted:
        started = time.monotonic()
        held = DRILLS[name]()
        print(f"  -> {name}: {'held' if held else 'MISSED'} in {time.monotonic() - started:.0f} s", flush=True)
        if not held:
            missed.append(name)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
