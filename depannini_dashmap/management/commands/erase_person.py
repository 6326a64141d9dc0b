"""`manage.py erase_person <who>`: close one person's account and erase what is personal, as they could themselves."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.services.account_closure import close_account
from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.operations import erasure_replay, personal_data_export

WHAT_STAYS = (
    "Gone: names, addresses, phones, photo, what they wrote in chats and requests, attempts to sign in, and the network addresses "
    "of what they did in the audit trail. Stays: their past jobs without them, the events of the audit trail, and what others "
    "wrote to them, which is those people's own. Backups from before hold everything until they are removed; a restore erases again."
)


class Command(BaseCommand):
    """Asks once; `--yes` answers."""

    help = "Erase one person's data; past jobs stay without them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the person and the confirmation; or `--again`, which repeats erasures that a restore undid."""
        parser.add_argument("who", nargs="?", help="id, username, e-mail or phone number")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--again", action="store_true", help="erase everybody who was erased before and is open in this database")

    def handle(self, *args: Any, **options: Any) -> None:
        """Find, ask, erase."""
        if options["again"] == bool(options["who"]):
            raise CommandError("Say whom to erase, or --again")
        if options["again"]:
            self._erase_again()
            return
        try:
            user = personal_data_export.find_person(options["who"])
        except personal_data_export.UnknownPerson as error:
            raise CommandError(str(error)) from error
        if user.closed_at:
            raise CommandError(f"Account {user.pk} was closed already")
        if not options["yes"] and input(f"Erase {user.username} (account {user.pk})? It cannot be undone. [y/N] ") != "y":
            raise CommandError("Nothing was erased")
        try:
            close_account(actor=None, user=user)
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(f"Account {user.pk} is closed and erased. {WHAT_STAYS}")

    def _erase_again(self) -> None:
        if not erasure_replay.is_current():
            raise CommandError("Migrations are missing: run python manage.py migrate, which erases again by itself")
        done, refused = erasure_replay.apply()
        for sentence in erasure_replay.sentences(done, refused) or ["Nobody who was erased is open."]:
            self.stdout.write(sentence)
        if refused:
            raise CommandError(f"{len(refused)} could not be erased")
