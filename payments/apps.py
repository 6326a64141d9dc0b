"""Wiring of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PaymentsConfig(AppConfig):
    """Names the app."""

    name = "payments"
    verbose_name = _("Payments")
