"""Wiring of the accounts app; no rules here."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Users, companies, memberships, codes and tokens."""

    name = "accounts"
    verbose_name = _("Accounts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers of what changes somebody's rights."""
        from accounts import receivers  # noqa: F401
