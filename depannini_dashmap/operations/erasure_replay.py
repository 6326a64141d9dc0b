"""Erasures survive restores: accounts erased after a backup are erased again in the restored database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from accounts.models import User
from accounts.services.account_closure import close_account
from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.lib.ops.erasures_file import Erasure, erasure_of, remember, remembered

COPY = "dashmap-erasures.jsonl"  # next to the backups


def gather(folder: Path | None = None) -> int:
    """Add erasures to the file that only the database, or a copy next to backups, has; return how many. Raises: OSError."""
    known = set(remembered(folder / COPY)) if folder else set()
    try:
        closed = User.objects.filter(closed_at__isnull=False).values_list("pk", "date_joined")
        known |= {erasure_of(*row) for row in closed}
    except DatabaseError:
        connection.close()  # an empty database, or a broken one, which a restore is for
    new = known - remembered()
    remember(sorted(new, key=lambda erasure: erasure.account))
    return len(new)


def copy_to(folder: Path) -> None:
    """Copy the file next to the backups, which are moved to other machines. Raises: OSError."""
    lines = sorted(remembered() | remembered(folder / COPY), key=lambda erasure: (erasure.account, erasure.joined))
    if not lines:
        return
    unfinished = folder / f".{COPY}"
    unfinished.touch(mode=0o600)
    unfinished.write_text("".join(f'{{"account": {each.account}, "joined": "{each.joined}"}}\n' for each in lines))
    unfinished.replace(folder / COPY)


def open_again() -> list[User]:
    """Return the accounts that were erased and are open in this database."""
    erased: set[Erasure] = remembered()
    if not erased:
        return []
    found = User.objects.filter(pk__in={each.account for each in erased}, closed_at__isnull=True).order_by("pk")
    return [user for user in found if erasure_of(user.pk, user.date_joined) in erased]


def is_current() -> bool:
    """Return whether the tables are those of this release, so that its rules can work on them."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def apply_after_migrate(sender: Any, stdout: Any = None, verbosity: int = 1, **kwargs: Any) -> None:
    """Erase again after `migrate`, which is what follows a restore of an older release's backup."""
    if not remembered() or not is_current():
        return
    stream = stdout or sys.stdout
    for sentence in sentences(*apply()):
        if verbosity:
            stream.write(f"  {sentence}\n")


def sentences(done: list[int], refused: list[str]) -> list[str]:
    """Return what `apply` did."""
    said = [f"Erased again, as they were after that backup: {', '.join(map(str, done))}."] if done else []
    return said + refused


def apply() -> tuple[list[int], list[str]]:
    """Erase again what is open in spite of its erasure; return the ids, and a sentence for each that was refused."""
    done, refused = [], []
    for user in open_again():
        try:
            close_account(actor=None, user=user)
        except DomainError as refusal:
            refused.append(f"Account {user.pk} was erased before, is open again, and cannot be erased: {refusal.message}")
        else:
            done.append(user.pk)
    return done, refused
