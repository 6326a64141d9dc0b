"""Wiring of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FleetConfig(AppConfig):
    """Names the app."""

    name = "fleet"
    verbose_name = _("Fleet")
