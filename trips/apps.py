"""Wiring of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TripsConfig(AppConfig):
    """Names the app and connects its receivers."""

    name = "trips"
    verbose_name = _("Trips")

    def ready(self) -> None:
        from trips import receivers  # noqa: F401
