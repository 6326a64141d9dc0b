"""`python -m bench.drills.failpoint PLACE TRIGGER`: the task worker, killed with -9 at a place once TRIGGER exists.

PLACE is `module:name:before` or `…:after`: the call of that function at which the process dies. The product knows
nothing of it.
"""

from __future__ import annotations

import importlib
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


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "depannini_dashmap.settings")
    django.setup()
    arm(sys.argv[1], Path(sys.argv[2]))
    call_command("db_worker")
