"""Wiring of the app."""

from django.apps import AppConfig


class TripsConfig(AppConfig):
    """Names the app and connects its receivers."""

    name = "trips"

    def ready(self) -> None:
        from trips import receivers  # noqa: F401
