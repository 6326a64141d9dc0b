"""Which accounts were erased: a file outside the database, so that no restore brings anybody back.

Each line names an account by its id and the moment it was made, which no other account has in common with it. That is all
it holds, and what the erased row itself keeps.
"""

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erased account; `joined` is ISO 8601 in UTC, to the microsecond."""

    account: int
    joined: str


def erasure_of(account: int, joined: datetime) -> Erasure:
    """Name an account as the file does."""
    return Erasure(account, joined.astimezone(UTC).isoformat(timespec="microseconds"))


def remember(erasures: Iterable[Erasure]) -> None:
    """Add lines to the file, whole and on the disk when this returns. Raises: OSError."""
    text = "".join(json.dumps(asdict(erasure)) + "\n" for erasure in erasures).encode()
    if not text:
        return
    file = Path(settings.ERASURES_FILE)
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            text = b"\n" + text  # a full disk has cut the line before
        if os.write(descriptor, text) < len(text):
            raise OSError(f"{file} takes nothing more")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remember_or_log(erasure: Erasure) -> None:
    """Add a line; where that fails say so in the log: the next backup adds it from the database."""
    try:
        remember([erasure])
    except OSError as error:
        logger.error("The erasure of account %s could not be kept in %s: %s", erasure.account, settings.ERASURES_FILE, error)


def remembered(file: Path | None = None) -> set[Erasure]:
    """Return what a file holds, ours unless another one is named; a line that cannot be read is one in the log. Raises: OSError."""
    file = file or Path(settings.ERASURES_FILE)
    if not file.exists():
        return set()
    found = set()
    for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            found.add(Erasure(int(row["account"]), str(row["joined"])))
        except (ValueError, KeyError, TypeError):
            logger.error("Line %s of %s cannot be read", number, file)
    return found
