"""`python -m bench.drills.failpoint TRIGGER`: task workers, each killed with -9 at a place of its own once TRIGGER exists.

Reads places from standard input, one a line, and for each starts a worker, whose number and end it writes: all are
forked from one process that has loaded the product, as loading takes longer than what is measured. A place is
`module:name:before` or `…:after`, the call of that function at which the process dies. The product knows nothing of it.
"""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command


def arm(place: str, trigger: Path) -> None:
    """Wrap the named function."""
    module, name, when = place.split(":")
    owner: Any = importlib.import_module(module)
    *path, name = name.split(".")
    for step in path:
        owner = getattr(owner, step)
    setattr(owner, name, deadly(getattr(owner, name), when, trigger))


def deadly(function: Callable, when: str, trigger: Path) -> Callable:
    """Return `function`, at whose begin or end the process dies if the trigger is there."""

    def fall() -> None:
        if trigger.exists():
            os.unlink(trigger)
            os.kill(os.getpid(), signal.SIGKILL)

    def wrapped(*arguments: Any, **keywords: Any) -> Any:
        if when == "before":
            fall()
        result = function(*arguments, **keywords)
        if when == "after":
            fall()
        return result

    return wrapped


def serve(trigger: Path) -> None:
    """Fork a worker for each line that is read."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            arm(line.strip(), trigger)
            call_command("db_worker", stdout=io.StringIO())
            os._exit(0)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "depannini_dashmap.settings")
    django.setup()
    serve(Path(sys.argv[1]))
