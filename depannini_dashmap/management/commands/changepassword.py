"""Django's `changepassword`, after which every session of the account has ended, as after any new password."""

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword

from accounts.models import User
from accounts.services import end_sessions


class Command(changepassword.Command):
    """Change a password at the terminal and end the account's tokens and sockets."""

    def handle(self, *args: Any, **options: Any) -> str:
        told = super().handle(*args, **options)
        end_sessions(actor=None, user_id=User.objects.get(username=options["username"] or getpass.getuser()).pk, reason="password_changed")
        return told
