"""Wiring of the app."""

from django.apps import AppConfig


class FleetConfig(AppConfig):
    """Names the app."""

    name = "fleet"
