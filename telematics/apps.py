"""Wiring of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TelematicsConfig(AppConfig):
    """Names the app and connects its receivers."""

    name = "telematics"
    verbose_name = _("Telematics")

    def ready(self) -> None:
        from telematics import receivers  # noqa: F401
