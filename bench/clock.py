"""`python -m bench.clock [--quick]`: every bench in turn, on PostgreSQL and Redis, with its table; one command for all.

DATABASE_URL (PostgreSQL) and REDIS_URL say where; each bench makes a database of its own beside the given one and
drops it. `--quick` takes fewer rounds and smaller tables, for CI and for a first look.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# name -> (arguments of a full run, arguments of a quick one)
BENCHES = {
    "rest": (["--seconds", "5", "--rounds", "3"], ["--seconds", "1", "--rounds", "1"]),
    "telematics": (["--server"], ["--quick", "--server"]),
    "nearby": ([], ["--quick"]),
    "lists": ([], ["--quick"]),
    "sockets": ([], ["--pairs", "20", "--seconds", "3", "--sockets", "100"]),
    "pages": ([], ["--quick"]),
}


def main() -> None:
    """Run what is there; exit status 1 if a bench broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if not os.environ.get("DATABASE_URL", "").startswith("postgres") or not os.environ.get("REDIS_URL"):
        parser.error("set DATABASE_URL (PostgreSQL) and REDIS_URL")
    broken = []
    for name in options.names or BENCHES:
        full, quick = BENCHES[name]
        print(f"\n=== {name}", flush=True)
        started = time.monotonic()
        done = subprocess.run([sys.executable, "-m", f"bench.{name}", *(quick if options.quick else full)], cwd=ROOT)
        print(f"--- {name}: {time.monotonic() - started:.0f} s, {'done' if done.returncode == 0 else 'BROKE'}", flush=True)
        if done.returncode:
            broken.append(name)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
