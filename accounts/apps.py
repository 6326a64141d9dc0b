"""Wiring of the accounts app; no rules here."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, companies, memberships, codes and tokens."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers of what changes somebody's rights."""
        from accounts import receivers  # noqa: F401
