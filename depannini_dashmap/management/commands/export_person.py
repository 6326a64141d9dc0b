"""`manage.py export_person <who>`: everything that is kept about one person, as a zip file for them."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from depannini_dashmap.lib.ops import audit
from depannini_dashmap.operations import personal_data_export


class Command(BaseCommand):
    """Writes `person-<id>.zip`, readable by its owner alone, and records that it was made."""

    help = "Write everything that is kept about one person into a zip file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take who, and where to."""
        parser.add_argument("who", help="id, username, e-mail or phone number")
        parser.add_argument("--output", help="the file to write; default person-<id>.zip here")

    def handle(self, *args: Any, **options: Any) -> None:
        """Find, gather, write."""
        try:
            user = personal_data_export.find_person(options["who"])
            target = Path(options["output"] or f"person-{user.pk}.zip")
            personal_data_export.export(user, target)
        except personal_data_export.UnknownPerson as error:
            raise CommandError(str(error)) from error
        except FileExistsError as error:
            raise CommandError(f"{target} exists already") from error
        audit.record("person_exported", target=user)
        self.stdout.write(f"{target}: hand it to nobody but them, and delete it then.")
