"""`manage.py seed_demo`: a believable week for the eyes of a newcomer; repeatable."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from depannini_dashmap.demo.data import is_seeded, seed
from depannini_dashmap.demo.people_and_places import ASSISTANTS, CLIENTS, DEMO_PASSWORD, DISPATCHERS, OPERATOR, VIEWER

LOGINS = [
    ("operator", OPERATOR.login, DEMO_PASSWORD),
    ("dispatcher", DISPATCHERS[0].login, DEMO_PASSWORD),
    ("dispatcher (Monaco)", DISPATCHERS[1].login, DEMO_PASSWORD),
    ("viewer", VIEWER.login, DEMO_PASSWORD),
    ("client", CLIENTS[0].login, DEMO_PASSWORD),
    ("assistant", ASSISTANTS[0].login, DEMO_PASSWORD),
]


class Command(BaseCommand):
    """Make two companies, their vehicles, orders and trips, assistants, motorists and their requests."""

    help = "Fill the database with demo data; does nothing where it was done before."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the seed and the override."""
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--force", action="store_true", help="also where DEBUG is off")

    def handle(self, **options: Any) -> None:
        """Fill, and say what was made."""
        if not settings.DEBUG and not options["force"]:
            raise CommandError("Demo logins have a public password: refused while DEBUG is off. Use --force to insist.")
        if is_seeded():
            self.stdout.write("The demo data is there already.")
            return
        made = seed(options["seed"])
        if options["verbosity"]:
            self.stdout.write(", ".join(f"{number} {kind}" for kind, number in made.counts.items()))
            for role, login, password in LOGINS:
                self.stdout.write(f"  {role:<18} {login:<16} {password}")
