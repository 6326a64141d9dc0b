"""The examinations of `manage.py doctor`: each tries the real thing and says how to fix what fails."""

from collections.abc import Iterator
from importlib import import_module

from django.core import checks as system_checks
from django.db import connection

from depannini_dashmap.operations.doctor_findings import (
    EXAMINATIONS,
    Broken,
    Doubtful,
    Examination,
    Finding,
    cause,
    without_secrets,
)

# In the order of the report: what the rest depends on comes first.
for _room in ("database", "pooler", "redis", "server", "services", "roads"):
    import_module(f"depannini_dashmap.operations.doctor_{_room}")

CONFIGURATION = "configuration"


def names() -> list[str]:
    """Name everything that can be examined."""
    return [CONFIGURATION, *EXAMINATIONS]


def examine(only: list[str] | None = None) -> Iterator[Finding]:
    """Run the named examinations, or all, in order."""
    if not only or CONFIGURATION in only:
        yield from configuration()
    for name, function in EXAMINATIONS.items():
        if only and name not in only:
            continue
        yield _examined(name, function)


def _examined(name: str, function: Examination) -> Finding:
    """Run one; an unexpected exception is a finding, so that the others still report."""
    try:
        return Finding(name, "ok", without_secrets(function()))
    except Doubtful as trouble:
        level = "broken" if isinstance(trouble, Broken) else "doubtful"
        return Finding(name, level, without_secrets(trouble.sentence), trouble.remedy)
    except Exception as error:
        return Finding(name, "broken", f"Could not be examined: {cause(error)}", "Report this sentence: it is a fault of doctor, or of what it asked.")
    finally:
        if connection.errors_occurred and not connection.in_atomic_block:
            connection.close()  # the next examination asks on a new one


def configuration() -> Iterator[Finding]:
    """Run the system checks of a deployment, but for those of the API's documentation."""
    found = system_checks.run_checks(include_deployment_checks=True)
    found = [message for message in found if not (message.id or "").startswith("drf_spectacular")]
    for message in found:
        level = "broken" if message.level >= system_checks.ERROR else "doubtful"
        yield Finding(CONFIGURATION, level, without_secrets(f"{message.id}: {message.msg}"), str(message.hint or ""))
    if not found:
        yield Finding(CONFIGURATION, "ok", "no doubtful setting")
