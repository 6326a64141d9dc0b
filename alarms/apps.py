"""Wiring of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AlarmsConfig(AppConfig):
    """Names the app."""

    name = "alarms"
    verbose_name = _("Alarms")

    def ready(self) -> None:
        """Connect the receivers."""
        from alarms import receivers  # noqa: F401
