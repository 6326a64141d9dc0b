"""`manage.py restore <archive>`: replace database and photos by those of a backup."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from depannini_dashmap.operations import backups, erasure_replay


class Command(BaseCommand):
    """Refuses to replace a database that holds people, unless forced."""

    help = "Replace database and photos by those of a backup. Stop the server first."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the archive and the permission to replace."""
        parser.add_argument("archive")
        parser.add_argument("--replace", action="store_true", help="replace a database that is in use")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, replace, and say what to do next."""
        if not options["replace"] and holds_people():
            raise CommandError(
                "The database holds people. Stop the server, make a backup of it, then say --replace "
                "(make restore FILE=… ARGS=--replace)."
            )
        source = Path(options["archive"])
        began = time.monotonic()
        try:
            erasure_replay.gather(source.parent)
            manifest = backups.restore(source)
        except backups.ArchiveError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"Nothing was replaced: erasures cannot be kept in {settings.ERASURES_FILE}: {error.strerror}") from error
        self.stdout.write(f"Restored the state of {manifest['made_at']} in {time.monotonic() - began:.1f} s.")
        if erasure_replay.is_current():
            for sentence in erasure_replay.sentences(*erasure_replay.apply()):
                self.stdout.write(sentence)
        else:
            self.stdout.write("Who was erased after that backup is erased again by migrate.")
        self.stdout.write("Now: python manage.py migrate && python manage.py doctor")


def holds_people() -> bool:
    """Return whether there is anybody to lose."""
    try:
        return get_user_model().objects.exists()
    except DatabaseError:
        return False
