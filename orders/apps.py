"""Wiring of the app."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """Names the app."""

    name = "orders"
