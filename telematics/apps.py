"""Wiring of the app."""

from django.apps import AppConfig


class TelematicsConfig(AppConfig):
    """Names the app and connects its receivers."""

    name = "telematics"

    def ready(self) -> None:
        from telematics import receivers  # noqa: F401
