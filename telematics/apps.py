"""Wiring of the app."""

from django.apps import AppConfig


class TelematicsConfig(AppConfig):
    """Names the app."""

    name = "telematics"
