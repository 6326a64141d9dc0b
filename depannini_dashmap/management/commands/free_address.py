"""`manage.py free_address <phone or e-mail>`: let an address get codes again though others used up its day."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.phones import NotAPhoneNumber, normalise_phone
from accounts.services import free_address
from depannini_dashmap.lib.text import NotAnEmail, canonical_email


class Command(BaseCommand):
    """Frees one address; who owns it must be known by other means, e.g. because they call."""

    help = "Begin an address's day of codes and messages anew."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the address."""
        parser.add_argument("address", help="phone number or e-mail")

    def handle(self, *args: Any, **options: Any) -> None:
        """Free it and say how many messages were counted."""
        typed = options["address"]
        channel = "email" if "@" in typed else "phone"
        try:
            address = canonical_email(typed) if channel == "email" else normalise_phone(typed)
        except (NotAPhoneNumber, NotAnEmail) as error:
            raise CommandError("That is neither a phone number nor an e-mail") from error
        freed = free_address(actor=None, channel=channel, address=address)
        self.stdout.write(f"{address} had {freed} message{'' if freed == 1 else 's'} in the last 24 hours; its hour and day begin anew.")
