"""`manage.py backup`: save database and photos while people work."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from depannini_dashmap.operations import backups, erasure_replay


class Command(BaseCommand):
    """Prints the name of the archive; old ones can be removed by number."""

    help = "Save database and photos as one archive."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the folder and how many archives stay."""
        parser.add_argument("folder", nargs="?", default=str(settings.BASE_DIR / "backups"))
        parser.add_argument("--keep", type=int, default=0, help="remove all but the newest N archives; 0 removes none")

    def handle(self, *args: Any, **options: Any) -> None:
        """Save, then thin out."""
        folder = Path(options["folder"])
        began = time.monotonic()
        try:
            made = backups.back_up(folder)
        except backups.ArchiveError as error:
            raise CommandError(str(error)) from error
        try:
            erasure_replay.gather(folder)
            erasure_replay.copy_to(folder)
        except OSError as error:
            raise CommandError(f"{made} is made, but erasures cannot be kept in {settings.ERASURES_FILE}: {error.strerror}") from error
        size = made.stat().st_size / 1_000_000
        self.stdout.write(f"{made} ({size:.1f} MB, {time.monotonic() - began:.1f} s)")
        if options["keep"] > 0:
            for old in sorted(folder.glob("dashmap-*.tar.gz"))[: -options["keep"]]:
                old.unlink()
                self.stdout.write(f"removed {old.name}")
