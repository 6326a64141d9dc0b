"""Wiring of the accounts app; no rules here."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, companies, memberships, codes and tokens."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
