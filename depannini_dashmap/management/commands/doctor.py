"""`manage.py doctor`: try everything that a deployment needs and name the remedy for what fails."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from depannini_dashmap.operations import doctor

MARKS = {"ok": "ok      ", "doubtful": "doubtful", "broken": "BROKEN  "}


class Command(BaseCommand):
    """Exit status 1 for errors; warnings do not count."""

    help = "Examine this deployment: settings, database, Redis, events, tasks, mail, SMS, the public address."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the names of single examinations and another address."""
        parser.add_argument("--only", nargs="+", metavar="NAME", help=", ".join(doctor.names()))
        parser.add_argument("--url", help="public address of the server instead of BASE_URL")

    def handle(self, *args: Any, **options: Any) -> None:
        """Examine and report."""
        only = options["only"]
        unknown = sorted(set(only or []) - set(doctor.names()))
        if unknown:
            raise CommandError(f"No such examination: {', '.join(unknown)}. There are: {', '.join(doctor.names())}")
        if options["url"]:
            settings.BASE_URL = options["url"].rstrip("/")
        broken = False
        for finding in doctor.examine(only):
            self.stdout.write(f"{MARKS[finding.level]} {finding.name:<14} {finding.sentence}")
            if finding.remedy:
                self.stdout.write(f"{'':>24}→ {finding.remedy}")
            broken = broken or finding.level == "broken"
        if broken:
            sys.exit(1)
