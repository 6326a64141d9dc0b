"""`manage.py prune`: remove what is older than the retention settings allow, at once and with the audit events."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from depannini_dashmap.operations import retention


class Command(BaseCommand):
    """Prints a line for each table from which something left."""

    help = "Remove positions, codes, tokens, answered keys and other rows past their retention."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add `--dry-run`."""
        parser.add_argument("--dry-run", action="store_true", help="count, remove nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prune and report."""
        verb = "would leave" if options["dry_run"] else "removed"
        total = 0
        for name, number in retention.prune(dry_run=options["dry_run"]):
            total += number
            if number:
                self.stdout.write(f"{number:>9}  {name} {verb}")
        self.stdout.write(f"{total:>9}  rows {verb}")
