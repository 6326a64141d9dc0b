"""`manage.py vapid_keys`: make the key that notifications in browsers are signed with."""

from typing import Any

from django.core.management.base import BaseCommand

from depannini_dashmap.lib.outbound import web_push


class Command(BaseCommand):
    """Print a new key; nothing is stored, and browsers that subscribed with another key must subscribe again."""

    help = "Print a new VAPID_PRIVATE_KEY and the public key that belongs to it."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        private = web_push.make_private_key()
        self.stdout.write(f"VAPID_PRIVATE_KEY={private}")
        self.stdout.write(f"# public, which pages subscribe with: {web_push.public_key_of(private)}")
