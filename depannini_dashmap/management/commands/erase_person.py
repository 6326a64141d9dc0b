"""`manage.py erase_person <who>`: close one person's account and erase what is personal, as they could themselves."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.services.account_closure import close_account
from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.operations import personal_data


class Command(BaseCommand):
    """Asks once; `--yes` answers."""

    help = "Erase one person's data; past jobs stay without them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take who, and the answer."""
        parser.add_argument("who", help="id, username, e-mail or phone number")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Find, ask, erase."""
        try:
            user = personal_data.find_person(options["who"])
        except personal_data.UnknownPerson as error:
            raise CommandError(str(error)) from error
        if user.closed_at:
            raise CommandError(f"Account {user.pk} was closed already")
        if not options["yes"] and input(f"Erase {user.username} (account {user.pk})? It cannot be undone. [y/N] ") != "y":
            raise CommandError("Nothing was erased")
        try:
            close_account(user)
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(f"Account {user.pk} is closed and erased.")
